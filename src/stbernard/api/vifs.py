"""`/v1/nodes/{ident}/vifs`: the network interface `noop` takes every VIF and keeps none."""

from typing import Any

from litestar import delete, get, post

from stbernard.api import schemas
from stbernard.api.call import Call, as_uuid, is_name
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.errors import BadRequest, InvalidParameter


@get("/v1/nodes/{ident:str}/vifs", sync_to_thread=True)
def list_vifs(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    _check_node(ident, call, parts)
    return {"vifs": []}


@post("/v1/nodes/{ident:str}/vifs", status_code=204, sync_to_thread=True)
def attach(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    given = call.json()
    if not isinstance(given, dict) or "id" not in given:
        raise InvalidParameter("Schema error for vif: 'id' is a required property")
    _check_vif(schemas.string("id", given["id"]) or "")
    _check_node(ident, call, parts)


@delete("/v1/nodes/{ident:str}/vifs/{vif:str}", sync_to_thread=True)
def detach(ident: InPath, vif: InPath, call: GivenCall, parts: GivenParts) -> None:
    _check_vif(vif)
    _check_node(ident, call, parts)


def _check_vif(vif: str) -> None:
    if not as_uuid(vif) and not is_name(vif):
        raise InvalidParameter(f"Expected UUID or name for id: {vif[:300]}")


def _check_node(ident: str, call: Call, parts: Parts) -> None:
    """Raises NotFound; BadRequest for a network that would have to do something."""
    call.need_below_node("vifs")
    call.only()
    node = parts.store.nodes.get(call.node_ident(ident))
    if node.network_interface != "noop":
        raise BadRequest(
            f"Node {node.uuid} has the network interface '{node.network_interface}', "
            "VIFs are for 'noop' only."
        )
