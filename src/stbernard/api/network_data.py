"""`network_data` of a node: links, networks and services, in the format of Nova's metadata."""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from stbernard.api.schemas import is_mac_address
from stbernard.errors import InvalidParameter

_Test = Callable[[Any], bool]
_LARGEST_MTU = 65535
_PLAIN_LINKS = ("bridge", "dvs", "hw_veb", "hyperv", "ovs", "tap", "vhostuser", "vif", "phy")
_BOND_MODES = (
    *("802.3ad", "balance-rr", "active-backup", "balance-xor", "broadcast", "balance-tlb"),
    "balance-alb",
)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _mtu(value: Any) -> bool:
    return value is None or (_number(value) and 1 <= value <= _LARGEST_MTU)


def _mac(value: Any) -> bool:
    return isinstance(value, str) and is_mac_address(value.replace("-", ":"))


def _parsed(by: Callable[[str], object], value: Any) -> bool:
    try:
        return _text(value) and bool(by(value))
    except ValueError:
        return False


def _v4(value: Any) -> bool:
    return _parsed(ipaddress.IPv4Address, value)


def _v4_mask(value: Any) -> bool:
    return _v4(value) and _parsed(ipaddress.IPv4Network, f"0.0.0.0/{value}")


def _v6(value: Any) -> bool:
    return _parsed(ipaddress.IPv6Interface, value)


def _dns(value: Any) -> bool:
    return bool(value == "dns")


def _many(entry: Mapping[str, _Test]) -> _Test:
    return lambda value: isinstance(value, list) and not any(_wrong(each, entry) for each in value)


def _wrong(value: Any, fields: Mapping[str, _Test]) -> str | None:
    """The first field that is missing or wrong; other fields may be there. None: all is well."""
    if not isinstance(value, dict):
        return "it is no object"
    wrong = (name for name in fields if not fields[name](value.get(name)))
    return next((f"{name} is missing or wrong" for name in wrong), None)


def _optional(test: _Test) -> _Test:
    return lambda value: value is None or test(value)


_LINK: Mapping[str, _Test] = {"id": _text, "mtu": _mtu, "vif_id": _optional(_text)}
_LINKS: Mapping[str, Mapping[str, _Test]] = {
    **{kind: {**_LINK, "ethernet_mac_address": _mac} for kind in _PLAIN_LINKS},
    "bond": {
        **_LINK,
        "ethernet_mac_address": _mac,
        "bond_mode": lambda value: value in _BOND_MODES,
        "bond_links": _texts,
    },
    "vlan": {**_LINK, "vlan_mac_address": _mac, "vlan_id": _number, "vlan_link": _text},
}


def _network(address: _Test, mask: _Test) -> Mapping[str, _Test]:
    services = _many({"address": address, "type": _dns})
    route = {"network": address, "netmask": mask, "gateway": address}
    routes = _many({**route, "services": _optional(services)})
    return {
        **dict.fromkeys(("id", "link", "network_id"), _text),
        "ip_address": _optional(address),
        "netmask": _optional(mask),
        "routes": _optional(routes),
    }


_NETWORKS: Mapping[str, Mapping[str, _Test]] = {
    **dict.fromkeys(("ipv4", "ipv4_dhcp"), _network(_v4, _v4_mask)),
    **dict.fromkeys(("ipv6", "ipv6_dhcp", "ipv6_slaac"), _network(_v6, _v6)),
}
_SERVICES: Mapping[str, Mapping[str, _Test]] = {
    "dns": {"address": lambda value: _v4(value) or _v6(value)}
}


def check(value: Mapping[str, Any]) -> None:
    """Nothing, or all of it. Raises InvalidParameter that names the entry and the field."""
    if not value:
        return
    parts = {"links": _LINKS, "networks": _NETWORKS, "services": _SERVICES}
    for name in parts:
        if not isinstance(value.get(name), list):
            raise InvalidParameter(f"Invalid network_data: '{name}' has to be there, as a list")
    for name, kinds in parts.items():
        for number, entry in enumerate(value[name]):
            kind = entry.get("type") if isinstance(entry, dict) else None
            where = f"Invalid network_data: {name}/{number}"
            if not isinstance(kind, str) or kind not in kinds:
                raise InvalidParameter(f"{where}: its type has to be one of {', '.join(kinds)}")
            if why := _wrong(entry, kinds[kind]):
                raise InvalidParameter(f"{where}: {why}")
