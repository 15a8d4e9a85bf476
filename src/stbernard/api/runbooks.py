"""`/v1/runbooks`: steps to clean or service a node with, and the traits a node needs for them."""

from collections.abc import Callable, Iterable
from typing import Any

from litestar import Response, delete, get, patch, post, put
from litestar.exceptions import NotFoundException

from stbernard.api import pages, schemas, steps
from stbernard.api.call import Call, is_name
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.patches import root
from stbernard.api.resource import Resource
from stbernard.errors import BadRequest, InvalidParameter
from stbernard.records import Runbook
from stbernard.store import conditions


def _name(name: str, value: str) -> str:
    if not is_name(value):
        raise InvalidParameter(
            f"Schema error for {name}: '{value[:100]}' is no name. One is made of letters, digits "
            "and - . _ ~"
        )
    return value


_GIVEN: schemas.Fields = {
    "description": schemas.text(),
    "disable_ramdisk": schemas.Field(("boolean", "null")),
    "extra": schemas.OBJECT,
    "name": schemas.Field(("string",), 255, read=_name),
    "owner": schemas.text(),
    "public": schemas.Field(("boolean", "null")),
    "steps": schemas.Field(("array",), read=steps.runbook_steps),
    "uuid": schemas.UUID,
}
_TRAITS: schemas.Fields = {"traits": schemas.Field(("array",), read=schemas.traits)}
_HOW_TO_SET_TRAITS = (
    "A single runbook trait may be added via PUT /v1/runbooks/<runbook identifier>/traits/<trait> "
    "with no body, or all runbook traits may be replaced via PUT /v1/runbooks/<runbook "
    "identifier>/traits with the list of traits specified in the request body."
)


def _steps(runbook: Runbook) -> list[dict[str, Any]]:
    return steps.shown(runbook.steps)


RUNBOOK = Resource(
    name="runbook",
    path="runbooks",
    kind=Runbook,
    given=_GIVEN,
    required=("steps", "name"),
    patchable=("description", "disable_ramdisk", "extra", "name", "owner", "public", "steps"),
    shown=(
        *("uuid", "name", "extra", "public", "owner", "disable_ramdisk", "description"),
        "traits",
    ),
    in_a_list=("uuid", "name"),
    also={"steps": _steps},
)


@post("/v1/runbooks", sync_to_thread=True)
def create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    RUNBOOK.need_to_change(call)
    given = RUNBOOK.read_new(call)
    if not call.version.allows("runbook resource", "traits"):
        schemas.trait("runbook", given["name"])
    given["owner"] = call.access.owner_of_new("runbook:update:owner", given.get("owner"))
    if given.get("public"):
        call.access.require("runbook:update:public")
    return RUNBOOK.created(parts.store.runbooks.create(RUNBOOK.new(given)), call)


@get("/v1/runbooks", sync_to_thread=True)
def list_runbooks(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    RUNBOOK.need(call)
    call.only(*pages.PAGING, "fields", "detail", "project")
    names = RUNBOOK.listed_fields(call)
    project = call.access.project
    seen = () if project is None else (conditions.owned_or_public(project),)
    part = RUNBOOK.page(call, parts.settings, conditions=seen)
    return RUNBOOK.listed(parts.store.runbooks.list(part), call, part, names=names)


@get("/v1/runbooks/{ident:str}", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    RUNBOOK.need(call)
    call.only("fields")
    return RUNBOOK.show_one(_find(ident, call, parts), call)


@patch("/v1/runbooks/{ident:str}", sync_to_thread=True)
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    RUNBOOK.need_to_change(call)
    runbook = _find(ident, call, parts)
    values = RUNBOOK.read_patch(call, runbook)
    patched = {root(step) for step in call.json()}
    if "public" in patched and "owner" not in patched:
        values["owner"] = None
    if "owner" in patched and values["owner"] and values["public"]:
        raise BadRequest(
            f"Couldn't apply patch to runbook {runbook.uuid}. Reason: There cannot be an owner for "
            "a public runbook"
        )
    if changed := RUNBOOK.changed(runbook, values):
        runbook = parts.store.runbooks.change(runbook.uuid, changed)
    return RUNBOOK.show(runbook, call)


@delete("/v1/runbooks/{ident:str}", sync_to_thread=True)
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    RUNBOOK.need_to_change(call)
    call.only()
    parts.store.runbooks.delete(RUNBOOK.ident(call, ident))


@get("/v1/runbooks/{ident:str}/traits", sync_to_thread=True)
def list_traits(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, tuple[str, ...]]:
    _need_traits(call)
    call.only()
    return {"traits": _find(ident, call, parts).traits}


@put("/v1/runbooks/{ident:str}/traits", status_code=204, sync_to_thread=True)
def replace_traits(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    _need_traits(call)
    call.only()
    given = schemas.check("body", call.json(), _TRAITS)
    if "traits" not in given:
        raise InvalidParameter(_HOW_TO_SET_TRAITS)
    _set_traits(ident, call, parts, lambda _: given["traits"])


@put("/v1/runbooks/{ident:str}/traits/{trait:str}", status_code=204, sync_to_thread=True)
def add_trait(ident: InPath, trait: InPath, call: GivenCall, parts: GivenParts) -> Response[None]:
    _need_traits(call)
    call.only()
    trait = schemas.trait("trait", trait)
    if call.json():
        raise InvalidParameter(_HOW_TO_SET_TRAITS)
    _set_traits(ident, call, parts, lambda old: (*old, trait))
    location = call.link(f"runbooks/{ident}/traits/{trait}")["href"]
    return Response(None, status_code=204, headers={"Location": location})


@delete("/v1/runbooks/{ident:str}/traits", sync_to_thread=True)
def remove_traits(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    _need_traits(call)
    call.only()
    _set_traits(ident, call, parts, lambda _: ())


@delete("/v1/runbooks/{ident:str}/traits/{trait:str}", sync_to_thread=True)
def remove_trait(ident: InPath, trait: InPath, call: GivenCall, parts: GivenParts) -> None:
    """One that is not there is no error."""
    _need_traits(call)
    call.only()
    _set_traits(ident, call, parts, lambda old: (each for each in old if each != trait))


def _find(ident: str, call: Call, parts: Parts) -> Runbook:
    return parts.store.runbooks.get(RUNBOOK.ident(call, ident))


def _need_traits(call: Call) -> None:
    if not call.version.allows("runbook resource", "traits"):
        raise NotFoundException("The API version does not allow runbook traits")


def _set_traits(
    ident: str,
    call: Call,
    parts: Parts,
    new: Callable[[tuple[str, ...]], Iterable[str]],
) -> None:
    runbook = _find(ident, call, parts)
    traits = tuple(sorted(set(new(runbook.traits))))
    if traits != runbook.traits:
        parts.store.runbooks.change(runbook.uuid, {"traits": traits})
