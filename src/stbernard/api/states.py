"""The states of a node, its power and maintenance (its provisioning: provision.py)."""

from typing import Any

from litestar import Response, delete, get, put

from stbernard.api import node_view
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.api.quick import quick
from stbernard.api.schemas import integer, string
from stbernard.errors import BadRequest, InvalidState, NodeLocked
from stbernard.nodes import Power
from stbernard.operations.machine import State

_LONGEST_TIMEOUT = 7 * 24 * 3600  # seconds
_TARGETS = {power.value: power for power in Power if power != Power.ERROR}


@get("/v1/nodes/{ident:str}/states")
@quick
def show_states(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    node = parts.store.nodes.get(call.node_ident(ident))
    return node_view.show_states(node, parts.settings, call)


@put("/v1/nodes/{ident:str}/states/power", status_code=202)
@patient
def power(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    given = call.arguments(("target", "timeout"), mandatory="target")
    target = string("target", given["target"]) or ""
    node = parts.store.nodes.get(call.node_ident(ident))
    timeout = given.get("timeout")
    call.version.require("power", {target} | ({"timeout"} if timeout is not None else set()))
    if timeout is not None:
        timeout = integer("timeout", timeout)
        if not 0 < timeout <= _LONGEST_TIMEOUT:
            raise BadRequest(f"timeout has to be positive integer, at most {_LONGEST_TIMEOUT}")
    if target not in _TARGETS:
        raise InvalidState(
            f'The requested action "{target[:100]}" can not be performed on node "{node.uuid}" '
            f'while it is in state "{node.power_state}".'
        )
    if node.provision_state in (State.CLEANING, State.CLEAN_WAIT):
        raise InvalidState(
            f'The requested action "{target}" can not be performed on node "{node.uuid}" '
            f'while it is in state "{node.provision_state}".'
        )
    if node_view.is_held(node):
        raise NodeLocked(node.uuid, str(node.operation), node.lease_owner)
    parts.requests.power(node.uuid, _TARGETS[target], timeout)
    return accepted(call, ident)


@put("/v1/nodes/{ident:str}/maintenance", status_code=202, sync_to_thread=True)
def set_maintenance(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    given = call.arguments(("reason",))
    reason = string("reason", given.get("reason"))
    return _maintain(ident, call, parts, {"maintenance": True, "maintenance_reason": reason})


@delete("/v1/nodes/{ident:str}/maintenance", status_code=202, sync_to_thread=True)
def unset_maintenance(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    none = {"maintenance": False, "maintenance_reason": None, "fault": None}
    return _maintain(ident, call, parts, none)


def _maintain(ident: str, call: Call, parts: Parts, changes: dict[str, Any]) -> Response[bytes]:
    """Also while an operation holds the node: it is a note of people's, no matter of the engine."""
    node = parts.store.nodes.get(call.node_ident(ident))
    parts.store.nodes.maintain(node.uuid, changes)
    return Response(b"", status_code=202)


def accepted(call: Call, ident: str, where: str = "states") -> Response[bytes]:
    location = call.link(f"nodes/{ident}/{where}")["href"]
    return Response(b"", status_code=202, headers={"Location": location})
