"""`vendor_passthru` of nodes and drivers: no interface here has methods of its vendor's."""

from typing import Any, NoReturn

from litestar import get, route
from litestar.enums import HttpMethod

from stbernard.api.drivers import check_driver
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.errors import BadRequest, InvalidParameter

_METHODS = [
    *(HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE),
]
_NODE = "/v1/nodes/{ident:str}/vendor_passthru"
_DRIVER = "/v1/drivers/{name:str}/vendor_passthru"


@get(f"{_NODE}/methods", sync_to_thread=True)
def list_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    parts.store.nodes.get(call.node_ident(ident))
    return {}


@get(f"{_DRIVER}/methods", sync_to_thread=True)
def list_of_driver(name: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    check_driver(name, parts)
    return {}


@route(_NODE, http_method=_METHODS, status_code=200, sync_to_thread=True)
def call_unnamed_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> NoReturn:
    parts.store.nodes.get(call.node_ident(ident))
    _refuse(call.query.get("method"))


@route(f"{_NODE}/{{method:str}}", http_method=_METHODS, status_code=200, sync_to_thread=True)
def call_of_node(ident: InPath, method: InPath, call: GivenCall, parts: GivenParts) -> NoReturn:
    parts.store.nodes.get(call.node_ident(ident))
    _refuse(method)


@route(_DRIVER, http_method=_METHODS, status_code=200, sync_to_thread=True)
def call_unnamed_of_driver(name: InPath, call: GivenCall, parts: GivenParts) -> NoReturn:
    check_driver(name, parts)
    _refuse(call.query.get("method"))


@route(f"{_DRIVER}/{{method:str}}", http_method=_METHODS, status_code=200, sync_to_thread=True)
def call_of_driver(name: InPath, method: InPath, call: GivenCall, parts: GivenParts) -> NoReturn:
    call.only()
    check_driver(name, parts)
    _refuse(method)


def _refuse(method: str | None) -> NoReturn:
    if not method:
        raise InvalidParameter("Missing mandatory parameter: method")
    raise BadRequest(f"No handler for method {method[:255]}")
