"""`/v1/nodes`: create, list, show, change, delete, validate."""

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from litestar import Response, delete, get, patch, post

from stbernard import clock
from stbernard.api import hardware, node_view, pages, schemas
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.node_patch import changes, read
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.api.quick import quick
from stbernard.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidParameter,
    NodeLocked,
)
from stbernard.nodes import INTERFACES, Node
from stbernard.operations.machine import DELETABLE, State
from stbernard.operations.validation import validate
from stbernard.store import conditions
from stbernard.store.pages import Page

_EQUAL = ("driver", "resource_class", "fault", "owner", "lessee", "instance_name", "parent_node")
_FLAGS = ("maintenance", "retired")
_FAULTS = ("power failure", "clean failure", "rescue abort failure", "service failure")
_UUIDS = ("instance_uuid", "chassis_uuid")
_FILTERS = (
    *(*_EQUAL, *_FLAGS, *_UUIDS, "provision_state", "conductor", "conductor_group", "associated"),
    *("sharded", "shard", "description_contains", "include_children", "project"),
)


@post("/v1/nodes", sync_to_thread=True)
def create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    call.only()
    given = schemas.check("node", call.json(), schemas.NODE, required=("driver",))
    unset = (None, "")  # what an old version may send of a newer field
    call.version.require("node field", (key for key in given if given[key] not in unset))
    values = {name: value for name, value in read(given, call).items() if value is not None}
    values["uuid"] = values.get("uuid") or str(uuid.uuid4())
    defaults = parts.settings.default
    values["conductor_group"] = values.get("conductor_group") or defaults.conductor_group
    values["resource_class"] = values.get("resource_class") or defaults.default_resource_class
    values["owner"] = call.access.owner_of_new("node:create", values.get("owner"))
    if "parent_node" in values:
        values["parent_node"] = _parent(call, parts, values, values)
    chosen = {kind: values.get(f"{kind}_interface") for kind in INTERFACES}
    resolved = parts.drivers.resolve(values["driver"], chosen)
    values |= {f"{kind}_interface": name for kind, name in resolved.items()}
    enroll = call.version.allows("behaviour", "new is enroll")
    state = State.ENROLL if enroll else State.AVAILABLE
    node = parts.store.nodes.create(Node(created_at=clock.now(), provision_state=state, **values))
    return Response(
        node_view.show(node, parts.settings, call),
        status_code=201,
        headers={"Location": call.link(f"nodes/{node.uuid}")["href"]},
    )


@get("/v1/nodes", sync_to_thread=True)
def list_nodes(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    return list_briefly(call, parts, "nodes")


@get("/v1/nodes/detail", sync_to_thread=True)
def list_in_detail(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    return list_whole(call, parts, "nodes/detail")


@get("/v1/nodes/{ident:str}")
@quick
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("fields")
    ident, fields = call.node_ident(ident), call.words("fields")
    if fields is not None:
        call.version.require("list query", ("fields",))
        node_view.check_fields(fields, call.version)
    row = parts.store.nodes.row(ident, node_view.columns(fields, call.access), node_view.AS_KEPT)
    return node_view.show(row, parts.settings, call, fields)


@patch("/v1/nodes/{ident:str}")
@patient
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("reset_interfaces")
    call.version.require("node query", call.query)
    node = parts.store.nodes.get(call.node_ident(ident))
    reset = bool(call.flag("reset_interfaces"))
    changed = changes(node, call, parts.drivers, reset_interfaces=reset)
    if changed.get("parent_node"):
        before = {"uuid": node.uuid, "owner": node.owner}
        changed["parent_node"] = _parent(call, parts, before, changed)
    if "owner" in changed:
        _check_owner(node, call, parts)
    if node_view.is_held(node):
        raise NodeLocked(node.uuid, str(node.operation), node.lease_owner)
    if changed:
        node = parts.store.nodes.change(node.uuid, changed)
    return node_view.show(node, parts.settings, call)


@delete("/v1/nodes/{ident:str}")
@patient
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.only()
    node = parts.store.nodes.get(call.node_ident(ident))
    if node_view.is_held(node):
        raise NodeLocked(node.uuid, str(node.operation), node.lease_owner)
    if node.instance_uuid and not node.maintenance:
        raise Conflict(f"Node {node.uuid} is associated with instance {node.instance_uuid}.")
    if node.protected:
        raise Forbidden(
            f"Node {node.uuid} is protected and cannot be undeployed, rebuilt or deleted"
        )
    if node.provision_state not in DELETABLE and not node.maintenance:
        states = ", ".join(f"'{state}'" for state in DELETABLE)
        raise Conflict(
            f'Can not delete node "{node.uuid}" while it is in provision state '
            f'"{node.provision_state}". Valid provision states to perform deletion are: '
            f'"({states})", or set the node into maintenance mode'
        )
    parts.store.nodes.delete(node.uuid)


@get("/v1/nodes/{ident:str}/validate")
async def validate_node(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    return await hardware.wait_for(partial(_validated, ident, call, parts))


@get("/v1/nodes/validate")
async def validate_by_query(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    """The old form, `?node_uuid=` or `?node=`."""
    call.only("node", "node_uuid")
    ident = call.query.get("node_uuid") or call.query.get("node")
    if not ident:
        raise InvalidParameter("Missing mandatory parameter: node")
    return await hardware.wait_for(partial(_validated, ident, call, parts))


def list_briefly(call: Call, parts: Parts, path: str, chassis: str | None = None) -> dict[str, Any]:
    """The nodes, of this chassis if one is given, with what is asked for of each."""
    call.only(*_FILTERS, *pages.PAGING, "fields", "detail")
    call.version.require("list query", {"fields"} & call.query.keys())
    return _list(call, parts, path, pages.fields(call, node_view.IN_A_LIST), chassis)


def list_whole(call: Call, parts: Parts, path: str, chassis: str | None = None) -> dict[str, Any]:
    """The nodes, of this chassis if one is given, with everything of each."""
    call.only(*_FILTERS, *pages.PAGING)
    return _list(call, parts, path, None, chassis)


def _list(
    call: Call, parts: Parts, path: str, fields: tuple[str, ...] | None, chassis: str | None
) -> dict[str, Any]:
    part = _page(call, parts, chassis)
    if fields is not None:
        node_view.check_fields(
            (name for name in fields if name not in node_view.IN_A_LIST), call.version
        )
    here = call.query.get("conductor") in (None, parts.settings.default.host)
    columns = node_view.columns(fields, call.access)
    nodes = parts.store.nodes.rows(part, columns, node_view.AS_KEPT) if here else ()
    entries = node_view.show_all(nodes, parts.settings, call, fields)
    last = nodes[-1].uuid if nodes and "instance_uuid" not in part.filters else None
    return pages.rendered(call, ("nodes", path), entries, last, part=part, fields=fields)


def _parent(call: Call, parts: Parts, node: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """The UUID of the parent that is asked for. Raises BadRequest."""
    owner = given.get("owner", node.get("owner"))
    parent = parts.node_to_link(call, "parent_node", given["parent_node"], owner)
    if parent.uuid == node["uuid"]:
        raise BadRequest(f"Node {parent.uuid} cannot be its own parent_node.")
    return parent.uuid


def _check_owner(node: Node, call: Call, parts: Parts) -> None:
    """Raises Conflict if the node is in use, or its allocation is somebody's."""
    in_use = node.provision_state == State.ACTIVE
    if in_use and not call.access.allows("node:update_owner_provisioned", node):
        raise Conflict(
            f'Cannot update owner of node "{node.uuid}" while it is in state '
            f'"{node.provision_state}".'
        )
    allocation = node.allocation_uuid and parts.store.allocations.of_node(node.uuid)
    if allocation and allocation.owner is not None:
        raise Conflict(
            f'Cannot update owner of node "{node.uuid}" while it is allocated to an allocation '
            "with an owner."
        )


def _page(call: Call, parts: Parts, chassis: str | None) -> Page:
    """The part of the list. Raises NotAcceptable, InvalidParameter, BadRequest, NotFound."""
    query = call.query
    call.version.require("node filter", query)
    call.version.require("node field", {query["sort_key"]} if "sort_key" in query else ())
    state = query.get("provision_state")
    if state is not None and state not in frozenset(State):
        raise InvalidParameter(f'Provision state "{state[:100]}" is not valid')
    if query.get("fault") not in (None, *_FAULTS):
        raise InvalidParameter(
            f'Unrecognized fault "{query["fault"][:100]}" is specified, '
            f"allowed faults are {_FAULTS}"
        )
    filters: dict[str, Any] = {
        name: query[name] for name in (*_EQUAL, "provision_state") if name in query
    }
    filters |= {name: call.flag(name) for name in _FLAGS if name in query}
    filters |= {name: schemas.uuid(name, query[name]) for name in _UUIDS if name in query}
    if chassis := chassis or filters.get("chassis_uuid"):
        filters["chassis_uuid"] = parts.store.chassis.get(chassis).uuid
    if "conductor_group" in query:
        filters["conductor_group"] = query["conductor_group"].lower()
    found = [
        conditions.is_set(column, wanted)
        for column, name in (("instance_uuid", "associated"), ("shard", "sharded"))
        if (wanted := call.flag(name)) is not None
    ]
    if shards := call.words("shard"):
        found.append(conditions.one_of("shard", shards))
    for project in (query.get("project"), call.access.project):
        if project is not None:
            found.append(conditions.of_project(project))
    if "description_contains" in query:
        found.append(conditions.contains("description", query["description_contains"]))
    if "parent_node" not in query and not call.flag("include_children"):
        found.append(conditions.is_set("parent_node", wanted=False))
    return pages.page(
        call,
        parts.settings.api.max_limit,
        node_view.SORTABLE,
        filters=filters,
        conditions=tuple(found),
    )


def _validated(ident: str, call: Call, parts: Parts) -> dict[str, Any]:
    """Image servers are asked: on a thread of its own."""
    return validate(parts.tasks, parts.store.nodes.get(call.node_ident(ident)))
