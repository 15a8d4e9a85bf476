"""The API as an OpenAPI 3.1 document, from its routes, tables and types.

What a path answers follows from its last words: those of a `Resource` of the handler's module, or
what the handler's annotation says.
"""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from stbernard.api import node_patch
from stbernard.api.microversions import MAXIMUM, MINIMUM
from stbernard.api.resource import Resource
from stbernard.api.schemas import NODE
from tools.docs.openapi import schemas
from tools.docs.openapi.routes import Route, routes
from tools.docs.openapi.schemas import Schema

_VERSION = "X-OpenStack-Ironic-API-Version"
_INTRODUCTION = f"""\
The Bare Metal (Ironic) API v1, microversions 1.{MINIMUM} to 1.{MAXIMUM}, as St. Bernard serves it.
`x-openstack: min-ver` is the microversion that brought a path, a word of the query or a field."""
_BODIES = ("POST", "PUT", "PATCH")
_JSON = "application/json"
_ERRORS = {
    400: "Something in the request is wrong; the text names it and says what to do.",
    403: "Protected or configured against it.",
    404: "Not there, or not in this microversion.",
    405: "Not this method, or not in this microversion.",
    406: "A microversion that is not served, or that lacks something the request names.",
    409: "A state, a name or an address is in the way; with Retry-After: an operation holds the "
    "node.",
    413: "The body is too large.",
    500: "A BMC refused or failed.",
    503: "The database is away; try again.",
}
_BOOLEANS = frozenset(
    ("detail", "maintenance", "retired", "associated", "sharded", "include_children")
) | {"reset_interfaces"}
_PARAMETERS: dict[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1},
    "marker": {"type": "string"},
    "sort_dir": {"enum": ["asc", "desc"]},
    **{name: {"type": "boolean"} for name in _BOOLEANS},
}


def render() -> str:
    """The document as JSON."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    components = dict(schemas.SHARED)
    for route in routes():
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bare Metal", "version": f"1.{MAXIMUM}", "description": _INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "parameters": {"microversion": _microversion()},
            "headers": _headers(),
            "responses": {f"{status}": _error(status) for status in _ERRORS},
        },
    }


def _operation(route: Route, components: dict[str, Schema]) -> dict[str, Any]:
    name = route.module.__name__.rpartition(".")[2]
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [name],
        "parameters": _parameters(route),
        "responses": _responses(route, components),
    }
    if text := (route.handler.__doc__ or "").partition("\n")[0]:
        operation["summary"] = text
    if route.method in _BODIES:
        content = {_JSON: {"schema": _body(route, components)}}
        operation["requestBody"] = {"content": content, "required": route.method != "PUT"}
    return schemas.versioned(operation, route.since)


def _operation_id(route: Route) -> str:
    words = [word for word in route.path.split("/") if word] or ["versions"]
    return "_".join((route.method.lower(), *(word.strip("{}").lower() for word in words)))


def _parameters(route: Route) -> list[Schema]:
    resource = _resource(route)
    list_query = resource.detail_since if resource else "list query"
    kinds = (list_query, f"{resource.name if resource else 'node'} filter", "node query")
    found: list[Schema] = [{"$ref": "#/components/parameters/microversion"}]
    found += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in route.parameters
    ]
    for name in route.query:
        schema = _PARAMETERS.get(name, {"type": "string"})
        parameter: Schema = {"name": name, "in": "query", "schema": schema}
        if name == "fields":
            items = {"enum": [*resource.fields]} if resource else {"type": "string"}
            parameter |= {"schema": {"type": "array", "items": items}, "explode": False}
        came = max(schemas.since(kind, name) for kind in kinds)
        found.append(schemas.versioned(parameter, came))
    return found


def _body(route: Route, components: dict[str, Schema]) -> Schema:
    resource = _resource(route)
    if route.path in ("/v1/nodes", "/v1/nodes/{ident}"):
        made = schemas.given("node", NODE, ("driver",)), schemas.patch(node_patch.PATCHABLE)
        name = "node"
    elif resource:
        made = (
            schemas.given(resource.name, resource.given, resource.required),
            schemas.patch(resource.patchable),
        )
        name = resource.name.replace(" ", "_")
    elif route.arguments:
        return schemas.arguments(route.arguments, route.mandatory)
    else:
        return {"type": "object"}
    label = f"{name}_patch" if route.method == "PATCH" else f"new_{name}"
    components[label] = made[route.method == "PATCH"]
    return {"$ref": f"#/components/schemas/{label}"}


def _responses(route: Route, components: dict[str, Schema]) -> dict[str, Any]:
    answer = _answer(route, components)
    done: dict[str, Any] = {
        "description": HTTPStatus(route.status).phrase,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _headers()},
    }
    if answer is not None:
        done["content"] = {route.options.get("described_as", _JSON): {"schema": answer}}
    if route.status == HTTPStatus.CREATED or route.path.endswith(("/provision", "/power")):
        done["headers"]["Location"] = {"schema": {"type": "string", "format": "uri"}}
    refused = {f"{each}": {"$ref": f"#/components/responses/{each}"} for each in _refusals(route)}
    return {f"{route.status}": done, **refused}


def _refusals(route: Route) -> Iterable[int]:
    yield from (400, 403, 404)
    if route.method != "GET" and route.since > MINIMUM:
        yield 405
    yield 406
    if route.method != "GET":
        yield 409
    if route.method in _BODIES:
        yield 413
    if route.waits_for_hardware:
        yield 500
    if route.uses_the_store:
        yield 503


def _answer(route: Route, components: dict[str, Schema]) -> Schema | None:
    by_annotation = schemas.returned(route.handler)
    words = route.path.removeprefix("/v1/").removesuffix("/detail").split("/")
    if by_annotation is None:
        return None
    if words == ["nodes", "{ident}", "states"]:
        return _component("node_states", schemas.node_states(), components)
    if resource := _resource(route):
        name = resource.name.replace(" ", "_")
        one = _component(name, schemas.entity(resource), components)
        several = schemas.collection(resource.collection, one)
    elif words in (["nodes"], ["nodes", "{ident}"]):
        one = _component("node", schemas.node(), components)
        several = schemas.collection("nodes", one)
    else:
        return by_annotation
    return several if route.method == "GET" and not words[-1].startswith("{") else one


def _component(name: str, schema: Schema, components: dict[str, Schema]) -> Schema:
    components[name] = schema
    return {"$ref": f"#/components/schemas/{name}"}


def _resource(route: Route) -> Resource[Any] | None:
    """The Resource that a path is about."""
    words = [word for word in route.path.removesuffix("/detail").split("/") if word[:1] != "{"]
    for each in vars(route.module).values():
        if isinstance(each, Resource) and each.collection == words[-1]:
            return each
    return None


def _microversion() -> Schema:
    versions = [f"1.{minor}" for minor in range(MINIMUM, MAXIMUM + 1)]
    return {
        "name": _VERSION,
        "in": "header",
        "description": "The microversion to answer in; without it 1.1.",
        "schema": {"enum": [*versions, "latest"]},
        "example": "latest",
    }


def _headers() -> dict[str, Schema]:
    version = {"schema": {"type": "string", "pattern": r"^1\.[0-9]+$"}, "required": True}
    request = {"schema": {"type": "string", "pattern": "^req-"}, "required": True}
    return {
        "X-OpenStack-Ironic-API-Minimum-Version": version,
        "X-OpenStack-Ironic-API-Maximum-Version": version,
        _VERSION: version,
        "X-OpenStack-Request-ID": request,
        "OpenStack-Request-ID": request,
    }


def _error(status: int) -> Schema:
    content = {_JSON: {"schema": {"$ref": "#/components/schemas/error"}}}
    return {"description": _ERRORS[status], "content": content}
