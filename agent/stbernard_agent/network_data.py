"""OpenStack's network_data.json as a plan: which links there are to be, with which addresses.

Pure: what is done about it is in `layout.py`. The format is that of Nova's metadata, which Ironic
has for a node's `network_data`, too.
"""

import ipaddress
from dataclasses import dataclass
from typing import Any

ANY = {"4": "0.0.0.0/0", "6": "::/0"}


class NetworkDataError(Exception):
    """It cannot be used; the text names the entry."""


@dataclass(frozen=True)
class Link:
    """`parents` are the links below: a bond's members, a VLAN's link."""

    id: str
    kind: str  # phy, bond, vlan
    mac: str
    mtu: int | None
    parents: tuple[str, ...] = ()
    vlan_id: int | None = None
    bond: tuple[str, ...] = ()  # ip-link(8)'s words for its options


@dataclass(frozen=True)
class Net:
    """What a link has: a static address as CIDR (None: DHCP, or router advertisements)."""

    link: str
    version: str  # 4, 6
    address: str | None
    routes: tuple[tuple[str, str], ...]  # (destination as CIDR, gateway)


@dataclass(frozen=True)
class Plan:
    """`links`: parents before what is on top of them."""

    links: tuple[Link, ...]
    nets: tuple[Net, ...]
    dns: tuple[str, ...]


def read(data: Any) -> Plan:
    """The plan in a decoded network_data.json. Raises NetworkDataError."""
    try:
        links = _sorted([_link(each) for each in data["links"]])
        nets = tuple(_net(each) for each in data["networks"])
        services = [*data.get("services", ())]
        for each in data["networks"]:
            services += each.get("services") or ()
            for route in each.get("routes") or ():
                services += route.get("services") or ()
        dns = dict.fromkeys(str(each["address"]) for each in services if each["type"] == "dns")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NetworkDataError(f"network_data.json is wrong: {error!r}") from None
    known = {link.id for link in links}
    for net in nets:
        if net.link not in known:
            raise NetworkDataError(f"network_data.json has a network on link {net.link}, not there")
    return Plan(links, nets, tuple(dns))


def _link(entry: dict[str, Any]) -> Link:
    common = (entry["id"], _mac(entry), int(entry["mtu"]) if entry.get("mtu") else None)
    match entry["type"]:
        case "bond":
            return Link(
                common[0],
                "bond",
                *common[1:],
                parents=tuple(entry["bond_links"]),
                bond=_bond_options(entry),
            )
        case "vlan":
            parents = (entry["vlan_link"],)
            return Link(
                common[0], "vlan", *common[1:], parents=parents, vlan_id=int(entry["vlan_id"])
            )
    return Link(common[0], "phy", *common[1:])


def _bond_options(entry: dict[str, Any]) -> tuple[str, ...]:
    """Ironic's and Nova's keys are the kernel's with `bond_` before them."""
    options = ["mode", str(entry["bond_mode"])]
    names = {"bond_miimon": "miimon", "bond_xmit_hash_policy": "xmit_hash_policy"}
    names |= {"bond_lacp_rate": "lacp_rate", "bond_downdelay": "downdelay"}
    given = {name: entry[key] for key, name in names.items() if entry.get(key) is not None}
    for name, value in ({"miimon": 100} | given).items():
        options += [name, str(value)]
    return tuple(options)


def _mac(entry: dict[str, Any]) -> str:
    key = "vlan_mac_address" if entry["type"] == "vlan" else "ethernet_mac_address"
    return str(entry[key]).lower().replace("-", ":")


def _net(entry: dict[str, Any]) -> Net:
    version = "6" if entry["type"].startswith("ipv6") else "4"
    address = entry.get("ip_address") if entry["type"] in ("ipv4", "ipv6") else None
    if address:
        address = _cidr(address, entry.get("netmask"))
    routes = tuple(
        (_network(route["network"], route["netmask"]), route["gateway"])
        for route in entry.get("routes") or ()
    )
    if address and (gateway := entry.get("gateway")) and not _has_default(routes):
        routes += ((ANY[version], gateway),)
    return Net(entry["link"], version, address, routes)


def _has_default(routes: tuple[tuple[str, str], ...]) -> bool:
    return any(to in ANY.values() for to, _ in routes)


def _cidr(address: str, mask: str | None) -> str:
    plain, _, length = address.partition("/")
    whole = length or _length(mask)
    default = "128" if ":" in plain else "32"
    return str(ipaddress.ip_interface(f"{plain}/{whole or default}"))


def _network(address: str, mask: str) -> str:
    return str(ipaddress.ip_network(f"{address}/{_length(mask)}", strict=False))


def _length(mask: str | None) -> str:
    """`255.255.255.0` → 24, `ffff:ffff::` → 32, `/64` → 64; empty where there is none."""
    if not mask or "." in mask:
        return str(ipaddress.IPv4Network(f"0.0.0.0/{mask}").prefixlen) if mask else ""
    if ":" in mask:
        return str(int(ipaddress.IPv6Address(mask)).bit_count())
    return mask.lstrip("/")


def _sorted(links: list[Link]) -> tuple[Link, ...]:
    """Parents first. Raises NetworkDataError for a parent that is not there, or a circle."""
    rest, done = list(links), dict[str, Link]()
    while rest:
        ready = [link for link in rest if all(parent in done for parent in link.parents)]
        if not ready:
            names = ", ".join(link.id for link in rest)
            raise NetworkDataError(f"network_data.json: what {names} is made of is not there")
        done |= {link.id: link for link in ready}
        rest = [link for link in rest if link.id not in done]
    return tuple(done.values())
