"""From an outcome to the node's next row: pure, so that it can be read and tested by itself.

Forwards an operation goes step by step to `done`. A failure turns it round: from there it goes
backwards through the undos of the steps done, and ends in `failed`.
"""

import time
from dataclasses import dataclass
from typing import Any

import msgspec

from stbernard.nodes import Agent, Node
from stbernard.operations.machine import Transition, under_way
from stbernard.operations.operation import Operation, Step
from stbernard.operations.outcome import Failed, Next, Outcome, Retry, Trouble, Wait
from stbernard.settings import Settings
from stbernard.store.journal import Entry, Event, entry

Changes = dict[str, Any]

BY_REQUEST = "The operation was aborted by request and the server brought back to its instance."


@dataclass(frozen=True)
class Advance:
    """What to save: the row's changes, the journal's lines, and whether to let the node go."""

    changes: Changes
    lines: tuple[Entry, ...] = ()
    release: bool = False


def advance(node: Node, operation: Operation, outcome: Outcome, settings: Settings) -> Advance:
    """What follows when the node's present step (or its undo) said this."""
    match outcome:
        case Next():
            following = _undone if node.undoing else _step_done
            return following(node, operation, settings, outcome)
        case Wait(otherwise=reason) | Retry(why=reason) if _over(node):
            return _failed(node, operation, settings, reason)
        case Wait():
            return _wait(node, outcome)
        case Retry():
            return _retry(node, outcome)
        case Failed(reason=reason):
            return _failed(node, operation, settings, reason)
        case _:
            raise TypeError(f"{outcome!r} is no outcome")


def go_back(node: Node, operation: Operation, step: str, settings: Settings, why: str) -> Advance:
    """From a step that waits back to an earlier one, which is done again."""
    row = under_way(node.provision_state)
    changes = _state(row.during) if row else {}
    line = _line(node, Event.RETRYING, detail=f"back to {step}: {why}")
    return Advance(changes | _begin(operation.step(step), settings), (line,))


def _over(node: Node) -> bool:
    return node.ends_by is not None and time.time() >= node.ends_by


def _step_done(node: Node, operation: Operation, settings: Settings, outcome: Next) -> Advance:
    changes: Changes = dict(outcome.changes)
    line = _line(node, Event.STEP_DONE, outcome.detail)
    following = operation.after(node.step)
    if following is None:
        return _end(node, operation, changes, line)
    row = under_way(node.provision_state)
    if row and node.provision_state == row.waiting:
        changes |= _state(row.during)
    return Advance(changes | _begin(following, settings), (line,))


def _undone(node: Node, operation: Operation, settings: Settings, outcome: Next) -> Advance:
    line = _line(node, Event.UNDONE, outcome.detail)
    return _undo_next(node, operation, settings, dict(outcome.changes), line, itself=False)


def _failed(node: Node, operation: Operation, settings: Settings, reason: str) -> Advance:
    """Forwards: turn round. Backwards: remember what is not restored and undo the rest."""
    if node.undoing:
        line = _line(node, Event.NOT_UNDONE, detail=reason)
        changes: Changes = {"not_restored": (*node.not_restored, f"{node.step}: {reason}")}
        return _undo_next(node, operation, settings, changes, line, itself=False)
    line = _line(node, Event.STEP_FAILED, detail=reason)
    changes = {"undoing": True, "failure": reason}
    row = under_way(node.provision_state)
    if row:
        changes |= _state(row.during)
    return _undo_next(node, operation, settings, changes, line, itself=True)


def _undo_next(
    node: Node,
    operation: Operation,
    settings: Settings,
    changes: Changes,
    line: Entry,
    *,
    itself: bool,
) -> Advance:
    step = operation.to_undo(node.step, itself=itself)
    if step:
        return Advance(changes | _begin(step, settings), (line,))
    return _end(node, operation, {"undoing": True} | changes, line)


def _begin(step: Step, settings: Settings) -> Changes:
    now, within = time.time(), step.within(settings)
    return {
        "step": step.name,
        "attempt": 0,
        "started_at": now,
        "deadline": now + within if within else None,
    }


def _wait(node: Node, outcome: Wait) -> Advance:
    row = under_way(node.provision_state)
    changes: Changes = {"due_at": node.ends_by}
    if row and row.waiting:
        changes |= _state(row.waiting)
    lines = (_line(node, Event.WAITING, detail=f"for {outcome.event}"),) if not node.attempt else ()
    return Advance(changes | {"attempt": node.attempt + 1}, lines, release=True)


def _retry(node: Node, outcome: Retry) -> Advance:
    lines = (_line(node, Event.RETRYING, detail=outcome.why),) if not node.attempt else ()
    attempt = 0 if isinstance(outcome, Trouble) else node.attempt + 1
    again = time.time() + outcome.after
    # the last try is at the deadline: neither given up before, nor noticed later
    changes = {"attempt": attempt, "due_at": min(again, node.ends_by or again)}
    return Advance(changes, lines, release=True)


def _end(node: Node, operation: Operation, changes: Changes, line: Entry) -> Advance:
    failure = changes.get("failure", node.failure)
    not_restored = changes.get("not_restored", node.not_restored)
    row = under_way(node.provision_state)
    changes |= _ENDED
    agent: Agent = changes.get("agent", node.agent)
    changes |= {"agent": msgspec.structs.replace(agent, token=None)}
    if failure:
        changes |= {"last_error": _last_error(operation, failure, not_restored)}
        changes |= {"target_power_state": None}
    if row:
        changes |= _end_state(row, failed=bool(failure))
    if not_restored:
        changes |= {"maintenance": True, "maintenance_reason": changes["last_error"]}
        changes |= {"fault": operation.fault}
    event = Event.FAILED if failure else Event.SUCCEEDED
    if failure == BY_REQUEST:
        event = Event.ABORTED
    ended = entry(
        node,
        event,
        step=None,
        detail=changes.get("last_error"),
        provision_state=changes.get("provision_state", node.provision_state),
    )
    return Advance(changes, (line, ended), release=True)


_ENDED: Changes = {
    "operation": None,
    "operation_id": None,
    "arguments": {},
    "step": None,
    "attempt": 0,
    "undoing": False,
    "failure": None,
    "not_restored": (),
    "started_at": None,
    "due_at": None,
    "deadline": None,
    "operation_deadline": None,
}


def _end_state(row: Transition, *, failed: bool) -> Changes:
    if failed and "failed" in str(row.failed):
        return _state(row.failed)  # with its target, as Ironic leaves it
    if failed:
        return _state(row.failed) | {"target_provision_state": None}
    return _state(row.done) | {"target_provision_state": None, "last_error": None}


def _state(state: str | None) -> Changes:
    return {"provision_state": state, "provision_updated_at": time.time()}


def _last_error(operation: Operation, failure: str, not_restored: tuple[str, ...]) -> str:
    text = failure if failure == BY_REQUEST else f"Failed to {operation.name}: {failure}"
    if not_restored:
        text += " NOT restored, please do it by hand: " + "; ".join(not_restored)
    return text


def _line(node: Node, event: Event, detail: str | None = None) -> Entry:
    seconds = time.time() - node.started_at if node.started_at else None
    return entry(node, event, detail=detail, seconds=seconds)
