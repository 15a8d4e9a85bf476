"""`/v1/deploy_templates`: deploy steps for nodes whose instance asks for a trait."""

from typing import Any

from litestar import Response, delete, get, patch, post

from stbernard.api import pages, schemas, steps
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.resource import Resource
from stbernard.records import DeployTemplate

_GIVEN: schemas.Fields = {
    "extra": schemas.OBJECT,
    "name": schemas.TRAIT,
    "steps": schemas.Field(("array",), read=steps.deploy_steps),
    "uuid": schemas.UUID,
}


def _steps(template: DeployTemplate) -> list[dict[str, Any]]:
    return steps.shown(template.steps)


TEMPLATE = Resource(
    name="deploy template",
    path="deploy_templates",
    kind=DeployTemplate,
    given=_GIVEN,
    required=("steps", "name"),
    patchable=("extra", "name", "steps"),
    shown=("uuid", "name", "extra"),
    in_a_list=("uuid", "name"),
    also={"steps": _steps},
)


@post("/v1/deploy_templates", sync_to_thread=True)
def create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    TEMPLATE.need_to_change(call)
    template = TEMPLATE.new(TEMPLATE.read_new(call))
    return TEMPLATE.created(parts.store.deploy_templates.create(template), call)


@get("/v1/deploy_templates", sync_to_thread=True)
def list_templates(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    TEMPLATE.need(call)
    call.only(*pages.PAGING, "fields", "detail")
    names = TEMPLATE.listed_fields(call)
    part = TEMPLATE.page(call, parts.settings)
    return TEMPLATE.listed(parts.store.deploy_templates.list(part), call, part, names=names)


@get("/v1/deploy_templates/{ident:str}", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    TEMPLATE.need(call)
    call.only("fields")
    return TEMPLATE.show_one(parts.store.deploy_templates.get(TEMPLATE.ident(call, ident)), call)


@patch("/v1/deploy_templates/{ident:str}", sync_to_thread=True)
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    TEMPLATE.need_to_change(call)
    template = parts.store.deploy_templates.get(TEMPLATE.ident(call, ident))
    if changed := TEMPLATE.changed(template, TEMPLATE.read_patch(call, template)):
        template = parts.store.deploy_templates.change(template.uuid, changed)
    return TEMPLATE.show(template, call)


@delete("/v1/deploy_templates/{ident:str}", sync_to_thread=True)
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    TEMPLATE.need_to_change(call)
    call.only()
    parts.store.deploy_templates.delete(TEMPLATE.ident(call, ident))
