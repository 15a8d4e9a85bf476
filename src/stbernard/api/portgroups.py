"""`/v1/portgroups`, and the portgroups below a node."""

from typing import Any

from litestar import Response, delete, get, patch, post

from stbernard.api import pages, schemas
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.node_parts import NodePart, check_network, of_node, of_nodes
from stbernard.api.part_rules import check_portgroup
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.errors import InvalidParameter
from stbernard.nodes import Portgroup

PORTGROUP = NodePart(
    name="portgroup",
    path="portgroups",
    kind=Portgroup,
    given=schemas.PORTGROUP,
    required=("node_uuid",),
    patchable=(
        *("address", "extra", "mode", "name", "node_uuid", "properties"),
        *("standalone_ports_supported", "physical_network", "category"),
    ),
    shown=(
        *("uuid", "address", "extra", "internal_info", "mode", "name", "properties"),
        *("standalone_ports_supported", "node_uuid", "physical_network", "category"),
        "dynamic_portgroup",
    ),
    in_a_list=("uuid", "address", "name"),
    below=("ports",),
)
_ONE_OF = ("node", "address", "shard", "conductor_groups")
_FILTERS = (*_ONE_OF, *pages.PAGING)


@post("/v1/portgroups")
@patient
def create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    given = PORTGROUP.read_new(call)
    given["node_uuid"] = parts.node_in_body(call, given["node_uuid"]).uuid
    given["mode"] = given.get("mode") or parts.settings.default.default_portgroup_mode
    check_network(given)
    return PORTGROUP.created(parts.store.portgroups.create(PORTGROUP.new(given)), call)


@get("/v1/portgroups", sync_to_thread=True)
def list_portgroups(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    PORTGROUP.need(call)
    call.only(*_FILTERS, "fields", "detail")
    return _list(call, parts, "portgroups", PORTGROUP.listed_fields(call))


@get("/v1/portgroups/detail", sync_to_thread=True)
def list_in_detail(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    PORTGROUP.need(call)
    call.only(*_FILTERS)
    return _list(call, parts, "portgroups/detail", None)


@get("/v1/nodes/{ident:str}/portgroups", sync_to_thread=True)
def list_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node("portgroups")
    call.only(*pages.PAGING, "fields", "detail")
    names = PORTGROUP.listed_fields(call)
    return _list(call, parts, f"nodes/{ident}/portgroups", names, node=ident)


@get("/v1/nodes/{ident:str}/portgroups/detail", sync_to_thread=True)
def list_of_node_in_detail(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node("portgroups")
    call.only(*pages.PAGING)
    return _list(call, parts, f"nodes/{ident}/portgroups/detail", None, node=ident)


@get("/v1/portgroups/{ident:str}", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    ident = PORTGROUP.ident(call, ident)
    call.only("fields")
    return PORTGROUP.show_one(parts.store.portgroups.get(ident), call)


@patch("/v1/portgroups/{ident:str}")
@patient
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    portgroup = parts.store.portgroups.get(PORTGROUP.ident(call, ident))
    values = PORTGROUP.read_changes(call, parts, portgroup)
    check_network(values)
    if changed := PORTGROUP.changed(portgroup, values):
        check_portgroup(parts.store, portgroup, changed)
        portgroup = parts.store.portgroups.change(portgroup.uuid, changed)
    return PORTGROUP.show(portgroup, call)


@delete("/v1/portgroups/{ident:str}")
@patient
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    ident = PORTGROUP.ident(call, ident)
    call.only()
    parts.store.portgroups.delete(ident)


def _list(
    call: Call, parts: Parts, path: str, names: tuple[str, ...] | None, node: str | None = None
) -> dict[str, Any]:
    call.version.require("portgroup filter", call.query)
    node = node or call.query.get("node")
    if sum(bool(each) for each in (node, *(call.query.get(name) for name in _ONE_OF[1:]))) > 1:
        raise InvalidParameter(
            "Filtering by node, address, shard or conductor_groups simultaneously is not "
            "supported. Ask for one of them."
        )
    filters = of_node(call, parts, node)
    if "address" in call.query:
        filters["address"] = schemas.mac_address("address", call.query["address"])
    part = PORTGROUP.page(call, parts.settings, filters=filters, **of_nodes(call))
    return PORTGROUP.listed(parts.store.portgroups.list(part), call, part, names=names, path=path)
