"""`/v1/ports`, and the ports below a node or a portgroup."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Response, delete, get, patch, post

from stbernard.api import pages, schemas
from stbernard.api.call import Call, as_uuid
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.links import read_link
from stbernard.api.node_parts import NodePart, check_network, of_node, of_nodes
from stbernard.api.part_rules import check_new_port, check_port, check_port_delete
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.api.portgroups import PORTGROUP
from stbernard.errors import BadRequest, Forbidden, InvalidParameter, NotFound
from stbernard.nodes import Port
from stbernard.store import conditions
from stbernard.store.pages import Page


@dataclass(frozen=True)
class _PortResource(NodePart[Port]):
    def _value(self, record: Port, name: str, call: Call) -> Any:
        """An old client is not shown a link that it does not know."""
        value = super()._value(record, name, call)
        if name == "local_link_connection" and any(
            not call.version.allows("port link", key) for key in value if key.startswith("vtep")
        ):
            return {}
        return value


PORT = _PortResource(
    name="port",
    path="ports",
    kind=Port,
    given=schemas.PORT,
    required=("address",),
    patchable=(
        *("address", "extra", "is_smartnic", "local_link_connection", "node_uuid"),
        *("physical_network", "portgroup_uuid", "pxe_enabled", "name", "description", "vendor"),
        *("category", "available_for_dynamic_portgroup"),
    ),
    shown=(
        *("uuid", "address", "extra", "internal_info", "is_smartnic", "local_link_connection"),
        *("physical_network", "pxe_enabled", "node_uuid", "name", "description", "vendor"),
        *("category", "portgroup_uuid", "available_for_dynamic_portgroup"),
    ),
    in_a_list=("uuid", "address"),
)
_BELOW = ("address", "description_contains", *pages.PAGING)  # below a node or a portgroup
_FILTERS = ("node", "node_uuid", "portgroup", "shard", "conductor_groups", *_BELOW)


@post("/v1/ports")
@patient
def create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    given = PORT.read_new(call)
    named = [name for name in ("node_uuid", "node_ident") if name in given]
    if len(named) != 1:
        raise InvalidParameter(
            "Schema error for port: exactly one of node_uuid, node_ident is needed"
        )
    given["node_uuid"] = parts.node_in_body(call, given.pop(named[0])).uuid
    call.version.require("port link", given.get("local_link_connection") or {})
    _check_seen(call, parts, given)
    port = PORT.new(_checked(given))
    check_new_port(parts.store, port, pxe_asked_for=bool(given.get("pxe_enabled")))
    return PORT.created(parts.store.ports.create(port), call)


@get("/v1/ports", sync_to_thread=True)
def list_ports(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    return _list_briefly(call, parts, "ports")


@get("/v1/ports/detail", sync_to_thread=True)
def list_in_detail(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    return _list_whole(call, parts, "ports/detail")


@get("/v1/nodes/{ident:str}/ports", sync_to_thread=True)
def list_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    return _list_briefly(call, parts, f"nodes/{ident}/ports", node=ident)


@get("/v1/nodes/{ident:str}/ports/detail", sync_to_thread=True)
def list_of_node_in_detail(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    return _list_whole(call, parts, f"nodes/{ident}/ports/detail", node=ident)


@get("/v1/portgroups/{ident:str}/ports", sync_to_thread=True)
def list_of_portgroup(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node("portgroups")
    return _list_briefly(call, parts, f"portgroups/{ident}/ports", portgroup=ident)


@get("/v1/portgroups/{ident:str}/ports/detail", sync_to_thread=True)
def list_of_portgroup_in_detail(
    ident: InPath, call: GivenCall, parts: GivenParts
) -> dict[str, Any]:
    call.need_below_node("portgroups")
    return _list_whole(call, parts, f"portgroups/{ident}/ports/detail", portgroup=ident)


@get("/v1/ports/{ident:str}", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("fields")
    return PORT.show_one(parts.store.ports.get(PORT.ident(call, ident)), call)


@patch("/v1/ports/{ident:str}")
@patient
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    port = parts.store.ports.get(PORT.ident(call, ident))
    changed = PORT.changed(port, _checked(PORT.read_changes(call, parts, port)))
    call.version.require("port link", changed.get("local_link_connection") or {})
    stays = port.portgroup_uuid and "portgroup_uuid" not in changed
    one_network = call.version.allows("behaviour", "portgroups have one network")
    if "physical_network" in changed and stays and one_network:
        raise BadRequest(
            "physical_network cannot be changed while the port belongs to a portgroup."
        )
    if changed:
        _check_seen(call, parts, changed)
        check_port(parts.store, port, changed)
        port = parts.store.ports.change(port.uuid, changed)
    return PORT.show(port, call)


@delete("/v1/ports/{ident:str}")
@patient
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.only()
    port = parts.store.ports.get(schemas.uuid("port_uuid", ident))
    check_port_delete(parts.store, port)
    parts.store.ports.delete(port.uuid)


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, the link's switch_id as the store keeps it. Raises BadRequest."""
    check_network(values)
    link = read_link(values.get("local_link_connection") or {})
    if values.get("is_smartnic") and not {"port_id", "hostname"} <= link.keys():
        raise BadRequest("Smart NIC port must have port_id and hostname in local_link_connection")
    return {**values, "local_link_connection": link}


def _check_seen(call: Call, parts: Parts, values: Mapping[str, Any]) -> None:
    """Raises BadRequest if it is to be in a portgroup that is hidden: as if there were none."""
    if _is_hidden(call, parts, values.get("portgroup_uuid")):
        raise BadRequest(f"Portgroup {values['portgroup_uuid']} could not be found.")


def _is_hidden(call: Call, parts: Parts, portgroup: str | None) -> bool:
    """Whether there is such a portgroup, and the caller is not to know."""
    owner = portgroup and parts.store.owners.of_part("portgroups", portgroup)
    return bool(owner) and not call.access.allows("node:get", owner or None)


def _list_briefly(
    call: Call, parts: Parts, path: str, node: str | None = None, portgroup: str | None = None
) -> dict[str, Any]:
    call.only(*(_BELOW if node or portgroup else _FILTERS), "fields", "detail")
    part = _page(call, parts, node, portgroup)
    names = PORT.listed_fields(call)
    return PORT.listed(parts.store.ports.list(part), call, part, names=names, path=path)


def _list_whole(
    call: Call, parts: Parts, path: str, node: str | None = None, portgroup: str | None = None
) -> dict[str, Any]:
    call.only(*(_BELOW if node or portgroup else _FILTERS))
    part = _page(call, parts, node, portgroup)
    return PORT.listed(parts.store.ports.list(part), call, part, names=None, path=path)


def _page(call: Call, parts: Parts, node: str | None, portgroup: str | None) -> Page:
    """Raises Forbidden, BadRequest, InvalidParameter, NotAcceptable, NotFound."""
    query = call.query
    call.version.require("port filter", query)
    if "node_uuid" in query:
        schemas.uuid("node_uuid", query["node_uuid"])
    node = node or query.get("node_uuid") or query.get("node")
    if node and not as_uuid(node):
        call.version.require("behaviour", ("names",))
    portgroup = portgroup or query.get("portgroup")
    if sum(bool(each) for each in (node, portgroup, query.get("shard"))) > 1:
        raise Forbidden("Operation not permitted. Filter by one of node, portgroup and shard only.")
    if query.get("conductor_groups") and (node or portgroup or "address" in query):
        raise BadRequest(
            "Filtering by conductor_groups cannot be combined with node_ident, portgroup_ident, "
            "or node address filters."
        )
    filters = of_node(call, parts, node)
    if portgroup:
        ident = PORTGROUP.ident(call, portgroup)
        if _is_hidden(call, parts, ident):
            raise NotFound(f"Portgroup {ident} could not be found.")
        filters["portgroup_uuid"] = parts.store.portgroups.get(ident).uuid
    if "address" in query:
        filters["address"] = schemas.mac_address("address", query["address"])
    text = query.get("description_contains")
    described = (conditions.contains("description", text, "ports"),) if text else ()
    return PORT.page(call, parts.settings, filters=filters, conditions=described, **of_nodes(call))
