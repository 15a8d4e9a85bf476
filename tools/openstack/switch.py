"""The lab's switch: two networks that the machines are moved between, each with DHCP of its own.

A VLAN is a bridge, `vlan<n>`; the mechanism driver of the private OpenStack moves the taps.
"""

from dataclasses import dataclass

from stbernard.lab import network
from stbernard.lab.lab import Lab
from stbernard.programs import run

_DNSMASQ = """\
port=0
interface={bridge}
bind-interfaces
user=root
no-ping
log-dhcp
log-facility={state_dir}/{bridge}.log
pid-file={state_dir}/{bridge}.pid
dhcp-authoritative
dhcp-leasefile={state_dir}/{bridge}.leases
dhcp-range={prefix}.0,static,255.255.255.0,1h
dhcp-option=option:router,{prefix}.1
"""
_BOOT = """\
# iPXE waits 15 s for an IPv6 router before it goes on without one.
enable-ra
dhcp-range=fd79::,ra-only
dhcp-match=set:ipxe,175
dhcp-boot=tag:ipxe,{api}/boot/boot.ipxe
"""


@dataclass(frozen=True)
class Segment:
    """One network. `boots`: whether servers may boot a ramdisk in it."""

    name: str
    vlan: int
    prefix: str
    boots: bool

    @property
    def bridge(self) -> str:
        return f"vlan{self.vlan}"

    @property
    def cidr(self) -> str:
        return f"{self.prefix}.0/24"

    def address(self, number: int) -> str:
        """The address of the lab's machine with this number."""
        return f"{self.prefix}.{10 + number}"


TENANT = Segment("tenant", 101, "10.78.0", boots=False)
RESCUING = Segment("rescuing", 102, "10.79.0", boots=True)


def add(lab: Lab, segment: Segment) -> None:
    """Make the network in a lab that is up; the lab's end is its end. Raises ProgramError."""
    commands = [
        f"link add {segment.bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
        f"addr add {segment.prefix}.1/24 dev {segment.bridge}",
        f"link set {segment.bridge} up",
    ]
    if segment.boots:
        commands.append(f"addr add fd79::1/64 dev {segment.bridge} nodad")
    run("ip", "-n", lab.network.namespace, "-batch", "-", stdin="\n".join(commands))
    text = _DNSMASQ + (_BOOT if segment.boots else "")
    text = text.format(
        bridge=segment.bridge,
        prefix=segment.prefix,
        state_dir=lab.state_dir,
        api=network.API_URL,
    )
    for number, machine in enumerate(lab.machines, start=1):
        text += f"dhcp-host={machine.mac},{segment.address(number)}\n"
    config = lab.state_dir / f"{segment.bridge}.conf"
    config.write_text(text)
    lab.run("dnsmasq", f"--conf-file={config}")
