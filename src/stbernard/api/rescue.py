"""`/v1/nodes/{ident}/rescue`: the rescue of a node, from its request to the end of the unrescue.

Not in Ironic's contract: offered in every microversion, and nothing else refers to it.
"""

from typing import Any

from litestar import get

from stbernard import clock
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.timestamps import timestamp
from stbernard.errors import NotFound
from stbernard.nodes import Node
from stbernard.operations.instance_back import ANSWERS, DOES_NOT_ANSWER, is_looked_for
from stbernard.operations.machine import State
from stbernard.store.journal import HISTORY, Entry, Event

_USER = "rescue"  # whom the agent makes
_RESCUED = (State.RESCUING, State.RESCUE_WAIT, State.RESCUE)
_WAITS = (Event.WAITING, Event.RETRYING)


@get("/v1/nodes/{ident:str}/rescue", sync_to_thread=True)
def show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    """The rescue that goes on, else the last one: what happened, and why it waits now.

    `now` is the service's clock: ages are to be told by it. `seconds` are how long a step took,
    `seconds_left` until the present one has failed (null: never)."""
    call.only()
    node = parts.store.nodes.get(call.node_ident(ident))
    return _show(node, lines_of(node, parts), parts)


def lines_of(node: Node, parts: Parts) -> tuple[Entry, ...]:
    """The journal of the node's last rescue. Raises NotFound if there is none."""
    lines = parts.store.journal.last_rescue(node.uuid)
    if not lines:
        raise NotFound(
            f"Node {node.name or node.uuid} has not been rescued yet, or so long ago that the "
            "journal does not tell of it any more."
        )
    return lines


def show_line(line: Entry) -> dict[str, Any]:
    return {
        "id": line.id,
        "at": timestamp(line.at),
        "operation": line.operation,
        "step": line.step,
        "event": line.event,
        "detail": line.detail,
        "seconds": line.seconds,
        "worker": line.worker,
    }


def _show(node: Node, lines: tuple[Entry, ...], parts: Parts) -> dict[str, Any]:
    now = clock.now()
    last = lines[-1]
    goes_on = node.operation_id == last.operation_id
    ended = None if goes_on else next((x for x in reversed(lines) if x.event in HISTORY), None)
    return {
        "node_uuid": node.uuid,
        "now": timestamp(now),
        "provision_state": node.provision_state,
        "provision_updated_at": timestamp(node.provision_updated_at),
        "started_at": timestamp(lines[0].at),
        "ended_at": timestamp(ended.at) if ended else None,
        "operation": last.operation,
        "outcome": ended.event if ended else None,
        "last_error": ended.detail if ended else node.failure,
        **_step(node if goes_on else None, lines, now),
        "login": _login(node),
        "instance": _instance(node, lines),
        "dhcp_is_seen": parts.settings.dnsmasq.interface is not None,
        "timeline": [show_line(line) for line in lines],
    }


def _step(node: Node | None, lines: tuple[Entry, ...], now: float) -> dict[str, Any]:
    """Where the operation is that goes on."""
    ends_by = node.ends_by if node else None
    return {
        "step": node.step if node else None,
        "undoing": bool(node and node.undoing),
        "step_started_at": timestamp(node.started_at) if node else None,
        "waits": _why_it_waits(node, lines) if node else None,
        "deadline": timestamp(ends_by),
        "seconds_left": max(ends_by - now, 0) if ends_by else None,
    }


def _why_it_waits(node: Node, lines: tuple[Entry, ...]) -> str | None:
    """What the step said last when it let go; None while it is at work."""
    said = [
        line.detail
        for line in lines
        if line.step == node.step and line.event in _WAITS and line.at >= (node.started_at or 0)
    ]
    return said[-1] if said else None


def _login(node: Node) -> dict[str, Any] | None:
    """How the rescued server is reached; of its password nothing is known here."""
    if not node.login or node.provision_state not in _RESCUED:
        return None
    return {
        "user": _USER,
        "addresses": node.login.addresses,
        "ssh_host_key": node.login.ssh_host_key,
        "seen_at": node.login.seen_at,
        "silent_since": timestamp(node.login.silent_since),
    }


def _instance(node: Node, lines: tuple[Entry, ...]) -> dict[str, Any] | None:
    """Whether it answers after the unrescue; `answers` is null while it is looked for."""
    found = {ANSWERS: True, DOES_NOT_ANSWER: False}
    end = next((line for line in lines if line.step in found), None)
    if end is None and not is_looked_for(node):
        return None
    return {
        "answers": found[str(end.step)] if end else None,
        "at": timestamp(end.at) if end else None,
        "seconds": end.seconds if end else None,
        "detail": end.detail if end else None,
        "looked_for_at": node.login.addresses if node.login and not end else (),
    }
