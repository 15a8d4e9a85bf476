"""A port's `local_link_connection`: which switch it is plugged in, and where."""

import re
from collections.abc import Mapping
from typing import Any

from stbernard.api.schemas import is_mac_address
from stbernard.errors import BadRequest

_DATAPATH = re.compile(r"[0-9a-f]{16}", re.IGNORECASE | re.ASCII)
_NETWORK_TYPES = ("managed", "unmanaged")
_OVN = ("vtep-logical-switch", "vtep-physical-switch")
_KEYS = ("port_id", "switch_id", "hostname", "switch_info", "network_type", *_OVN)
_WHOLE = (*(("port_id", "switch_id"), ("port_id", "hostname"), ("port_id", *_OVN)),)


def read_link(link: Mapping[str, Any]) -> dict[str, str]:
    """The link as the store keeps it: `switch_id` in lower case. Raises BadRequest."""
    if not link:
        return {}
    if link.keys() - set(_KEYS) or not all(isinstance(value, str) for value in link.values()):
        raise BadRequest(
            f"local_link_connection may hold texts under the keys {', '.join(_KEYS)} only."
        )
    if link.get("network_type", "managed") not in _NETWORK_TYPES:
        raise BadRequest(
            f"local_link_connection/network_type is one of {', '.join(_NETWORK_TYPES)}."
        )
    ovn = [key for key in _OVN if key in link]
    whole = any(link.keys() >= set(keys) for keys in _WHOLE)
    if len(ovn) == 1 or not (whole or link.get("network_type") == "unmanaged"):
        raise BadRequest(
            "local_link_connection needs port_id and switch_id (or hostname, or both "
            f"{' and '.join(_OVN)}), or network_type 'unmanaged'."
        )
    switch = link.get("switch_id")
    if switch is None:
        return dict(link)
    if not is_mac_address(switch) and not _DATAPATH.fullmatch(switch):
        raise BadRequest(
            f"Expected a MAC address or OpenFlow datapath ID but received {switch[:100]}."
        )
    return {**link, "switch_id": switch.lower()}
