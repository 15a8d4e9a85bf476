"""`/v1/chassis`, and the nodes in one."""

from typing import Any

from litestar import Response, delete, get, patch, post

from stbernard.api import nodes, pages, schemas
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.resource import Resource
from stbernard.records import Chassis

CHASSIS = Resource(
    name="chassis",
    path="chassis",
    kind=Chassis,
    given=schemas.CHASSIS,
    required=(),
    patchable=("extra", "description"),
    shown=("uuid", "description", "extra"),
    in_a_list=("uuid", "description"),
    below=("nodes",),
    links_in_a_list=True,
)


@post("/v1/chassis", sync_to_thread=True)
def create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    return CHASSIS.created(parts.store.chassis.create(CHASSIS.new(CHASSIS.read_new(call))), call)


@get("/v1/chassis", sync_to_thread=True)
def list_chassis(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only(*pages.PAGING, "fields", "detail")
    part = CHASSIS.page(call, parts.settings)
    names = CHASSIS.listed_fields(call)
    return CHASSIS.listed(parts.store.chassis.list(part), call, part, names=names)


@get("/v1/chassis/detail", sync_to_thread=True)
def list_in_detail(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only(*pages.PAGING)
    part = CHASSIS.page(call, parts.settings)
    found = parts.store.chassis.list(part)
    return CHASSIS.listed(found, call, part, names=None, path="chassis/detail")


@get("/v1/chassis/{ident:str}", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("fields")
    return CHASSIS.show_one(parts.store.chassis.get(CHASSIS.ident(call, ident)), call)


@patch("/v1/chassis/{ident:str}", sync_to_thread=True)
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    chassis = parts.store.chassis.get(CHASSIS.ident(call, ident))
    if changed := CHASSIS.changed(chassis, CHASSIS.read_patch(call, chassis)):
        chassis = parts.store.chassis.change(chassis.uuid, changed)
    return CHASSIS.show(chassis, call)


@delete("/v1/chassis/{ident:str}", sync_to_thread=True)
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.only()
    parts.store.chassis.delete(CHASSIS.ident(call, ident))


@get("/v1/chassis/{ident:str}/nodes", sync_to_thread=True)
def list_nodes(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    uuid = CHASSIS.ident(call, ident)
    return nodes.list_briefly(call, parts, f"chassis/{uuid}/nodes", chassis=uuid)


@get("/v1/chassis/{ident:str}/nodes/detail", sync_to_thread=True)
def list_nodes_in_detail(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    uuid = CHASSIS.ident(call, ident)
    return nodes.list_whole(call, parts, f"chassis/{uuid}/nodes/detail", chassis=uuid)
