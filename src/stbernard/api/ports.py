"""`/v1/ports`, and the ports below a node."""

import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Response, delete, get, patch, post

from stbernard.api import pages, schemas
from stbernard.api.call import Call, as_uuid, is_name
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.microversions import Version
from stbernard.api.node_patch import patched, root, steps
from stbernard.api.node_view import timestamp
from stbernard.api.parts import Parts
from stbernard.errors import BadRequest, InvalidParameter, NotFound
from stbernard.nodes import Port
from stbernard.store.nodes import Page

PATCHABLE = (
    *("address", "extra", "is_smartnic", "local_link_connection", "node_uuid"),
    *("physical_network", "portgroup_uuid", "pxe_enabled", "name", "description", "vendor"),
    *("category", "available_for_dynamic_portgroup"),
)
_PLAIN = (
    *("uuid", "address", "extra", "internal_info", "is_smartnic", "local_link_connection"),
    *("physical_network", "pxe_enabled", "node_uuid", "name", "description", "vendor"),
    *("category", "portgroup_uuid"),
)
_FIELDS = (*_PLAIN, "created_at", "updated_at", "available_for_dynamic_portgroup")
_SORTABLE = frozenset(_PLAIN) - {"extra", "internal_info", "local_link_connection"} | {
    *("id", "created_at", "updated_at")
}
_IN_A_LIST = ("uuid", "address")
_LINK_KEYS = frozenset(
    ("port_id", "switch_id", "hostname", "switch_info", "network_type", "vtep-logical-switch")
) | {"vtep-physical-switch"}
_FILTERS = ("node", "node_uuid", "address", *pages.PAGING)


@post("/v1/ports", sync_to_thread=True)
def create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    call.only()
    given = schemas.check("port", call.json(), schemas.PORT, required=("address",))
    call.version.require("port field", given)
    named = [name for name in ("node_uuid", "node_ident") if name in given]
    if len(named) != 1:
        raise InvalidParameter(
            "Schema error for port: exactly one of node_uuid, node_ident is needed"
        )
    node_uuid = _node_in_body(parts, call, given.pop(named[0]))
    values = {name: value for name, value in _read(given).items() if value is not None}
    values["uuid"] = values.get("uuid") or str(uuid.uuid4())
    port = parts.store.ports.create(Port(node_uuid=node_uuid, created_at=time.time(), **values))
    return Response(
        _show(port, call),
        status_code=201,
        headers={"Location": call.link(f"ports/{port.uuid}")["href"]},
    )


@get("/v1/ports", sync_to_thread=True)
def list_ports(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only(*_FILTERS, "fields", "detail")
    return _list(call, parts, "ports", _fields(call))


@get("/v1/ports/detail", sync_to_thread=True)
def list_in_detail(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only(*_FILTERS)
    return _list(call, parts, "ports/detail", None)


@get("/v1/nodes/{ident:str}/ports", sync_to_thread=True)
def list_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("address", *pages.PAGING, "fields", "detail")
    node = parts.store.nodes.get(call.node_ident(ident))
    return _list(call, parts, f"nodes/{node.uuid}/ports", _fields(call), node_uuid=node.uuid)


@get("/v1/ports/{ident:str}", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("fields")
    fields = call.words("fields")
    if fields is not None:
        call.version.require("list query", ("fields",))
        _check_fields(fields, call.version)
    return _show(_find(parts, call, ident), call, fields)


@patch("/v1/ports/{ident:str}", sync_to_thread=True)
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    wanted = steps(call, PATCHABLE)
    call.version.require("port field", {root(step) for step in wanted})
    port = _find(parts, call, ident)
    document = {name: getattr(port, name, True) for name in PATCHABLE}
    values = schemas.check("patch", patched(document, wanted), schemas.PORT, required=("address",))
    if values.get("node_uuid") != port.node_uuid:
        values["node_uuid"] = _node_in_body(parts, call, values.get("node_uuid"))
    values = _read({name: values.get(name) for name in PATCHABLE})
    changed = {name: value for name, value in values.items() if value != getattr(port, name)}
    if changed:
        port = parts.store.ports.change(port.uuid, changed)
    return _show(port, call)


@delete("/v1/ports/{ident:str}", sync_to_thread=True)
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.only()
    parts.store.ports.delete(schemas.uuid("port_uuid", ident))


def _find(parts: Parts, call: Call, ident: str) -> Port:
    """By UUID or name. Raises NotFound, InvalidParameter."""
    if found := as_uuid(ident):
        return parts.store.ports.get(found)
    if not is_name(ident):
        raise InvalidParameter(f"Expected UUID or name for port_ident: {ident[:300]}")
    if call.version.allows("port field", "name"):
        for port in parts.store.ports.list(Page(filters={"name": ident}, limit=1)):
            return port
    raise NotFound(f"Port {ident} could not be found.")


def _node_in_body(parts: Parts, call: Call, ident: str | None) -> str:
    """Raises BadRequest: a 404 would be about the port."""
    try:
        return parts.store.nodes.get(call.node_ident(ident or "")).uuid
    except NotFound as error:
        raise BadRequest(str(error)) from None


def _read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values as the store keeps them. Raises BadRequest."""
    values = dict(given)
    if values.get("portgroup_uuid"):
        raise BadRequest(f"Portgroup {values['portgroup_uuid']} could not be found.")
    if values.pop("available_for_dynamic_portgroup", None) is False:
        raise BadRequest(
            "available_for_dynamic_portgroup can only be true: there are no portgroups."
        )
    if values.get("physical_network") == "":
        raise BadRequest("A non-empty value is required when setting physical_network")
    for name in ("extra", "local_link_connection"):
        if name in values and values[name] is None:
            values[name] = {}
    for name, default in (("pxe_enabled", True), ("is_smartnic", False)):
        if name in values and values[name] is None:
            values[name] = default
    _check_link(values.get("local_link_connection") or {}, smart=bool(values.get("is_smartnic")))
    return values


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


def _fields(call: Call) -> tuple[str, ...] | None:
    call.version.require("list query", {"fields"} & call.query.keys())
    fields = pages.fields(call, _IN_A_LIST)
    if fields is not None:
        _check_fields(fields, call.version)
    return fields


def _check_fields(fields: Iterable[str], version: Version) -> None:
    version.require("port field", fields)
    unknown = [name for name in fields if name not in _FIELDS]
    if unknown:
        raise InvalidParameter(f'Field(s) "{", ".join(unknown)[:300]}" are not valid')


def _list(
    call: Call,
    parts: Parts,
    path: str,
    fields: tuple[str, ...] | None,
    node_uuid: str | None = None,
) -> dict[str, Any]:
    filters: dict[str, Any] = {"node_uuid": node_uuid} if node_uuid else {}
    for name in ("node", "node_uuid"):
        if name in call.query:
            filters["node_uuid"] = parts.store.nodes.get(call.node_ident(call.query[name])).uuid
    if "address" in call.query:
        filters["address"] = schemas.mac_address("address", call.query["address"])
    part = pages.page(call, parts.settings.api.max_limit, _SORTABLE, filters=filters)
    ports = parts.store.ports.list(part)
    entries = [_show(port, call, fields) for port in ports]
    last = ports[-1].uuid if ports else None
    return pages.rendered(call, ("ports", path), entries, last, part=part, fields=fields)


def _show(port: Port, call: Call, fields: Iterable[str] | None = None) -> dict[str, Any]:
    """All fields of the version, or those asked for."""
    values: dict[str, Any] = {name: getattr(port, name) for name in _PLAIN}
    values["created_at"] = timestamp(port.created_at)
    values["updated_at"] = timestamp(port.updated_at)
    values["available_for_dynamic_portgroup"] = True
    shown = {
        name: values[name]
        for name in (_FIELDS if fields is None else fields)
        if call.version.allows("port field", name)
    }
    return shown | {"links": call.links(f"ports/{port.uuid}")}
