"""From an outcome to the node's next row: pure, so that it can be read and tested by itself.

Forwards an operation goes step by step to `done`. A failure turns it round: from there it goes
backwards through the undos of the steps done, and ends in `failed`.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from stbernard import clock
from stbernard.nodes import Agent, Node
from stbernard.operations.catalogue import OPERATIONS
from stbernard.operations.machine import State, Transition, following, under_way
from stbernard.operations.node_steps import passed
from stbernard.operations.operation import Operation, Step
from stbernard.operations.outcome import (
    BY_REQUEST,
    Again,
    Back,
    Failed,
    Hold,
    Next,
    Outcome,
    Retry,
    Trouble,
    Wait,
)
from stbernard.settings import Settings
from stbernard.store.journal import Entry, Event, entry

Changes = dict[str, Any]


@dataclass(frozen=True)
class Advance:
    """What to save: the row's changes, the journal's lines, and whether to let the node go."""

    changes: Changes
    lines: tuple[Entry, ...] = ()
    release: bool = False

    def of(self, node: Node) -> Node:
        """The node as it will be when this is saved."""
        return msgspec.structs.replace(node, **self.changes)

    def then(self, following: "Advance") -> "Advance":
        """Both in one."""
        changes = self.changes | following.changes
        return Advance(changes, self.lines + following.lines, following.release)


def advance(node: Node, operation: Operation, outcome: Outcome, settings: Settings) -> Advance:
    """What follows when the node's present step (or its undo) said this."""
    match outcome:
        case Again():
            return _part_done(node, operation, settings, outcome)
        case Next():
            ended = _undone if node.undoing else _step_done
            return ended(node, operation, settings, outcome)
        case Wait(otherwise=reason) | Retry(why=reason) if _over(node):
            return _failed(node, operation, settings, reason)
        case Failed(reason=reason):
            return _failed(node, operation, settings, reason)
        case Back(step=step, why=why):
            return go_back(node, operation, step, settings, why)
    return _pause(node, outcome)


def _pause(node: Node, outcome: Outcome) -> Advance:
    match outcome:
        case Wait():
            return _wait(node, outcome)
        case Hold():
            return _hold(node)
        case Retry():
            return _retry(node, outcome)
    raise TypeError(f"{outcome!r} is no outcome")


def go_back(node: Node, operation: Operation, step: str, settings: Settings, why: str) -> Advance:
    """From a step that waits back to an earlier one, which is done again."""
    changes = _at_work(node)
    line = _line(node, Event.RETRYING, detail=f"back to {step}: {why}")
    return Advance(changes | _begin(operation.step(step), settings), (line,))


def let_go(node: Node, operation: Operation, settings: Settings) -> Advance:
    """From a step that holds the node on to what comes after it."""
    return _part_done(node, operation, settings, passed(node))


def _over(node: Node) -> bool:
    return node.ends_by is not None and clock.now() >= node.ends_by


def _step_done(node: Node, operation: Operation, settings: Settings, outcome: Next) -> Advance:
    changes: Changes = dict(outcome.changes)
    line = _line(node, Event.STEP_DONE, outcome.detail)
    step = operation.after(node.step)
    if step is None:
        return _end(node, operation, settings, changes, line)
    return Advance(changes | _at_work(node) | _begin(step, settings), (line,))


def _part_done(node: Node, operation: Operation, settings: Settings, outcome: Again) -> Advance:
    lines = (_line(node, Event.STEP_DONE, outcome.detail),) if outcome.detail else ()
    begun = _begin(operation.step(node.step), settings)
    return Advance(outcome.changes | _at_work(node) | begun, lines)


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
    changes = {"undoing": True, "failure": reason} | _at_work(node)
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
    return _end(node, operation, settings, {"undoing": True} | changes, line)


def _begin(step: Step, settings: Settings) -> Changes:
    now, within = clock.now(), step.within(settings)
    return {
        "step": step.name,
        "attempt": 0,
        "started_at": now,
        "deadline": now + within if within else None,
    }


def _wait(node: Node, outcome: Wait) -> Advance:
    row = under_way(node)
    changes: Changes = {"due_at": node.ends_by}
    if outcome.look_again is not None:
        again = clock.now() + outcome.look_again
        changes["due_at"] = min(again, node.ends_by or again)
    if row and row.waiting:
        changes |= _state(node, row.waiting)
    lines = (_line(node, Event.WAITING, detail=f"for {outcome.event}"),) if not node.attempt else ()
    return Advance(changes | {"attempt": node.attempt + 1}, lines, release=True)


def _hold(node: Node) -> Advance:
    row = under_way(node)
    changes: Changes = {"due_at": None, "deadline": None, "attempt": node.attempt + 1}
    if row and row.holding:
        changes |= _state(node, row.holding)
    text = "for somebody to unhold it"
    lines = (_line(node, Event.WAITING, detail=text),) if not node.attempt else ()
    return Advance(changes, lines, release=True)


def _retry(node: Node, outcome: Retry) -> Advance:
    lines = (_line(node, Event.RETRYING, detail=outcome.why),) if not node.attempt else ()
    attempt = 0 if isinstance(outcome, Trouble) else node.attempt + 1
    again = clock.now() + outcome.after
    # the last try is at the deadline: neither given up before, nor noticed later
    changes = {"attempt": attempt, "due_at": min(again, node.ends_by or again)}
    return Advance(changes, lines, release=True)


def _end(
    node: Node, operation: Operation, settings: Settings, changes: Changes, line: Entry
) -> Advance:
    failure = changes.get("failure", node.failure)
    row = under_way(node)
    agent: Agent = changes.get("agent", node.agent)
    changes |= {"agent": msgspec.structs.replace(agent, token=None, token_hash=None)}
    if failure:
        changes |= _shown_failure(node, operation, failure, changes)
    if row:
        changes |= _end_state(node, row, failure)
    ended = entry(
        node,
        _how_it_ended(failure),
        step=None,
        detail=changes.get("last_error"),
        provision_state=changes.get("provision_state", node.provision_state),
    )
    if row and row.then and not failure:
        return _go_on(node, row.then, settings, changes | _ENDED, (line, ended))
    return Advance(changes | _ENDED, (line, ended), release=True)


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


def _go_on(
    node: Node, name: str, settings: Settings, changes: Changes, lines: tuple[Entry, ...]
) -> Advance:
    """The end of one operation is the start of another one, in the same hands."""
    ident = {"operation": name, "operation_id": f"{node.operation_id}/{name}"}
    states = {key: changes[key] for key in ("provision_state", "target_provision_state")}
    begun = entry(node, Event.ACCEPTED, step=None, **ident, **states)
    goes_on = ident | {"due_at": clock.now()}  # for others, should this worker die
    first = OPERATIONS[name].steps[0]
    return Advance(changes | goes_on | _begin(first, settings), (*lines, begun))


def _end_state(node: Node, row: Transition, failure: str | None) -> Changes:
    if failure == BY_REQUEST and row.aborted:
        return _state(node, row.aborted) | {"target_provision_state": None}
    if failure and "failed" in str(row.failed):
        return _state(node, row.failed)  # with its target, as Ironic leaves it
    if failure:
        return _state(node, row.failed) | {"target_provision_state": None}
    if row.then:
        ahead = following(row.then)
        return _state(node, ahead.during) | {"target_provision_state": ahead.done}
    done = row.if_retired if node.retired and row.if_retired else row.done
    return _state(node, done) | {"target_provision_state": None, "last_error": None}


def _at_work(node: Node) -> Changes:
    """The state of a node whose operation waits no more."""
    row = under_way(node)
    return _state(node, row.during) if row else {}


def _state(node: Node, state: State | None) -> Changes:
    if state == node.provision_state:
        return {}
    return {"provision_state": state, "provision_updated_at": clock.now()}


def _shown_failure(node: Node, operation: Operation, failure: str, changes: Changes) -> Changes:
    """What a node shows of an operation that failed."""
    not_restored = changes.get("not_restored", node.not_restored)
    text = f"Failed to {operation.name}: {failure}"
    if failure == BY_REQUEST:
        text = f"{BY_REQUEST}, the {operation.name} operation was aborted."
    if not_restored:
        text += " NOT restored, please do it by hand: " + "; ".join(not_restored)
    shown: Changes = {"last_error": text, "target_power_state": None}
    if not_restored:
        shown |= {"maintenance": True, "maintenance_reason": text, "fault": operation.fault}
    return shown


def _how_it_ended(failure: str | None) -> Event:
    if failure == BY_REQUEST:
        return Event.ABORTED
    return Event.FAILED if failure else Event.SUCCEEDED


def _line(node: Node, event: Event, detail: str | None = None) -> Entry:
    seconds = clock.now() - node.started_at if node.started_at else None
    return entry(node, event, detail=detail, seconds=seconds)
