"""JSON schemas of what is sent and answered, from the API's tables and the types of records."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

import msgspec
from litestar import Response

from stbernard.api import inspection_rule_parts, node_view, schemas, steps
from stbernard.api.call import boolean
from stbernard.api.microversions import MINIMUM, SINCE
from stbernard.api.resource import Resource
from stbernard.nodes import Node

Schema = dict[str, Any]

TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
LINKS: Schema = {"$ref": "#/components/schemas/links"}
SHARED: Mapping[str, Schema] = {
    "links": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "href": {"type": "string", "format": "uri"},
                "rel": {"type": "string"},
                "type": {"type": "string"},
            },
            "required": ["href", "rel"],
            "additionalProperties": False,
        },
    },
    "error": {
        "type": "object",
        "description": "`error_message` is JSON in a string: faultcode, faultstring and debuginfo, "
        "or (for what is wrong with path, method or version) code, title and description.",
        "properties": {"error_message": {"type": "string", "contentMediaType": "application/json"}},
        "required": ["error_message"],
        "additionalProperties": False,
    },
}


def _table(fields: schemas.Fields, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": {name: _field(each) for name, each in sorted(fields.items())},
        "required": [*required],
        "additionalProperties": False,
    }


def _operators(names: Iterable[str]) -> Schema:
    """The actions or conditions of an inspection rule."""
    properties = {"op": {"enum": [*names]}, "args": {"type": ["array", "object"]}}
    return {"items": {"type": "object", "properties": properties, "required": ["op", "args"]}}


def versioned(schema: Schema, since: int) -> Schema:
    """With the version it came with, as OpenStack's API descriptions say it."""
    return schema if since == MINIMUM else {**schema, "x-openstack": {"min-ver": f"1.{since}"}}


def since(kind: str, name: str) -> int:
    return SINCE.get(kind, {}).get(name, MINIMUM)


def _field(field: schemas.Field) -> Schema:
    schema: Schema = {"type": list(field.types) if len(field.types) > 1 else field.types[0]}
    if field.longest:
        schema["maxLength"] = field.longest
    if field.read is boolean:
        schema["description"] = "A boolean, or a word for one: true, false, on, off, yes, no …"
    return schema | _READ.get(field.read, {}) if field.read else schema


def of_type(kind: Any) -> Schema:
    """The schema of a Python type."""
    schema: Schema = msgspec.json.schema(kind)
    return schema


def given(what: str, fields: schemas.Fields, required: Iterable[str] = ()) -> Schema:
    """A body that `schemas.check` reads."""
    return {
        "type": "object",
        "properties": {
            name: versioned(_field(each), since(f"{what} field", name))
            for name, each in sorted(fields.items())
        },
        "required": sorted(required),
        "additionalProperties": False,
    }


def arguments(names: Iterable[str], mandatory: str | None) -> Schema:
    """A body that `Call.arguments` reads."""
    kinds = ("provision argument", "heartbeat field", "power")
    return {
        "type": "object",
        "properties": {
            name: versioned({}, max(since(kind, name) for kind in kinds)) for name in sorted(names)
        },
        "required": [mandatory] if mandatory else [],
        "additionalProperties": False,
    }


def patch(fields: Iterable[str]) -> Schema:
    """A JSON patch of these fields."""
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "op": {"enum": ["add", "replace", "remove"]},
                "path": {"type": "string", "pattern": f"^/({'|'.join(sorted(fields))})(/.+)?$"},
                "value": {},
            },
            "required": ["op", "path"],
            "additionalProperties": False,
        },
    }


def entity(resource: Resource[Any]) -> Schema:
    """What `Resource.show` makes."""
    types = _types(resource.kind)
    fields = {name: TIME if name.endswith("_at") else types[name] for name in _own(resource)}
    fields |= {name: _returned(made) for name, made in resource.also.items()}
    below = {"type": "array", "items": LINKS} if resource.links_in_a_list else LINKS
    fields |= dict.fromkeys(resource.below, below)
    return shown(resource.name, fields)


def node() -> Schema:
    """What `node_view.show` makes."""
    types = _types(Node)
    fields: dict[str, Schema] = {}
    for name, made in node_view.FIELDS.items():
        schema = TIME if name.endswith("_at") else types.get(name) or _returned(made)
        # a client that is too old for the name `available` sees null
        fields[name] = {"type": ["string", "null"]} if name == "provision_state" else schema
    return shown("node", fields | dict.fromkeys(node_view.LINKS, LINKS))


def node_states() -> Schema:
    whole = node()["properties"]
    fields = {name: {**whole[name]} for name in node_view.STATES}
    for schema in fields.values():
        schema.pop("x-openstack", None)
    return shown("node states", fields) | {"required": []}


def shown(what: str, fields: Mapping[str, Schema]) -> Schema:
    """An object of which every version and every `fields` shows a part."""
    return {
        "type": "object",
        "properties": {
            name: versioned(schema, since(f"{what} field", name))
            for name, schema in sorted({**fields, "links": LINKS}.items())
        },
        "required": ["links"],
        "additionalProperties": False,
    }


def collection(name: str, entry: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {
            name: {"type": "array", "items": entry},
            "next": {"type": "string", "format": "uri"},
        },
        "required": [name],
        "additionalProperties": False,
    }


def returned(handler: Callable[..., Any]) -> Schema | None:
    """By a handler's annotation; None if there is no body."""
    kind = get_type_hints(handler).get("return")
    if get_origin(kind) is Response:
        [kind] = get_args(kind)
    return None if kind in (type(None), bytes, NoReturn) else of_type(kind)


def _returned(made: Callable[..., Any]) -> Schema:
    return of_type(get_type_hints(made).get("return", Any))


def _own(resource: Resource[Any]) -> tuple[str, ...]:
    return (*resource.shown, "created_at", "updated_at")


def _types(kind: type[msgspec.Struct]) -> dict[str, Schema]:
    return {each.name: of_type(each.type) for each in msgspec.structs.fields(kind)}


_TRAIT: Schema = {"type": "string", "maxLength": 255, "description": "Standard, or CUSTOM_…"}
_READ: dict[Callable[..., Any], Schema] = {
    schemas.uuid: {"format": "uuid"},
    schemas.mac_address: {"pattern": "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"},
    schemas.trait: _TRAIT,
    schemas.traits: {"items": _TRAIT},
    steps.interface: {"enum": [*steps.INTERFACES]},
    steps.not_empty: {"minLength": 1},
    steps.not_negative: {"minimum": 0, "pattern": "^[0-9]+$"},
    inspection_rule_parts.actions: _operators(inspection_rule_parts.ACTIONS) | {"minItems": 1},
    inspection_rule_parts.conditions: _operators(
        sign + name for name in inspection_rule_parts.CONDITIONS for sign in ("", "!")
    ),
    inspection_rule_parts.phase: {"enum": ["main", None]},
    inspection_rule_parts.priority: {"minimum": 0, "maximum": 9999},
}
"""What the functions that read a field ask of it."""
_READ |= {
    steps.deploy_steps: {
        "items": _table(steps.DEPLOY_STEP, "interface", "step", "args", "priority"),
        "minItems": 1,
    },
    steps.runbook_steps: {"items": _table(steps.RUNBOOK_STEP, "interface", "step", "order")},
}
