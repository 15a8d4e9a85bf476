"""`/v1/inspection_rules`: what to do with a node when its inspection finds this or that."""

from typing import Any

from litestar import Response, delete, get, patch, post

from stbernard.api import pages, schemas
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.inspection_rule_parts import actions, conditions, phase, priority
from stbernard.api.resource import Resource
from stbernard.errors import BadRequest
from stbernard.records import InspectionRule

_GIVEN: schemas.Fields = {
    "actions": schemas.Field(("array",), read=actions),
    "conditions": schemas.Field(("array",), read=conditions),
    "description": schemas.text(),
    "phase": schemas.Field(("string", "null"), 16, read=phase),
    "priority": schemas.Field(("integer",), read=priority),
    "sensitive": schemas.Field(("boolean", "null")),
    "uuid": schemas.UUID,
}


def _actions(rule: InspectionRule) -> tuple[dict[str, Any], ...] | None:
    return None if rule.sensitive else rule.actions


def _conditions(rule: InspectionRule) -> tuple[dict[str, Any], ...] | None:
    return None if rule.sensitive else rule.conditions


RULE = Resource(
    name="inspection rule",
    path="inspection_rules",
    kind=InspectionRule,
    given=_GIVEN,
    required=("actions",),
    patchable=("actions", "conditions", "description", "phase", "priority", "sensitive"),
    shown=("uuid", "description", "priority", "sensitive", "phase"),
    in_a_list=("uuid", "priority", "phase", "description"),
    also={"actions": _actions, "conditions": _conditions},
)


@post("/v1/inspection_rules", sync_to_thread=True)
def create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    RULE.need_to_change(call)
    rule = RULE.new(RULE.read_new(call))
    return RULE.created(parts.store.inspection_rules.create(rule), call)


@get("/v1/inspection_rules", sync_to_thread=True)
def list_rules(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    RULE.need(call)
    call.only(*pages.PAGING, "fields", "detail", "phase")
    names = RULE.listed_fields(call)
    filters = {"phase": call.query["phase"]} if "phase" in call.query else {}
    part = RULE.page(call, parts.settings, filters=filters)
    return RULE.listed(parts.store.inspection_rules.list(part), call, part, names=names)


@get("/v1/inspection_rules/{ident:str}", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    RULE.need(call)
    call.only("fields")
    return RULE.show_one(parts.store.inspection_rules.get(RULE.ident(call, ident)), call)


@patch("/v1/inspection_rules/{ident:str}", sync_to_thread=True)
def change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    RULE.need_to_change(call)
    rule = parts.store.inspection_rules.get(RULE.ident(call, ident))
    values = RULE.read_patch(call, rule)
    if rule.sensitive and not values["sensitive"]:
        raise BadRequest(
            f"Couldn't apply patch to rule {rule.uuid}. Reason: Inspection rules cannot have the "
            "sensitive flag unset."
        )
    if changed := RULE.changed(rule, values):
        rule = parts.store.inspection_rules.change(rule.uuid, changed)
    return RULE.show(rule, call)


@delete("/v1/inspection_rules/{ident:str}", sync_to_thread=True)
def remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    RULE.need_to_change(call)
    call.only()
    parts.store.inspection_rules.delete(RULE.ident(call, ident))


@delete("/v1/inspection_rules", sync_to_thread=True)
def remove_all(call: GivenCall, parts: GivenParts) -> None:
    RULE.need_to_change(call)
    call.only()
    parts.store.inspection_rules.delete_all()
