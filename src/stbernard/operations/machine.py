"""The provision state machine as one table (contract: bare-metal-api.md, Ironic's states)."""

from dataclasses import dataclass
from enum import StrEnum

from stbernard.errors import InvalidState
from stbernard.nodes import Node


class State(StrEnum):
    ENROLL = "enroll"
    VERIFYING = "verifying"
    MANAGEABLE = "manageable"
    AVAILABLE = "available"
    ADOPTING = "adopting"
    ADOPT_FAILED = "adopt failed"
    INSPECTING = "inspecting"
    INSPECT_WAIT = "inspect wait"
    INSPECT_FAILED = "inspect failed"
    CLEANING = "cleaning"
    CLEAN_WAIT = "clean wait"
    CLEAN_HOLD = "clean hold"
    CLEAN_FAILED = "clean failed"
    DEPLOYING = "deploying"
    DEPLOY_WAIT = "wait call-back"
    DEPLOY_HOLD = "deploy hold"
    DEPLOY_FAILED = "deploy failed"
    ACTIVE = "active"
    DELETING = "deleting"
    ERROR = "error"
    RESCUING = "rescuing"
    RESCUE_WAIT = "rescue wait"
    RESCUE = "rescue"
    RESCUE_FAILED = "rescue failed"
    UNRESCUING = "unrescuing"
    UNRESCUE_FAILED = "unrescue failed"
    SERVICING = "servicing"
    SERVICE_WAIT = "service wait"
    SERVICE_HOLD = "service hold"
    SERVICE_FAILED = "service failed"


S = State


@dataclass(frozen=True, kw_only=True)
class Transition:
    """What a verb does in the states it is accepted in.

    `during` while the operation goes on, `waiting` while it waits for an event, `holding` while it
    waits for the verb `unhold`; then `done`, `failed` or, by the verb `abort`, `aborted` (None: as
    if it failed). Without `during` the node is in `done` at once and nothing else happens to it.
    A retired node ends `if_retired`. `then` is the operation that follows a success."""

    verb: str
    accepted_in: tuple[State, ...]
    during: State | None = None
    waiting: State | None = None
    holding: State | None = None
    done: State
    failed: State | None = None
    aborted: State | None = None
    if_retired: State | None = None
    then: str | None = None


TABLE = (
    Transition(
        verb="manage",
        accepted_in=(S.ENROLL,),
        during=S.VERIFYING,
        done=S.MANAGEABLE,
        failed=S.ENROLL,
    ),
    Transition(
        verb="manage",
        accepted_in=(S.AVAILABLE, S.ADOPT_FAILED, S.INSPECT_FAILED, S.CLEAN_FAILED),
        done=S.MANAGEABLE,
    ),
    Transition(
        verb="inspect",
        accepted_in=(S.MANAGEABLE, S.INSPECT_FAILED),
        during=S.INSPECTING,
        waiting=S.INSPECT_WAIT,
        done=S.MANAGEABLE,
        failed=S.INSPECT_FAILED,
    ),
    Transition(
        verb="clean",
        accepted_in=(S.MANAGEABLE,),
        during=S.CLEANING,
        waiting=S.CLEAN_WAIT,
        holding=S.CLEAN_HOLD,
        done=S.MANAGEABLE,
        failed=S.CLEAN_FAILED,
    ),
    Transition(
        verb="provide",
        accepted_in=(S.MANAGEABLE,),
        during=S.CLEANING,
        waiting=S.CLEAN_WAIT,
        holding=S.CLEAN_HOLD,
        done=S.AVAILABLE,
        failed=S.CLEAN_FAILED,
        if_retired=S.MANAGEABLE,
    ),
    Transition(
        verb="adopt",
        accepted_in=(S.MANAGEABLE, S.ADOPT_FAILED),
        during=S.ADOPTING,
        done=S.ACTIVE,
        failed=S.ADOPT_FAILED,
    ),
    Transition(
        verb="deploy",
        accepted_in=(S.AVAILABLE, S.DEPLOY_FAILED),
        during=S.DEPLOYING,
        waiting=S.DEPLOY_WAIT,
        holding=S.DEPLOY_HOLD,
        done=S.ACTIVE,
        failed=S.DEPLOY_FAILED,
    ),
    Transition(
        verb="rebuild",
        accepted_in=(S.ACTIVE, S.DEPLOY_FAILED, S.ERROR),
        during=S.DEPLOYING,
        waiting=S.DEPLOY_WAIT,
        holding=S.DEPLOY_HOLD,
        done=S.ACTIVE,
        failed=S.DEPLOY_FAILED,
    ),
    Transition(
        verb="undeploy",
        accepted_in=(
            *(S.ACTIVE, S.DEPLOY_WAIT, S.DEPLOY_FAILED, S.ERROR),
            *(S.RESCUE, S.RESCUE_WAIT, S.RESCUE_FAILED, S.UNRESCUE_FAILED),
            *(S.SERVICE_WAIT, S.SERVICE_FAILED),
        ),
        during=S.DELETING,
        done=S.AVAILABLE,
        failed=S.ERROR,
        then="provide",
    ),
    Transition(
        verb="rescue",
        accepted_in=(S.ACTIVE, S.RESCUE, S.RESCUE_FAILED, S.UNRESCUE_FAILED, S.SERVICE_FAILED),
        during=S.RESCUING,
        waiting=S.RESCUE_WAIT,
        done=S.RESCUE,
        failed=S.RESCUE_FAILED,
    ),
    Transition(
        verb="unrescue",
        accepted_in=(S.RESCUE, S.RESCUE_FAILED, S.UNRESCUE_FAILED),
        during=S.UNRESCUING,
        done=S.ACTIVE,
        failed=S.UNRESCUE_FAILED,
    ),
    Transition(
        verb="service",
        accepted_in=(S.ACTIVE, S.SERVICE_FAILED, S.SERVICE_HOLD),
        during=S.SERVICING,
        waiting=S.SERVICE_WAIT,
        holding=S.SERVICE_HOLD,
        done=S.ACTIVE,
        failed=S.SERVICE_FAILED,
        aborted=S.ACTIVE,
    ),
    Transition(verb="abort", accepted_in=(S.SERVICE_FAILED,), done=S.ACTIVE),
)

ALIASES = {"active": "deploy", "deleted": "undeploy"}
"""The older targets of `PUT …/states/provision` that mean a verb."""

HOLDING = tuple(dict.fromkeys(row.holding for row in TABLE if row.holding))
"""The states in which the verb `unhold` lets the operation go on."""

WAITING = (*dict.fromkeys(row.waiting for row in TABLE if row.waiting), *HOLDING)
"""The states in which the verb `abort` ends the operation, and in which nobody holds the node."""

DELETABLE = (State.MANAGEABLE, State.ENROLL, State.ADOPT_FAILED, State.AVAILABLE)
"""The states in which a node may be deleted (in maintenance: in any)."""

INTERFACES_CHANGEABLE = (S.ENROLL, S.INSPECTING, S.INSPECT_WAIT, S.MANAGEABLE, S.AVAILABLE)
"""The states in which a node may get another interface (in maintenance: in any)."""

CHANGEABLE_WITH_TARGET = (
    *(S.DEPLOY_FAILED, S.INSPECTING, S.INSPECT_FAILED, S.INSPECT_WAIT, S.CLEAN_FAILED, S.ERROR),
    *(S.VERIFYING, S.ADOPT_FAILED, S.RESCUE_FAILED, S.UNRESCUE_FAILED),
    *(S.SERVICE_HOLD, S.SERVICE_FAILED),
)
"""The states with a target state in which a node may be changed nevertheless."""

LOOKUP_ALLOWED = (
    *(S.DEPLOYING, S.DEPLOY_WAIT, S.CLEANING, S.CLEAN_WAIT, S.INSPECTING, S.INSPECT_WAIT),
    *(S.RESCUING, S.RESCUE_WAIT, S.SERVICE_WAIT),
)
"""The states in which a ramdisk may look its node up."""

_BY_VERB_AND_STATE = {(row.verb, state): row for row in TABLE for state in row.accepted_in}
_BY_OPERATION_AND_STATE = {
    (row.verb, state): row
    for row in TABLE
    for state in (row.during, row.waiting, row.holding)
    if state
}

PASSING = frozenset(state for _, state in _BY_OPERATION_AND_STATE)
"""The states that a node is in only while an operation goes on."""


def transition(verb: str, state: str, node: str) -> Transition:
    """The row for this verb, or alias, in this state. Raises InvalidState in Ironic's words."""
    try:
        return _BY_VERB_AND_STATE[ALIASES.get(verb, verb), State(state)]
    except (KeyError, ValueError):
        raise InvalidState(
            f'The requested action "{verb}" can not be performed on node "{node}" '
            f'while it is in state "{state}".'
        ) from None


def under_way(node: Node) -> Transition | None:
    """The row of the operation that the node is in; None for one that changes no state."""
    return _BY_OPERATION_AND_STATE.get((node.operation or "", State(node.provision_state)))


def following(verb: str) -> Transition:
    """The row of an operation that follows another one."""
    return next(row for row in TABLE if row.verb == verb and row.during)
