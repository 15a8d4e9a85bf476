"""Resources of Ironic's that hold nothing here: clients that list them find an empty list.

Nothing can be created in them (405), and nothing be found (404)."""

from typing import Any

from litestar import get
from litestar.exceptions import NotFoundException

from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.errors import NotFound

_LISTS = ("chassis", "portgroups")
_BELOW_NODE = ("portgroups",)
_VOLUME = ("connectors", "targets")


@get([f"/v1/{name}" for name in _LISTS], sync_to_thread=False)
def list_nothing(call: GivenCall) -> dict[str, Any]:
    name = call.path.rsplit("/", 1)[-1]
    call.need(name)
    return {name: []}


@get([f"/v1/{name}/{{ident:str}}" for name in _LISTS], sync_to_thread=False)
def show_nothing(ident: InPath, call: GivenCall) -> dict[str, Any]:
    name = call.path.split("/")[2]
    call.need(name)
    raise NotFound(f"{name.capitalize().removesuffix('s')} {ident[:255]} could not be found.")


@get([f"/v1/volume/{name}" for name in _VOLUME], sync_to_thread=False)
def list_no_volumes(call: GivenCall) -> dict[str, Any]:
    call.need("volume")
    return {call.path.rsplit("/", 1)[-1]: []}


@get("/v1/nodes/{ident:str}/{kind:str}", sync_to_thread=True)
def list_nothing_of_node(
    ident: InPath, kind: InPath, call: GivenCall, parts: GivenParts
) -> dict[str, Any]:
    if kind not in _BELOW_NODE:
        raise NotFoundException
    call.need_below_node(kind)
    parts.store.nodes.get(call.node_ident(ident))
    return {kind: []}


@get("/v1/nodes/{ident:str}/volume/{kind:str}", sync_to_thread=True)
def list_no_volumes_of_node(
    ident: InPath, kind: InPath, call: GivenCall, parts: GivenParts
) -> dict[str, Any]:
    call.need_below_node("volume")
    if kind not in _VOLUME:
        raise NotFoundException
    parts.store.nodes.get(call.node_ident(ident))
    return {kind: []}
