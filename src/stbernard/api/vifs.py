"""`/v1/nodes/{ident}/vifs`: the ports of the cloud's network that a node is attached to.

The network interface `noop` takes every VIF and keeps none. For others each takes up a port or a
portgroup of the node, which is where their operations find it.
"""

from functools import partial
from typing import Any

from litestar import delete, get, post

from stbernard.api import hardware, node_view
from stbernard.api.call import Call, as_uuid, is_name
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.errors import BadRequest, InvalidParameter, NodeLocked, StBernardError
from stbernard.nodes import Node
from stbernard.operations.vifs import NO_NETWORK, attached, find_attached, find_free, is_told


@get("/v1/nodes/{ident:str}/vifs", sync_to_thread=True)
def list_vifs(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    node = _node(ident, call, parts)
    if node.network_interface == NO_NETWORK:
        return {"vifs": []}
    return {"vifs": [{"id": vif} for vif in _attached(parts, node)]}


@post("/v1/nodes/{ident:str}/vifs", status_code=204)
async def attach(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    await hardware.wait_for_change(parts, partial(_attach, ident, call, parts))


@delete("/v1/nodes/{ident:str}/vifs/{vif:str}")
async def detach(ident: InPath, vif: InPath, call: GivenCall, parts: GivenParts) -> None:
    await hardware.wait_for_change(parts, partial(_detach, ident, vif, call, parts))


def _attach(ident: str, call: Call, parts: Parts) -> None:
    """Raises HardwareError if the network service does not take it; then it is not attached."""
    node = _free_node(ident, call, parts)
    wanted = _read(call)
    if node.network_interface == NO_NETWORK:
        return
    vif = wanted["id"]
    parts.store.vifs.attach(
        node.uuid, vif, lambda ports, portgroups: find_free(node, ports, portgroups, wanted)
    )
    try:
        _tell(parts, node, "attach vif", vif)
    except StBernardError:
        _forget(parts, node, vif)
        raise


def _detach(ident: str, vif: str, call: Call, parts: Parts) -> None:
    """Raises HardwareError if the network service cannot be told; then it stays attached."""
    node = _free_node(ident, call, parts)
    vif = _read_id("vif_id", vif)
    if node.network_interface == NO_NETWORK:
        return
    if vif in _attached(parts, node):
        _tell(parts, node, "detach vif", vif)
    _forget(parts, node, vif)


def _tell(parts: Parts, node: Node, operation: str, vif: str) -> None:
    if is_told(parts.tasks.of(node)):
        parts.requests.begin_and_wait(node, operation, vif=vif)


def _forget(parts: Parts, node: Node, vif: str) -> None:
    """Raises BadRequest if it is not attached."""
    parts.store.vifs.detach(
        node.uuid,
        lambda ports, portgroups: find_attached(node, (*portgroups, *ports), vif),
    )


def _attached(parts: Parts, node: Node) -> tuple[str, ...]:
    ports = parts.store.ports.of_node(node.uuid)
    return (*attached(ports), *attached(parts.store.portgroups.of_node(node.uuid)))


def _read(call: Call) -> dict[str, Any]:
    """The body; the rest of it is for the network. Raises InvalidParameter, BadRequest."""
    given = call.json()
    if not isinstance(given, dict):
        raise InvalidParameter("Schema error for vif: it is not of type 'object'")
    if "id" not in given:
        raise InvalidParameter("Schema error for vif: 'id' is a required property")
    if not isinstance(given["id"], str):
        raise InvalidParameter("Schema error for vif: id is not of type 'string'")
    wanted = {"id": _read_id("id", given["id"])}
    if not call.version.allows("behaviour", "vifs choose their port"):
        return wanted
    if "port_uuid" in given and "portgroup_uuid" in given:
        raise BadRequest("Cannot specify both port_uuid and portgroup_uuid")
    return wanted | {name: given.get(name) for name in ("port_uuid", "portgroup_uuid")}


def _read_id(field: str, vif: str) -> str:
    if not as_uuid(vif) and not is_name(vif):
        raise InvalidParameter(f"Expected UUID or name for {field}: {vif[:300]}")
    return vif


def _node(ident: str, call: Call, parts: Parts) -> Node:
    call.need_below_node("vifs")
    call.only()
    return parts.store.nodes.get(call.node_ident(ident))


def _free_node(ident: str, call: Call, parts: Parts) -> Node:
    """Raises NodeLocked."""
    node = _node(ident, call, parts)
    if node_view.is_held(node):
        raise NodeLocked(node.uuid, str(node.operation), node.lease_owner)
    return node
