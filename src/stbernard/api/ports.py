"""`/v1/ports`, and the ports below a node."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, delete, get, patch, post

from stbernard.api import pages, schemas
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.api.resource import Resource
from stbernard.errors import BadRequest, InvalidParameter
from stbernard.nodes import Port

PORT = Resource(
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
_LINK_KEYS = frozenset(
    ("port_id", "switch_id", "hostname", "switch_info", "network_type", "vtep-logical-switch")
) | {"vtep-physical-switch"}
_FILTERS = ("node", "node_uuid", "address", *pages.PAGING)


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
    _check(given)
    return PORT.created(parts.store.ports.create(PORT.new(given)), call)


@get("/v1/ports", sync_to_thread=True)
def list_ports(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only(*_FILTERS, "fields", "detail")
    return _list(call, parts, "ports", PORT.listed_fields(call))


@get("/v1/ports/detail", sync_to_thread=True)
def list_in_detail(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only(*_FILTERS)
    return _list(call, parts, "ports/detail", None)


@get("/v1/nodes/{ident:str}/ports", sync_to_thread=True)
def list_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("address", *pages.PAGING, "fields", "detail")
    node = parts.store.nodes.get(call.node_ident(ident))
    path = f"nodes/{node.uuid}/ports"
    return _list(call, parts, path, PORT.listed_fields(call), node_uuid=node.uuid)


@get("/v1/ports/{ident:str}", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("fields")
    return PORT.show_one(parts.store.ports.get(PORT.ident(call, ident)), call)


@patch("/v1/ports/{ident:str}")
@patient
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    port = parts.store.ports.get(PORT.ident(call, ident))
    values = PORT.read_patch(call, port)
    if values["node_uuid"] != port.node_uuid:
        values["node_uuid"] = parts.node_in_body(call, values["node_uuid"]).uuid
    _check(values)
    if changed := PORT.changed(port, values):
        port = parts.store.ports.change(port.uuid, changed)
    return PORT.show(port, call)


@delete("/v1/ports/{ident:str}")
@patient
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.only()
    parts.store.ports.delete(schemas.uuid("port_uuid", ident))


def _check(values: Mapping[str, Any]) -> None:
    """Raises BadRequest."""
    if values.get("portgroup_uuid"):
        raise BadRequest(f"Portgroup {values['portgroup_uuid']} could not be found.")
    if values.get("physical_network") == "":
        raise BadRequest("A non-empty value is required when setting physical_network")
    _check_link(values.get("local_link_connection") or {}, smart=bool(values.get("is_smartnic")))


def _check_link(link: Mapping[str, Any], *, smart: bool) -> None:
    """Raises BadRequest for a local_link_connection that says nothing."""
    unknown = sorted(link.keys() - _LINK_KEYS)
    if unknown or not all(isinstance(value, str) for value in link.values()):
        raise BadRequest(
            "local_link_connection may hold texts under the keys "
            f"{', '.join(sorted(_LINK_KEYS))} only."
        )
    if smart and not {"port_id", "hostname"} <= link.keys():
        raise BadRequest("Smart NIC port must have port_id and hostname in local_link_connection")
    whole = {"port_id"} <= link.keys() and {"switch_id", "hostname"} & link.keys()
    if link and not whole and link.get("network_type") != "unmanaged":
        raise BadRequest("local_link_connection needs port_id and switch_id (or hostname).")


def _list(
    call: Call,
    parts: Parts,
    path: str,
    names: tuple[str, ...] | None,
    node_uuid: str | None = None,
) -> dict[str, Any]:
    filters: dict[str, Any] = {"node_uuid": node_uuid} if node_uuid else {}
    for name in ("node", "node_uuid"):
        if name in call.query:
            filters["node_uuid"] = parts.store.nodes.get(call.node_ident(call.query[name])).uuid
    if "address" in call.query:
        filters["address"] = schemas.mac_address("address", call.query["address"])
    part = PORT.page(call, parts.settings, filters=filters)
    return PORT.listed(parts.store.ports.list(part), call, part, names=names, path=path)
