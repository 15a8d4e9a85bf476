"""What is asked of a node: the request, the guarded UPDATE that takes it, why it was not taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, or_, update

from stbernard.errors import BadRequest, InvalidState, NodeLocked
from stbernard.nodes import Node
from stbernard.store import schema
from stbernard.store.journal import Entry
from stbernard.store.prepared import Prepared

_nodes = schema.nodes


@dataclass(frozen=True)
class Request:
    """A request as it is accepted. `states`: those the node must be in still; `interrupts`: those
    in which it takes the place of an operation that waits, whose last `lines` it brings along;
    `fence`: the one the node must have still, so that nothing was done to it meanwhile.

    `within`, `all_within`: seconds for the first step, and for the operation as a whole."""

    operation: str
    operation_id: str
    first_step: str
    within: float | None
    all_within: float | None = None
    states: tuple[str, ...] = ()
    interrupts: tuple[str, ...] = ()
    lines: tuple[Entry, ...] = ()
    fence: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)


@cache
def accepting(states: tuple[str, ...], interrupts: tuple[str, ...], *, fenced: bool) -> Prepared:
    free: ColumnElement[bool] = _nodes.c.operation.is_(None)
    if interrupts:
        free = or_(free, _in_one_of(interrupts))
    accepted = update(_nodes).where(_nodes.c.uuid == bindparam("of"), free)
    if states:
        accepted = accepted.where(_in_one_of(states))
    if fenced:
        accepted = accepted.where(_nodes.c.fence == bindparam("held"))
    return Prepared(accepted.values(fence=_nodes.c.fence + 1).returning(_nodes))


def _in_one_of(states: tuple[str, ...]) -> ColumnElement[bool]:
    """An IN is written anew for each execution; what is prepared must not be."""
    return or_(*(_nodes.c.provision_state == state for state in states))


def refusal(node: Node, request: Request) -> Exception:
    """Why it was not taken."""
    if node.operation:
        return NodeLocked(node.name or node.uuid, node.operation, node.lease_owner)
    if request.states:
        return InvalidState(
            f'The requested action "{request.operation}" can not be performed on node '
            f'"{node.uuid}" while it is in state "{node.provision_state}".'
        )
    return BadRequest(f"Node {node.uuid} did not accept '{request.operation}'.")
