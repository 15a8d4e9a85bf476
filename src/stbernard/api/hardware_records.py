"""What hardware told of itself: BIOS settings, firmware components, the inventory of a node.

Nothing here asks for them, so they are empty, as in Ironic before they were asked for."""

from collections.abc import Iterable
from typing import Any, NoReturn

from litestar import get

from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.errors import InvalidParameter, NotFound

_BIOS = (
    *("name", "value", "attribute_type", "allowable_values", "lower_bound", "max_length"),
    *("min_length", "read_only", "reset_required", "unique", "upper_bound", "links"),
    *("created_at", "updated_at", "node_uuid"),
)
_IDENTITY = ("vendor", "model", "serial_number")
_FIRMWARE = (
    *("component", "initial_version", "current_version", "last_version_flashed"),
    *("created_at", "updated_at", *_IDENTITY),
)


@get("/v1/nodes/{ident:str}/bios", sync_to_thread=True)
def list_bios_settings(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node("bios")
    call.only("detail", "fields")
    if call.query and not call.version.allows("behaviour", "BIOS settings have details"):
        raise InvalidParameter(f"Unexpected arguments: {', '.join(sorted(call.query))}")
    _check_fields(call, _BIOS)
    parts.store.nodes.get(call.node_ident(ident))
    return {"bios": []}


@get("/v1/nodes/{ident:str}/bios/{name:str}", sync_to_thread=True)
def show_bios_setting(ident: InPath, name: InPath, call: GivenCall, parts: GivenParts) -> NoReturn:
    call.need_below_node("bios")
    call.only()
    node = parts.store.nodes.get(call.node_ident(ident))
    raise NotFound(f"Node {node.uuid} doesn't have a BIOS setting '{name[:255]}'")


@get("/v1/nodes/{ident:str}/firmware", sync_to_thread=True)
def list_firmware(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node("firmware")
    call.only("detail", "fields")
    known = call.version.allows("behaviour", "firmware has an identity")
    _check_fields(call, [name for name in _FIRMWARE if known or name not in _IDENTITY])
    parts.store.nodes.get(call.node_ident(ident))
    return {"firmware": []}


@get("/v1/nodes/{ident:str}/inventory", sync_to_thread=True)
def show_inventory(ident: InPath, call: GivenCall, parts: GivenParts) -> NoReturn:
    call.need_below_node("inventory")
    call.only()
    node = parts.store.nodes.get(call.node_ident(ident))
    raise NotFound(f"Node inventory record for node {node.uuid} could not be found.")


def _check_fields(call: Call, known: Iterable[str]) -> None:
    """Raises InvalidParameter."""
    wanted = call.words("fields")
    if wanted is not None and call.flag("detail"):
        raise InvalidParameter("Can not specify ?detail=True and fields in the same request.")
    if unknown := [name for name in wanted or () if name not in known]:
        raise InvalidParameter(f'Field(s) "{", ".join(unknown)[:300]}" are not valid')
