"""Makes a plan of links true, bit by bit, as the cards that it names appear. By iproute2's `ip`."""

import contextlib
import itertools
import subprocess
from collections.abc import Iterable, Mapping

from stbernard_agent.console import Console
from stbernard_agent.links import LINKS
from stbernard_agent.network_data import Link, Plan

FIRST_METRIC = 50  # of routes that somebody wrote down: before DHCP's


class Layout:
    """`devices`: the kernel's name of each link of the plan that is there."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self.plan = plan
        self.devices: dict[str, str] = {}
        self._console = console
        self._made: list[str] = []
        self._members: set[str] = set()

    def look(self, macs: Mapping[str, str]) -> None:
        """Go on with what is there; `macs`: the cards' names by their permanent addresses."""
        for link in self.plan.links:
            if link.kind == "bond":
                self._bond(link)
            elif link.id not in self.devices:
                self._begin(link, macs)

    def wants_dhcp(self, version: str = "4") -> set[str]:
        """The devices that are to ask DHCP (of IPv4 or IPv6) for an address."""
        nets = [net for net in self.plan.nets if net.version == version and not net.address]
        return self._of(net.link for net in nets)

    def without_dhcp(self) -> set[str]:
        """Those that are told their addresses, or are only there for others on top of them."""
        below = [parent for link in self.plan.links for parent in link.parents]
        return self._of([*(net.link for net in self.plan.nets), *below]) - self.wants_dhcp()

    def addresses(self) -> dict[str, list[str]]:
        """The IPv4 addresses that the plan gave, by device."""
        given: dict[str, list[str]] = {}
        for net in self.plan.nets:
            if net.address and net.version == "4" and net.link in self.devices:
                plain = net.address.partition("/")[0]
                given.setdefault(self.devices[net.link], []).append(plain)
        return given

    def missing(self) -> list[str]:
        """The cards of the plan that are not there, by address."""
        cards = (link for link in self.plan.links if link.kind == "phy")
        return [link.mac for link in cards if link.id not in self.devices]

    def undo(self) -> None:
        """Take down what was put on top of the cards; their own addresses stay."""
        for device in reversed(self._made):
            self._ip("link", "del", device)
        self._made.clear()
        for link in self.plan.links:
            if link.kind != "phy":
                self.devices.pop(link.id, None)

    def _of(self, ids: Iterable[str]) -> set[str]:
        return {self.devices[each] for each in ids if each in self.devices}

    def _begin(self, link: Link, macs: Mapping[str, str]) -> None:
        if link.kind == "phy":
            if link.mac in macs:
                self._ready(link, macs[link.mac])
        elif link.parents[0] in self.devices:
            below = self.devices[link.parents[0]]
            device = f"{below[:10]}.{link.vlan_id}"
            if self._ip(
                *("link", "add", "link", below, "name", device, "address", link.mac),
                *("type", "vlan", "id", str(link.vlan_id)),
            ):
                self._made.append(device)
                self._ready(link, device)

    def _bond(self, link: Link) -> None:
        """Made with its first card; each other one joins when it is there."""
        cards = [self.devices[each] for each in link.parents if each in self.devices]
        device = self.devices.get(link.id, "")
        if cards and not device:
            device = self._new_bond()
            if not self._ip("link", "add", device, "address", link.mac, "type", "bond", *link.bond):
                return
            self._made.append(device)
        for card in cards:
            if card not in self._members:  # the kernel takes only cards that are down
                self._members.add(card)
                self._ip("link", "set", card, "down")
                # Answers to what comes in by the bond would go out by an address of the card's.
                self._ip("addr", "flush", "dev", card)
                self._ip("link", "set", card, "master", device)
                self._ip("link", "set", card, "up")
        if cards and link.id not in self.devices:
            self._ready(link, device)

    def _new_bond(self) -> str:
        """A name for one; loaded without being told, the driver makes a bond0 that nobody wants."""
        command = ["modprobe", "-q", "bonding", "max_bonds=0"]
        with contextlib.suppress(OSError):
            subprocess.run(command, capture_output=True, check=False)
        names = (f"bond{number}" for number in itertools.count())
        return next(name for name in names if not (LINKS / name).exists())

    def _ready(self, link: Link, device: str) -> None:
        self.devices[link.id] = device
        if link.mtu:
            self._ip("link", "set", device, "mtu", str(link.mtu))
        self._ip("link", "set", device, "up")
        for number, net in enumerate(self.plan.nets):
            if net.link != link.id:
                continue
            family = f"-{net.version}"
            if net.address:
                fast = ("nodad",) if net.version == "6" else ()
                self._ip(family, "addr", "replace", net.address, "dev", device, *fast)
            metric = str(FIRST_METRIC + number)
            for to, gateway in net.routes if net.address else ():
                via = ("via", gateway, "dev", device, "metric", metric)
                self._ip(family, "route", "replace", to, *via)

    def _ip(self, *arguments: str) -> bool:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            why = done.stderr.strip() or f"status {done.returncode}"
            self._console.trouble(f"network data: ip {' '.join(arguments)}: {why}")
        return done.returncode == 0
