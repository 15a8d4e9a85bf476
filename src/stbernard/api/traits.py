"""`/v1/nodes/{ident}/traits`: what a node can do, for allocations and templates."""

from collections.abc import Iterable
from typing import Any

from litestar import Response, delete, get, put

from stbernard.api import schemas
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.patience import patient
from stbernard.errors import InvalidParameter, MethodNotAllowed, NotAcceptable, NotFound

MOST = 50
_BODY = {"traits": schemas.Field(("array",), read=schemas.traits)}
_HOW = (
    "A single node trait may be added via PUT /v1/nodes/<node identifier>/traits/<trait> with no "
    "body, or all node traits may be replaced via PUT /v1/nodes/<node identifier>/traits with the "
    "list of traits specified in the request body."
)


@get("/v1/nodes/{ident:str}/traits", sync_to_thread=True)
def list_traits(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    _need(call, NotAcceptable())
    call.only()
    return {"traits": parts.store.nodes.get(call.node_ident(ident)).traits}


@put("/v1/nodes/{ident:str}/traits", status_code=204)
@patient
def replace(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    _need(call, MethodNotAllowed("The API version does not allow traits"))
    call.only()
    given = schemas.check("body", call.json(), _BODY)
    if "traits" not in given:
        raise InvalidParameter(_HOW)
    new: tuple[str, ...] = given["traits"]
    parts.store.nodes.set_traits(call.node_ident(ident), lambda _: _few(ident, new))


@put("/v1/nodes/{ident:str}/traits/{trait:str}", status_code=204)
@patient
def add(ident: InPath, trait: InPath, call: GivenCall, parts: GivenParts) -> Response[None]:
    _need(call, MethodNotAllowed("The API version does not allow traits"))
    call.only()
    trait = schemas.trait("trait", trait)
    if schemas.check("body", call.json(), _BODY):
        raise InvalidParameter(_HOW)
    parts.store.nodes.set_traits(call.node_ident(ident), lambda old: _few(ident, {*old, trait}))
    location = call.link(f"nodes/{ident}/traits/{trait}")["href"]
    return Response(None, status_code=204, headers={"Location": location})


@delete("/v1/nodes/{ident:str}/traits")
@patient
def remove_all(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    _need(call, NotFound("Resource could not be found."))
    call.only()
    parts.store.nodes.set_traits(call.node_ident(ident), lambda _: ())


@delete("/v1/nodes/{ident:str}/traits/{trait:str}")
@patient
def remove(ident: InPath, trait: InPath, call: GivenCall, parts: GivenParts) -> None:
    _need(call, NotFound("Resource could not be found."))
    call.only()

    def without(old: tuple[str, ...]) -> Iterable[str]:
        if trait not in old:
            raise NotFound(f"Node {ident} doesn't have a trait '{trait[:255]}'")
        return {*old} - {trait}

    parts.store.nodes.set_traits(call.node_ident(ident), without)


def _need(call: Call, refusal: Exception) -> None:
    """Older versions read `traits` as something else, in a different way for each method."""
    call.need_below_node("traits", refusal)


def _few(node: str, traits: Iterable[str]) -> Iterable[str]:
    """Raises InvalidParameter for more than a node may have."""
    wanted = set(traits)
    if len(wanted) > MOST:
        raise InvalidParameter(
            f"Could not modify traits for node {node} as it would exceed the maximum number of "
            f"traits per node ({len(wanted)} vs. {MOST})"
        )
    return wanted
