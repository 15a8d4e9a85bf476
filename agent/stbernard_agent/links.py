"""Network links as the kernel shows them (sysfs), and the one thing that is done to all: up."""

import fcntl
import socket
import struct
from pathlib import Path

LINKS = Path("/sys/class/net")
IPV6_ADDRESSES = Path("/proc/net/if_inet6")

# linux/if_arp.h, linux/sockios.h, linux/if.h, linux/if_addr.h, net/ipv6.h
ARPHRD_ETHER = "1"
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 0x1
IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE = 0x08, 0x20, 0x40
SCOPE_GLOBAL, SCOPE_LINK = 0x00, 0x20


def ethernet_links() -> list[str]:
    """The Ethernet cards: no loopback, and no bond, VLAN or bridge on top of one."""
    return sorted(
        link.name
        for link in LINKS.iterdir()
        if link.name != "lo"
        and read(link / "type") == ARPHRD_ETHER
        and not any((link / kind).exists() for kind in ("bonding", "bridge"))
        and not any(link.glob("lower_*"))
    )


def is_member(link: str) -> bool:
    """Whether it belongs to a bond or bridge, and has no addresses of its own."""
    return (LINKS / link / "master").exists()


def mac(link: str) -> str:
    return read(LINKS / link / "address")


def has_carrier(link: str) -> bool:
    return read(LINKS / link / "carrier") == "1"


def ipv6_addresses() -> dict[str, list[str]]:
    """The global addresses of each link that are in use, however they came."""
    found: dict[str, list[str]] = {}
    for line in read(IPV6_ADDRESSES).splitlines():
        address, _, _, scope, flags, link = line.split()
        unfit = IFA_F_DADFAILED | IFA_F_DEPRECATED | IFA_F_TENTATIVE
        if int(scope, 16) == SCOPE_GLOBAL and not int(flags, 16) & unfit:
            text = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address))
            found.setdefault(link, []).append(text)
    return found


def link_local_address(link: str) -> str:
    """The link's own IPv6 address; empty while it has none that can be used."""
    for line in read(IPV6_ADDRESSES).splitlines():
        address, _, _, scope, flags, name = line.split()
        unfit = IFA_F_DADFAILED | IFA_F_TENTATIVE
        if name == link and int(scope, 16) == SCOPE_LINK and not int(flags, 16) & unfit:
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address))
    return ""


def read(path: Path) -> str:
    """What a small file says; empty where it is not there, or sysfs has nothing to say."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def set_up(link: str) -> None:
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
