"""What operators say of a node in its capabilities, the instance's before the server's."""

from collections.abc import Mapping
from typing import Any

from stbernard.nodes import Node


def wanted_boot_mode(node: Node) -> str | None:
    """The capability `boot_mode` (`bios`, `uefi`); None if the node has none."""
    for where in (node.instance_info, node.properties):
        if mode := _capabilities(where.get("capabilities")).get("boot_mode"):
            return str(mode)
    return None


def wanted_secure_boot(node: Node) -> bool:
    """The capability `secure_boot`."""
    return any(
        str(_capabilities(where.get("capabilities")).get("secure_boot")).lower() == "true"
        for where in (node.instance_info, node.properties)
    )


def _capabilities(given: Any) -> Mapping[str, Any]:
    """Ironic's two forms: `boot_mode:uefi,hdd:1`, and an object."""
    if isinstance(given, str):
        pairs = (each.partition(":") for each in given.split(","))
        return {key.strip(): value.strip() for key, _, value in pairs}
    return given if isinstance(given, Mapping) else {}
