"""How the network behind a node's ports works after the rescue, as network_data.json for our agent.

Given with the lookup (an extension: other agents do not look at it). The node's own network_data
says it all; else what its portgroups say: the switch has them as one, so the ramdisk must, too.
"""

from collections.abc import Sequence
from typing import Any

from stbernard.nodes import Node, Port, Portgroup


def tenant_network_data(
    node: Node, ports: Sequence[Port], portgroups: Sequence[Portgroup]
) -> dict[str, Any] | None:
    """None: there is nothing to know, DHCP on every card does."""
    if node.network_data:
        return node.network_data
    members = {
        group.uuid: [port for port in ports if port.portgroup_uuid == group.uuid]
        for group in portgroups
    }
    bonds = [group for group in portgroups if members[group.uuid]]
    if not bonds:
        return None
    return {
        "links": [
            *(_card(port) for group in bonds for port in members[group.uuid]),
            *(_bond(group, members[group.uuid]) for group in bonds),
        ],
        "networks": [
            {"id": group.uuid, "network_id": group.uuid, "link": group.uuid, "type": "ipv4_dhcp"}
            for group in bonds
        ],
        "services": [],
    }


def _card(port: Port) -> dict[str, Any]:
    return {"id": port.uuid, "type": "phy", "ethernet_mac_address": port.address, "mtu": None}


def _bond(group: Portgroup, ports: Sequence[Port]) -> dict[str, Any]:
    """`properties` are the kernel's options, with `bond_` before them or without."""
    options = {f"bond_{key.removeprefix('bond_')}": each for key, each in group.properties.items()}
    return {
        **options,
        "id": group.uuid,
        "type": "bond",
        "ethernet_mac_address": group.address or ports[0].address,
        "mtu": None,
        "bond_mode": group.mode,
        "bond_links": [port.uuid for port in ports],
    }
