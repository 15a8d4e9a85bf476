"""The provision state machine as one table (contract: bare-metal-api.md, Ironic's states)."""

from dataclasses import dataclass
from enum import StrEnum

from stbernard.errors import InvalidState


class State(StrEnum):
    ENROLL = "enroll"
    VERIFYING = "verifying"
    MANAGEABLE = "manageable"
    AVAILABLE = "available"
    ADOPTING = "adopting"
    ADOPT_FAILED = "adopt failed"
    ACTIVE = "active"
    RESCUING = "rescuing"
    RESCUE_WAIT = "rescue wait"
    RESCUE = "rescue"
    RESCUE_FAILED = "rescue failed"
    UNRESCUING = "unrescuing"
    UNRESCUE_FAILED = "unrescue failed"


@dataclass(frozen=True)
class Transition:
    """What a verb does in the states it is accepted in.

    `during` while the operation goes on, `waiting` while it waits for an event, then `done` or
    `failed`. Without `during` the node is in `done` at once and nothing else happens to it."""

    verb: str
    accepted_in: tuple[State, ...]
    during: State | None
    waiting: State | None
    done: State
    failed: State | None


S = State
TABLE = (
    #          verb        accepted in                    during         waiting  done  failed
    Transition("manage", (S.ENROLL,), S.VERIFYING, None, S.MANAGEABLE, S.ENROLL),
    Transition("manage", (S.AVAILABLE, S.ADOPT_FAILED), None, None, S.MANAGEABLE, None),
    Transition("provide", (S.MANAGEABLE,), None, None, S.AVAILABLE, None),
    Transition("adopt", (S.MANAGEABLE, S.ADOPT_FAILED), S.ADOPTING, None, S.ACTIVE, S.ADOPT_FAILED),
    Transition(
        "rescue",
        (S.ACTIVE, S.RESCUE, S.RESCUE_FAILED, S.UNRESCUE_FAILED),
        S.RESCUING,
        S.RESCUE_WAIT,
        S.RESCUE,
        S.RESCUE_FAILED,
    ),
    Transition(
        "unrescue",
        (S.RESCUE, S.RESCUE_FAILED, S.UNRESCUE_FAILED),
        S.UNRESCUING,
        None,
        S.ACTIVE,
        S.UNRESCUE_FAILED,
    ),
)
ABORTABLE = (State.RESCUE_WAIT,)
"""The states in which the verb `abort` ends the operation that goes on."""

DELETABLE = (State.MANAGEABLE, State.ENROLL, State.ADOPT_FAILED, State.AVAILABLE)
"""The states in which a node may be deleted (in maintenance: in any)."""

INTERFACES_CHANGEABLE = (State.ENROLL, State.MANAGEABLE, State.AVAILABLE)
"""The states in which a node may get another interface (in maintenance: in any)."""

CHANGEABLE_WITH_TARGET = (
    State.VERIFYING,
    State.ADOPT_FAILED,
    State.RESCUE_FAILED,
    State.UNRESCUE_FAILED,
)
"""The states with a target state in which a node may be changed nevertheless."""

LOOKUP_ALLOWED = (State.RESCUING, State.RESCUE_WAIT)
"""The states in which a ramdisk may look its node up."""

VERBS = (*dict.fromkeys(transition.verb for transition in TABLE), "abort")
"""Every target of `PUT …/states/provision` that is offered."""

_BY_VERB_AND_STATE = {
    (transition.verb, state): transition for transition in TABLE for state in transition.accepted_in
}
_BY_DURING = {
    state: transition
    for transition in TABLE
    for state in (transition.during, transition.waiting)
    if state
}


def transition(verb: str, state: str, node: str) -> Transition:
    """The row for this verb in this state. Raises InvalidState in the contract's words."""
    try:
        return _BY_VERB_AND_STATE[verb, State(state)]
    except (KeyError, ValueError):
        raise InvalidState(
            f'The requested action "{verb}" can not be performed on node "{node}" '
            f'while it is in state "{state}".'
        ) from None


def under_way(state: str) -> Transition | None:
    """The row of the operation that a node in this state is in; None in a stable state."""
    return _BY_DURING.get(State(state))
