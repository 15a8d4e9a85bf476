"""Every network link up, and the addresses that belong on it.

By the plan in a network_data.json where there is one; on every other link that has a carrier by
DHCP, for IPv4, and by router advertisements, which the kernel follows, for IPv6.
"""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from stbernard_agent import links, router_dns
from stbernard_agent.console import Console
from stbernard_agent.settings import Settings, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:  # it is read when it is needed, so that DHCP is asked sooner
    from stbernard_agent.dhcpv6 import Client
    from stbernard_agent.layout import Layout

LEASE_SCRIPT = Path(__file__).with_name("lease.sh")
BOOT_LINK_METRIC, OTHER_LINK_METRIC = 100, 200  # the boot link's default route wins
PATIENCE = 10.0  # seconds without an address until the console says why
GIVE_UP_AFTER = 60.0  # seconds without one, until network data is not relied on any more

# linux/rtnetlink.h
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100


class Network:
    """Follows links and addresses as they come and go; the kernel tells by rtnetlink(7).

    Links may appear late (their drivers are still being loaded), and a carrier may come back on
    another network: each time a link gets a carrier, DHCP starts afresh on it.
    """

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._clients: dict[str, subprocess.Popen[bytes]] = {}
        self._macs: dict[str, str] = {}
        self._addresses: dict[str, list[str]] = {}
        self._layout: Layout | None = None
        self._clients_v6: dict[str, Client] = {}
        self._router_dns = router_dns.RouterDNS()
        self._resolv_conf = ""
        self._changed = threading.Condition()

    def start(self) -> None:
        """Begin to follow the links, in the background."""
        events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
        events.bind((0, groups | router_dns.RTMGRP_ND_USEROPT))
        links.set_up("lo")
        self._look()
        threading.Thread(target=self._follow, args=(events,), name="network", daemon=True).start()

    def configure(self, data: object) -> None:
        """Take over a decoded network_data.json; one that is wrong is left to DHCP."""
        from stbernard_agent.layout import Layout  # noqa: PLC0415
        from stbernard_agent.network_data import NetworkDataError, read  # noqa: PLC0415

        try:
            plan = read(data)
        except NetworkDataError as error:
            self._console.say(f"{error}; the network is left to DHCP")
            return
        with self._changed:
            if self._layout and self._layout.plan == plan:
                return  # people are logged in by it
            if self._layout:
                self._layout.undo()
            self._layout = Layout(plan, self._console)
            self._keep_dns("0-network-data", nameservers(plan.dns))
        self._look()

    def configure_from_medium(self) -> None:
        """Take over what the boot medium says, if it does. Kept for an agent that is started again:
        the service ejects the medium."""
        import json  # noqa: PLC0415

        from stbernard_agent.medium import network_data  # noqa: PLC0415

        kept = self._settings.run / "network_data.json"
        if kept.exists():
            data = json.loads(kept.read_text())
        else:
            data = network_data(self._console, self._settings.run / "medium")
            write_file(kept, json.dumps(data), 0o600)
        if data:
            self.configure(data)

    def keep_for_later(self, data: object) -> None:
        """The network_data.json of the network that the server is in after the rescue."""
        import json  # noqa: PLC0415

        write_file(self._settings.run / "tenant_network_data.json", json.dumps(data), 0o600)

    def move(self) -> None:
        """After the rescue: go over to that network."""
        import json  # noqa: PLC0415

        kept = self._settings.run / "tenant_network_data.json"
        if kept.exists():
            self.configure(json.loads(kept.read_text()))

    def fall_back(self) -> None:
        """The plan leads nowhere: DHCP on every link, too; static addresses of cards stay."""
        with self._changed:
            if not self._layout:
                return
            missing = ", ".join(self._layout.missing()) or "none"
            self._layout.undo()
            self._layout = None
        self._console.say(
            "the network of network_data.json leads nowhere: DHCP is asked on every link "
            f"(cards that are not there: {missing})"
        )
        self._look()

    def macs(self) -> list[str]:
        """The MAC addresses of all Ethernet links, the one booted from first."""
        macs = [self._mac(link) for link in links.ethernet_links()]
        return sorted(filter(None, macs), key=lambda mac: mac != self._settings.boot_mac)

    def addresses(self) -> list[str]:
        """The addresses that DHCP, the plan and router advertisements gave, IPv4's first."""
        known = [address for each in self._addresses.values() for address in each]
        return sorted(known, key=lambda address: ":" in address)

    def wait_for_change(self, timeout: float) -> None:
        """Return when a link or an address came or went, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait(timeout)

    def wait_for_address(self) -> None:
        """Return as soon as there is an address; say on the console what it is waiting for."""
        given_up_at = time.monotonic() + GIVE_UP_AFTER
        with self._changed:
            while not self._changed.wait_for(self.addresses, timeout=PATIENCE):
                self._console.trouble(self._why_no_address())
                self._ask_dhcpv6()
                if time.monotonic() >= given_up_at:
                    self.fall_back()

    def ask_again(self) -> None:
        """Start DHCP afresh on every link: the network behind it may be another one by now."""
        with self._changed:
            for link in list(self._clients):
                self._start_client(link)
            self._ask_dhcpv6()

    def _ask_dhcpv6(self) -> None:
        """Only where IPv4 and router advertisements were not enough, or when there is time: most
        networks need none."""
        from stbernard_agent.dhcpv6 import Client  # noqa: PLC0415

        planned = self._layout.wants_dhcp("6") if self._layout else set()
        for link in self._to_ask(links.ethernet_links()) | planned:
            if link in self._clients_v6:
                self._clients_v6[link].ask_again()
            else:
                mac = links.mac(link)
                self._clients_v6[link] = Client(link, mac, self._keep_dns_v6)

    def _keep_dns_v6(self, link: str, servers: tuple[str, ...]) -> None:
        with self._changed:
            self._keep_dns(f"{link}-v6", nameservers(servers))
            self._write_resolv_conf()

    def _follow(self, events: socket.socket) -> None:
        while True:
            # ENOBUFS says that events were lost: no harm, each look sees all there is.
            with contextlib.suppress(OSError):
                heard = self._router_dns.hear(events.recv(65536), time.monotonic())
                for link, lines in heard.items():
                    self._keep_dns(f"ra-{link}", lines)  # by name after all others
            self._look()

    def _look(self) -> None:
        cards = links.ethernet_links()
        with self._changed:
            for link in cards:
                links.set_up(link)
                self._macs.setdefault(link, links.mac(link))
            if self._layout:
                self._layout.look({mac: link for link, mac in self._macs.items() if link in cards})
                if self._layout.wants_dhcp("6") - self._clients_v6.keys():
                    self._ask_dhcpv6()
            for link in filter(links.is_member, cards):
                self._lease_file(link).unlink(missing_ok=True)  # it has no address any more
            asking = self._to_ask(cards)
            for link in (*cards, *self._clients.keys() - set(cards)):
                if link not in asking or not links.has_carrier(link):
                    self._stop_client(link)
            for link in asking:
                if links.has_carrier(link) and link not in self._clients:
                    self._start_client(link)
            self._see_addresses([*cards, *sorted(asking - set(cards))])
            self._write_resolv_conf()  # after the leases, which come after their DNS servers
            self._changed.notify_all()

    def _to_ask(self, cards: list[str]) -> set[str]:
        """The links on which DHCP is asked."""
        free = {link for link in cards if not links.is_member(link)}
        if not self._layout:
            return free
        return (free - self._layout.without_dhcp()) | self._layout.wants_dhcp()

    def _see_addresses(self, leased: list[str]) -> None:
        now = {link: [ip] for link in leased if (ip := self._lease(link))}
        planned = self._layout.addresses() if self._layout else {}
        for more in (planned, links.ipv6_addresses()):
            for link, addresses in more.items():
                now[link] = [*now.get(link, ()), *addresses]
        for link, addresses in now.items():
            for address in set(addresses) - set(self._addresses.get(link, ())):
                self._console.say(f"got {address} on {link}")
        self._addresses = now

    def _start_client(self, link: str) -> None:
        self._stop_client(link)
        boot_link = self._mac(link) == self._settings.boot_mac
        environment = {
            **os.environ,
            "RUN": str(self._settings.run),
            "METRIC": str(BOOT_LINK_METRIC if boot_link else OTHER_LINK_METRIC),
        }
        command = ["busybox", "udhcpc", "-f", "-i", link, "-s", str(LEASE_SCRIPT)]
        command += ["-p", str(self._pid_file(link)), "-t", "5", "-T", "1", "-A", "3"]
        command += ["-O", "mtu", "-O", "staticroutes"]  # cloud networks need both
        if address := self._lease(link):
            command += ["-r", address]
        quiet = subprocess.DEVNULL
        self._clients[link] = subprocess.Popen(
            command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet
        )

    def _stop_client(self, link: str) -> None:
        """Stop the link's DHCP client, also one that an earlier run of the agent left behind."""
        if client := self._clients.pop(link, None):
            client.terminate()
            client.wait()
        elif pid := running(self._pid_file(link), "udhcpc"):
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGTERM)

    def _lease(self, link: str) -> str:
        """The address that the lease script gave the link, once its routes are there too."""
        return links.read(self._lease_file(link))

    def _lease_file(self, link: str) -> Path:
        return self._settings.run / f"lease-{link}"

    def _mac(self, link: str) -> str:
        """The card's own: in a bond it shows another."""
        return self._macs.get(link) or links.mac(link)

    def _pid_file(self, link: str) -> Path:
        return self._settings.run / f"udhcpc-{link}.pid"

    def _keep_dns(self, source: str, lines: Iterable[str]) -> None:
        """Beside what DHCP gives (lease.sh)."""
        text = "".join(f"{line}\n" for line in lines)
        write_file(self._settings.run / f"resolv-{source}.conf", text, 0o644)

    def _write_resolv_conf(self) -> None:
        """Only when it is to change: people may have written their own."""
        files = sorted(self._settings.run.glob("resolv-*.conf"))
        text = router_dns.resolv_conf(file.read_text() for file in files)
        if text != self._resolv_conf:
            (self._settings.etc / "resolv.conf").write_text(text)
            self._resolv_conf = text

    def _why_no_address(self) -> str:
        cards = links.ethernet_links()
        if not cards:
            return "no network card found; check that the ramdisk has its driver (lspci -k)"
        if self._layout and (missing := self._layout.missing()):
            return f"the cards of network_data.json are not there: {', '.join(missing)}"
        waiting = [link for link in cards if links.has_carrier(link)]
        if not waiting:
            names = ", ".join(cards)
            return f"no link on {names}; check the cable and the switch port"
        names = ", ".join(f"{link} ({self._mac(link)})" for link in waiting)
        return f"no DHCP answer on {names}; check the DHCP server and the network of the port"


def nameservers(servers: Iterable[str]) -> list[str]:
    return [f"nameserver {server}" for server in servers]


def running(pid_file: Path, program: str) -> int | None:
    """The process that `pid_file` names, if it runs `program`; a dead one has no command line."""
    try:
        pid = int(pid_file.read_text())
        return pid if program in Path(f"/proc/{pid}/cmdline").read_text() else None
    except (OSError, ValueError):
        return None
