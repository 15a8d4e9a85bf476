"""The lab's network: a namespace of its own with a bridge, DHCP and one tap for each machine.

Nothing in it reaches the host or the world; who wants to talk to a machine goes inside.
"""

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stbernard.programs import run

HOST = "10.77.0.1"
HOST_IPV6 = "fd77::1"
API_URL = f"http://{HOST}:6385"
CLONE_NEWNET = 0x40000000  # setns(2)

IPV6 = """\
# iPXE waits 15 s for an IPv6 router before it goes on without one.
enable-ra
dhcp-range=fd77::,ra-only
"""
DNSMASQ = """\
port=0
interface=br0
bind-interfaces
user=root
no-ping
log-dhcp
log-facility={state_dir}/dnsmasq.log
pid-file={state_dir}/dnsmasq.pid
dhcp-authoritative
dhcp-leasefile={state_dir}/dnsmasq.leases
dhcp-range=10.77.0.0,static,255.255.255.0,1h
dhcp-option=option:router,{host}
{ipv6}
# iPXE says so with option 175; the boot ROM of QEMU's network card is one.
dhcp-match=set:ipxe,175
dhcp-boot=tag:ipxe,{api}/boot/boot.ipxe
"""

SERVICE_DHCP = """\
[dhcp]
dhcp_provider = dnsmasq
[dnsmasq]
interface = br0
dhcp_range = {first};{last};255.255.255.0;1h
conf_file = {more}
"""


@dataclass(frozen=True)
class Port:
    """Where a machine is plugged in, and the address DHCP gives it."""

    mac: str
    address: str
    tap: str


def port(number: int) -> Port:
    """The port of machine `number`, counted from 1."""
    return Port(
        mac=f"52:54:00:77:00:{number:02x}", address=f"10.77.0.{10 + number}", tap=f"tap{number}"
    )


class Network:
    """One network namespace by its name."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._handle = Path("/run/netns") / namespace

    @property
    def exists(self) -> bool:
        return self._handle.exists()

    def create(self, ports: Sequence[Port]) -> None:
        """Make the namespace, the bridge and the taps."""
        run("ip", "netns", "add", self.namespace)
        commands = [
            "link set lo up",
            "link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
            f"addr add {HOST}/24 dev br0",
            f"addr add {HOST_IPV6}/64 dev br0 nodad",
            "link set br0 up",
        ]
        for plug in ports:
            commands += [f"tuntap add {plug.tap} mode tap", f"link set {plug.tap} master br0 up"]
        run("ip", "-n", self.namespace, "-batch", "-", stdin="\n".join(commands))

    def delete(self) -> None:
        """Delete the namespace, if there is one, with all that is in it."""
        if self.exists:
            run("ip", "netns", "delete", self.namespace)

    def command(self, command: Sequence[str | Path]) -> list[str]:
        """The command that runs `command` inside the namespace."""
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Put the calling thread, and threads it starts, into the namespace for a while.

        Sockets stay in the namespace they were made in. Raises OSError without root.
        """
        # A file descriptor keeps the namespace we leave from being lost.
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self._handle, os.O_RDONLY)
        try:
            _setns(there)
            yield
        finally:
            _setns(here)
            os.close(there)
            os.close(here)


def dnsmasq_config(ports: Sequence[Port], state_dir: Path) -> str:
    """The text of dnsmasq.conf: fixed addresses, and the boot script for iPXE."""
    text = DNSMASQ.format(host=HOST, api=API_URL, state_dir=state_dir, ipv6=IPV6)
    return text + "".join(f"dhcp-host={plug.mac},{plug.address}\n" for plug in ports)


def service_dhcp(ports: Sequence[Port], state_dir: Path) -> str:
    """The options by which the service gives these ports their addresses, in a lab without DHCP."""
    more = state_dir / "service-dnsmasq.conf"
    more.write_text(IPV6)
    return SERVICE_DHCP.format(first=ports[0].address, last=ports[-1].address, more=more)


def _setns(descriptor: int) -> None:
    # os.setns came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
