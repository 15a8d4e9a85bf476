"""VIFs, the ports of the cloud's network: which port or portgroup of a node one is attached to,
and the operations in which the network service is told."""

from collections.abc import Mapping, Sequence
from typing import Any

from stbernard.drivers.base import Task, VIFsInterface
from stbernard.errors import BadRequest, Conflict
from stbernard.nodes import Node, Port, Portgroup, tenant_vif
from stbernard.operations.operation import Operation, Step
from stbernard.operations.outcome import Next, Outcome

NO_NETWORK = "noop"
"""The network interface that takes every VIF and keeps none."""


def attached(parts: Sequence[Port | Portgroup]) -> tuple[str, ...]:
    """The VIFs of these ports and portgroups."""
    return tuple(vif for part in parts if (vif := tenant_vif(part)))


def find_free(
    node: Node,
    ports: Sequence[Port],
    portgroups: Sequence[Portgroup],
    wanted: Mapping[str, Any],
) -> Port | Portgroup:
    """Where to attach the VIF `wanted["id"]`: to a portgroup rather than to a port, to a port that
    boots from the network rather than to another, and to `port_uuid` or `portgroup_uuid` if named.

    Raises Conflict if it is attached already, BadRequest if nothing is free."""
    vif = wanted["id"]
    parts: list[Port | Portgroup] = [*ports, *portgroups]
    for part in parts:
        if tenant_vif(part) == vif:
            kind = type(part).__name__
            raise Conflict(
                f"Unable to attach VIF because VIF {vif} is already attached to Ironic "
                f"{kind} {part.uuid}"
            )
    port_uuid, group_uuid = wanted.get("port_uuid"), wanted.get("portgroup_uuid")
    usable = [port for port in ports if port_uuid in (None, port.uuid) and _is_usable(node, port)]
    free = [port for port in usable if not tenant_vif(port)]
    # the ports of a portgroup count one by one as soon as one of them is used so
    split = {port.portgroup_uuid for port in usable if tenant_vif(port)}
    members = {port.portgroup_uuid for port in free}
    named = [group for group in portgroups if group_uuid in (None, group.uuid) and not port_uuid]
    open_groups = [group for group in named if not tenant_vif(group)]
    groups = [group for group in open_groups if group.uuid in members - split]
    single = {None, *(group.uuid for group in open_groups if group.uuid in split)}
    alone = [port for port in free if port.portgroup_uuid in single and not group_uuid]
    alone.sort(key=lambda port: not port.pxe_enabled)
    found: list[Port | Portgroup] = [*groups, *alone]
    if not found:
        raise BadRequest(f"Unable to attach VIF {vif}, not enough free physical ports.")
    return found[0]


def find_attached(node: Node, parts: Sequence[Port | Portgroup], vif: str) -> Port | Portgroup:
    """Raises BadRequest."""
    for part in parts:
        if tenant_vif(part) == vif:
            return part
    raise BadRequest(
        f"Unable to detach VIF {vif} from node {node.uuid} because it is not attached to it."
    )


def _is_usable(node: Node, port: Port) -> bool:
    """Whether the cloud's network can find the port: by its switch, except InfiniBand's."""
    if port.extra.get("client-id"):
        return True
    link = port.local_link_connection
    if node.network_interface == "neutron" and not link:
        return False
    return port.is_smartnic == ({"port_id", "hostname"} <= link.keys())


def attach_vif(task: Task) -> Outcome:
    if isinstance(task.driver.network, VIFsInterface):
        task.driver.network.attach_vif(task, task.node.arguments["vif"])
    return Next()


def detach_vif(task: Task) -> Outcome:
    if isinstance(task.driver.network, VIFsInterface):
        task.driver.network.detach_vif(task, task.node.arguments["vif"])
    return Next()


def is_told(task: Task) -> bool:
    """Whether there is a network service that has to know of the node's VIFs."""
    return isinstance(task.driver.network, VIFsInterface)


VIFS = (
    Operation("attach vif", (Step(attach_vif),)),
    Operation("detach vif", (Step(detach_vif),)),
)
