"""Every network link up, and an IPv4 address by DHCP on every one that has a carrier."""

import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path

from stbernard_agent.console import Console
from stbernard_agent.settings import Settings

LINKS = Path("/sys/class/net")
LEASE_SCRIPT = Path(__file__).with_name("lease.sh")
BOOT_LINK_METRIC, OTHER_LINK_METRIC = 100, 200  # the boot link's default route wins
PATIENCE = 10.0  # seconds without an address until the console says why

# linux/if_arp.h, linux/rtnetlink.h, linux/sockios.h, linux/if.h
ARPHRD_ETHER = "1"
RTMGRP_LINK, RTMGRP_IPV4_IFADDR = 0x1, 0x10
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 0x1


class Network:
    """Follows links and addresses as they come and go; the kernel tells by rtnetlink(7).

    Links may appear late (their drivers are still being loaded), and a carrier may come back on
    another network: each time a link gets a carrier, DHCP starts afresh on it.
    """

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._clients: dict[str, subprocess.Popen[bytes]] = {}
        self._addresses: dict[str, str] = {}
        self._changed = threading.Condition()

    def start(self) -> None:
        """Begin to follow the links, in the background."""
        events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        events.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR))
        _set_up("lo")
        self._look()
        threading.Thread(target=self._follow, args=(events,), name="network", daemon=True).start()

    def macs(self) -> list[str]:
        """The MAC addresses of all Ethernet links, the one booted from first."""
        macs = [_mac(link) for link in _ethernet_links()]
        return sorted(filter(None, macs), key=lambda mac: mac != self._settings.boot_mac)

    def addresses(self) -> list[str]:
        """The IPv4 addresses that DHCP gave."""
        return list(self._addresses.values())

    def wait_for_change(self, timeout: float) -> None:
        """Return when a link or an address came or went, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait(timeout)

    def wait_for_address(self) -> None:
        """Return as soon as there is an address; say on the console what it is waiting for."""
        with self._changed:
            while not self._changed.wait_for(self.addresses, timeout=PATIENCE):
                self._console.trouble(self._why_no_address())

    def ask_again(self) -> None:
        """Start DHCP afresh on every link: the network behind it may be another one by now."""
        with self._changed:
            for link in list(self._clients):
                self._start_client(link)

    def _follow(self, events: socket.socket) -> None:
        while True:
            # ENOBUFS says that events were lost: no harm, each look sees all there is.
            with contextlib.suppress(OSError):
                events.recv(65536)
            self._look()

    def _look(self) -> None:
        links = _ethernet_links()
        with self._changed:
            for link in links:
                _set_up(link)
                if not _has_carrier(link):
                    self._stop_client(link)
                elif link not in self._clients:
                    self._start_client(link)
            addresses = {link: ip for link in links if (ip := self._address(link))}
            for link, address in addresses.items():
                if self._addresses.get(link) != address:
                    self._console.say(f"got {address} on {link}")
            self._addresses = addresses
            self._changed.notify_all()

    def _start_client(self, link: str) -> None:
        self._stop_client(link)
        boot_link = _mac(link) == self._settings.boot_mac
        environment = {
            **os.environ,
            "RUN": str(self._settings.run),
            "RESOLV_CONF": str(self._settings.etc / "resolv.conf"),
            "METRIC": str(BOOT_LINK_METRIC if boot_link else OTHER_LINK_METRIC),
        }
        command = ["busybox", "udhcpc", "-f", "-i", link, "-s", str(LEASE_SCRIPT)]
        command += ["-p", str(self._pid_file(link)), "-t", "5", "-T", "1", "-A", "3"]
        command += ["-O", "mtu", "-O", "staticroutes"]  # cloud networks need both
        if address := self._address(link):
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
            os.kill(pid, signal.SIGTERM)

    def _address(self, link: str) -> str:
        """The address that the lease script gave the link, once its routes are there too."""
        return _read(self._settings.run / f"lease-{link}")

    def _pid_file(self, link: str) -> Path:
        return self._settings.run / f"udhcpc-{link}.pid"

    def _why_no_address(self) -> str:
        links = _ethernet_links()
        if not links:
            return "no network card found; check that the ramdisk has its driver (lspci -k)"
        waiting = [link for link in links if _has_carrier(link)]
        if not waiting:
            names = ", ".join(links)
            return f"no link on {names}; check the cable and the switch port"
        names = ", ".join(f"{link} ({_mac(link)})" for link in waiting)
        return f"no DHCP answer on {names}; check the DHCP server and the network of the port"


def running(pid_file: Path, program: str) -> int | None:
    """The process that `pid_file` names, if it runs `program`; a dead one has no command line."""
    try:
        pid = int(pid_file.read_text())
        return pid if program in Path(f"/proc/{pid}/cmdline").read_text() else None
    except (OSError, ValueError):
        return None


def _ethernet_links() -> list[str]:
    """The Ethernet cards: no loopback, and no bond or bridge that somebody put on top."""
    return sorted(
        link.name
        for link in LINKS.iterdir()
        if link.name != "lo"
        and _read(link / "type") == ARPHRD_ETHER
        and not any((link / kind).exists() for kind in ("bonding", "bridge"))
    )


def _mac(link: str) -> str:
    return _read(LINKS / link / "address")


def _has_carrier(link: str) -> bool:
    return _read(LINKS / link / "carrier") == "1"


def _read(path: Path) -> str:
    """What a small file says; empty where it is not there, or sysfs has nothing to say."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _set_up(link: str) -> None:
    """Set IFF_UP, netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            reply = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh14x", link.encode(), 0))
            flags = struct.unpack("16sh14x", reply)[1]
            if not flags & IFF_UP:
                request = struct.pack("16sh14x", link.encode(), flags | IFF_UP)
                fcntl.ioctl(control, SIOCSIFFLAGS, request)
        except OSError:
            return  # the link went away; rtnetlink tells when it is back
