"""`/v1/allocations`, and the allocation of a node."""

from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Response, delete, get, patch, post

from stbernard.api import pages, schemas
from stbernard.api.call import Call, as_uuid, is_name
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.node_view import is_held
from stbernard.api.parts import Parts
from stbernard.api.resource import Resource
from stbernard.errors import (
    BadRequest,
    Conflict,
    InvalidParameter,
    MethodNotAllowed,
    NodeLocked,
    NotFound,
)
from stbernard.nodes import Node
from stbernard.operations.machine import CHANGEABLE_WITH_TARGET, State
from stbernard.records import Allocation

ALLOCATION = Resource(
    name="allocation",
    path="allocations",
    kind=Allocation,
    given=schemas.ALLOCATION,
    required=(),
    patchable=("name", "extra"),
    shown=(
        *("uuid", "candidate_nodes", "extra", "last_error", "name", "owner", "resource_class"),
        *("state", "traits", "node_uuid"),
    ),
)
_EQUAL = ("resource_class", "state", "owner")


@post("/v1/allocations", sync_to_thread=True)
def create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    ALLOCATION.need_to_change(call)
    given = ALLOCATION.read_new(call)
    _check_name("create", given)
    node = _node_to_backfill(call, parts, given.pop("node", None))
    if node:
        given |= {"node_uuid": node.uuid, "state": "active"}
        given["uuid"] = given.get("uuid") or node.instance_uuid
        given["resource_class"] = given.get("resource_class") or node.resource_class
    elif not given.get("resource_class"):
        raise InvalidParameter("The resource_class field is mandatory when not backfilling")
    given["owner"] = _owner(call, parts, given.get("owner"))
    given["candidate_nodes"] = _candidates(call, parts, given.get("candidate_nodes") or ())
    return ALLOCATION.created(parts.store.allocations.create(ALLOCATION.new(given)), call)


@get("/v1/allocations", sync_to_thread=True)
def list_allocations(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    ALLOCATION.need(call)
    call.only("node", *_EQUAL, *pages.PAGING, "fields")
    call.version.require("allocation filter", call.query)
    filters = {name: call.query[name] for name in _EQUAL if name in call.query}
    if call.access.project:
        filters["owner"] = call.access.project
    if "node" in call.query:
        filters["node_uuid"] = parts.node_in_body(call, call.query["node"]).uuid
    names = ALLOCATION.listed_fields(call)
    part = ALLOCATION.page(call, parts.settings, filters=filters)
    return ALLOCATION.listed(parts.store.allocations.list(part), call, part, names=names)


@get("/v1/allocations/{ident:str}", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    ALLOCATION.need(call)
    call.only("fields")
    allocation = parts.store.allocations.get(ALLOCATION.ident(call, ident))
    return ALLOCATION.show_one(allocation, call)


@patch("/v1/allocations/{ident:str}", sync_to_thread=True)
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    ALLOCATION.need_to_change(call)
    if not call.version.allows("behaviour", "allocations are patched"):
        raise MethodNotAllowed("The API version does not allow updating allocations")
    allocation = parts.store.allocations.get(ALLOCATION.ident(call, ident))
    values = ALLOCATION.read_patch(call, allocation)
    _check_name("update", values)
    if changed := ALLOCATION.changed(allocation, values):
        allocation = parts.store.allocations.change(allocation.uuid, changed)
    return ALLOCATION.show(allocation, call)


@delete("/v1/allocations/{ident:str}", sync_to_thread=True)
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    ALLOCATION.need_to_change(call)
    call.only()
    parts.store.allocations.release(ALLOCATION.ident(call, ident), _check_release)


@get("/v1/nodes/{ident:str}/allocation", sync_to_thread=True)
def show_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node("allocation")
    call.only("fields")
    node = parts.node_in_body(call, ident)  # 400 if there is none, as in Ironic
    return ALLOCATION.show_one(_of(node, ident, parts), call)


@delete("/v1/nodes/{ident:str}/allocation", sync_to_thread=True)
def remove_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.need_below_node("allocation")
    call.only()
    allocation = _of(parts.store.nodes.get(call.node_ident(ident)), ident, parts)
    parts.store.allocations.release(allocation.uuid, _check_release)


def _of(node: Node, ident: str, parts: Parts) -> Allocation:
    """Raises NotFound."""
    allocation = parts.store.allocations.of_node(node.uuid)
    if allocation is None:
        raise NotFound(f"Allocation for node {ident} was not found")
    return allocation


def _owner(call: Call, parts: Parts, given: str | None) -> str | None:
    """Whose a new allocation is. Under the rules of before 2021 only who was an administrator of
    the service then may leave it nobody's. Raises Forbidden."""
    before = not parts.settings.oslo_policy.enforce_new_defaults
    if before and not given and call.access.allows("allocation:create_pre_rbac"):
        return None
    return call.access.owner_of_new("allocation:create_restricted", given)


def _check_name(verb: str, values: Mapping[str, Any]) -> None:
    """Raises BadRequest."""
    name = values.get("name")
    if name is not None and (as_uuid(name) or not is_name(name)):
        raise BadRequest(
            f"Cannot {verb} allocation with invalid name '{name}'. A name is no UUID and made of "
            "letters, digits and - . _ ~"
        )


def _node_to_backfill(call: Call, parts: Parts, ident: str | None) -> Node | None:
    if ident is None:
        return None
    if not call.version.allows("behaviour", "allocations are backfilled"):
        raise InvalidParameter("Cannot set node when creating an allocation in this API version")
    return parts.node_in_body(call, ident)


def _candidates(call: Call, parts: Parts, idents: Iterable[Any]) -> tuple[str, ...]:
    """The UUIDs of the nodes, in their order. Raises BadRequest."""
    wanted = [schemas.string("candidate_nodes", ident) or "" for ident in idents]
    wanted = [as_uuid(ident) or ident for ident in wanted]
    known = parts.store.nodes.uuids(wanted)
    if not call.access.sees_all:
        allowed = call.access.allows
        known = {
            ident: uuid
            for ident, uuid in known.items()
            if allowed("node:get", parts.store.owners.of_node(uuid))
        }
    missing = [ident[:255] for ident in wanted if ident not in known]
    if missing:
        raise BadRequest(f"Nodes cannot be found: {', '.join(missing[:10])}")
    return tuple(known[ident] for ident in wanted)


def _check_release(allocation: Allocation, node: Node) -> None:
    """Raises Conflict, NodeLocked if the node must keep its allocation now."""
    if is_held(node):
        raise NodeLocked(node.uuid, str(node.operation), node.lease_owner)
    if node.maintenance:
        return
    cannot = f"Cannot remove allocation {allocation.uuid} for node {node.uuid}, because the node"
    if node.target_provision_state and node.provision_state not in CHANGEABLE_WITH_TARGET:
        raise Conflict(
            f"{cannot} is in state {node.provision_state} where updates are not allowed "
            "(and maintenance mode is off)"
        )
    if node.provision_state == State.ACTIVE:
        raise Conflict(f"{cannot} is active (and maintenance mode is off)")
