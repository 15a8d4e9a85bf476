"""When a part of a node may be changed or deleted: the rules about the node's state."""

from collections.abc import Mapping
from typing import Any

from stbernard.errors import BadRequest, Conflict, InvalidState, NotFound
from stbernard.nodes import (
    Node,
    Port,
    Portgroup,
    Power,
    VolumeConnector,
    VolumeTarget,
    current_vif,
    tenant_vif,
)
from stbernard.operations.machine import State
from stbernard.operations.vifs import NO_NETWORK
from stbernard.store import Store

_CHANGEABLE = (State.ENROLL, "inspecting", "inspect wait", State.MANAGEABLE)
"""The states in which the ways to a node may change (in maintenance: in any)."""

_UNUSED = (State.MANAGEABLE, State.ENROLL, State.ADOPT_FAILED)
"""The states in which nobody misses a volume."""

_CONNECTIVITY = {
    "node_uuid": "node_uuid",
    "local_link_connection": "local_link_connection",
    "physical_network": "physical_network",
    "portgroup_uuid": "portgroup_id",
    "pxe_enabled": "pxe_enabled",
}


def check_port(store: Store, port: Port, changed: Mapping[str, Any]) -> None:
    """Raises Conflict if the node, or the port's portgroup, forbids the change."""
    node = store.nodes.get(port.node_uuid)
    active = node.provision_state == State.ACTIVE or node.instance_uuid
    if active and "address" in changed and not node.maintenance:
        raise Conflict(
            f"Cannot update hardware address for port {port.uuid} as node {node.uuid} is active "
            "or has instance UUID assigned"
        )
    if changed.keys() & _CONNECTIVITY.keys() and not _is_changeable(node):
        raise Conflict(
            f"Port {port.uuid} can not have any connectivity attributes "
            f"({', '.join(_CONNECTIVITY.values())}) updated unless node {node.uuid} is in a "
            f"{', '.join(_CHANGEABLE)} state or in maintenance mode. The current state is "
            f"{node.provision_state}."
        )
    group_uuid = changed.get("portgroup_uuid", port.portgroup_uuid)
    vif = tenant_vif(port)
    concerned = vif or changed.keys() & {"pxe_enabled", "portgroup_uuid"}
    if group_uuid and concerned and node.network_interface != NO_NETWORK:
        reasons = _standing_alone(changed.get("pxe_enabled", port.pxe_enabled), vif)
        _check_standalone(store, port, group_uuid, reasons)


def check_new_port(store: Store, port: Port, *, pxe_asked_for: bool) -> None:
    """Raises Conflict if the portgroup of a new port forbids what is asked for."""
    if port.portgroup_uuid and pxe_asked_for:
        _check_standalone(store, port, port.portgroup_uuid, ["'pxe_enabled' was set to True"])


def check_port_delete(store: Store, port: Port) -> None:
    """Raises Conflict if the port is in use."""
    node = store.nodes.get(port.node_uuid)
    vif = current_vif(port) if node.network_interface != NO_NETWORK else None
    if vif and not node.maintenance:
        raise Conflict(
            f"Cannot delete the port {port.uuid} as it is bound to VIF {vif} for use. Detach it: "
            f"openstack baremetal node vif detach {node.uuid} {vif}"
        )


def check_portgroup(store: Store, portgroup: Portgroup, changed: Mapping[str, Any]) -> None:
    """Raises Conflict if the node, or one of the ports, forbids the change."""
    node = store.nodes.get(changed.get("node_uuid", portgroup.node_uuid))
    if "node_uuid" in changed and not _is_changeable(node):
        raise Conflict(
            f"Portgroup {portgroup.uuid} can not be associated to node {node.uuid} "
            f"unless the node is in a {', '.join(_CHANGEABLE)} state or in maintenance mode. "
            f"Current state is '{node.provision_state}'."
        )
    if changed.get("standalone_ports_supported") is False and node.network_interface != NO_NETWORK:
        for port in store.ports.of_node(portgroup.node_uuid):
            reasons = _standing_alone(port.pxe_enabled, tenant_vif(port))
            if port.portgroup_uuid == portgroup.uuid and reasons:
                raise Conflict(
                    "standalone_ports_supported can not be set to False, because the port group "
                    f"{portgroup.uuid} contains port {port.uuid} with {', '.join(reasons)}"
                )


def check_volume_change(store: Store, part: VolumeConnector | VolumeTarget, kind: str) -> None:
    """Raises InvalidState unless the node is off."""
    node = store.nodes.get(part.node_uuid)
    if node.power_state != Power.OFF:
        _refuse(node, f"volume {kind} update")


def check_volume_delete(store: Store, part: VolumeConnector | VolumeTarget, kind: str) -> None:
    """Raises InvalidState unless the node is off, or not in use."""
    node = store.nodes.get(part.node_uuid)
    if node.power_state != Power.OFF and node.provision_state not in _UNUSED:
        _refuse(node, f"volume {kind} deletion")


def _refuse(node: Node, action: str) -> None:
    raise InvalidState(
        f'The requested action "{action}" can not be performed on node "{node.uuid}" while it is '
        f'in state "{node.power_state}". Power it off first.'
    )


def _is_changeable(node: Node) -> bool:
    return node.provision_state in _CHANGEABLE or node.maintenance


def _standing_alone(pxe_enabled: bool, vif: str | None) -> list[str]:
    """What a port does that only a port by itself may do."""
    reasons = ["'pxe_enabled' was set to True"] if pxe_enabled else []
    return [*reasons, f"VIF {vif} is attached to the port"] if vif else reasons


def _check_standalone(store: Store, port: Port, group_uuid: str, reasons: list[str]) -> None:
    """Raises Conflict; BadRequest if there is no such portgroup."""
    try:
        group = store.portgroups.get(group_uuid)
    except NotFound as error:
        raise BadRequest(str(error)) from None
    if reasons and not group.standalone_ports_supported:
        raise Conflict(
            f"Port group {group_uuid} doesn't support standalone ports. Port {port.uuid} cannot "
            f"be a member of that port group because of: {', '.join(reasons)}"
        )
