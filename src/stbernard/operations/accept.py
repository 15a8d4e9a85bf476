"""Requests that change a node: checked, accepted in the database, and only then answered.

Each function raises what the API answers: NotFound, BadRequest, Forbidden, InvalidDriverInfo,
NodeLocked.
"""

import uuid
from dataclasses import replace
from typing import Any

import msgspec
from structlog.contextvars import get_contextvars

from stbernard import clock
from stbernard.errors import BadRequest, HardwareError, InvalidState
from stbernard.nodes import Node, Power
from stbernard.operations import node_steps
from stbernard.operations.advance import Advance, advance, let_go
from stbernard.operations.catalogue import OPERATIONS
from stbernard.operations.machine import HOLDING, WAITING, Transition
from stbernard.operations.machine import transition as find_transition
from stbernard.operations.operation import Accepted
from stbernard.operations.outcome import BY_REQUEST, Failed
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.journal import Event, entry
from stbernard.store.requests import Request

_NOT_IN_MAINTENANCE = {
    "deploy": "provisioning",
    "rebuild": "provisioning",
    "clean": "cleaning",
    "service": "service",
    "rescue": "rescuing",
    "unrescue": "unrescuing",
    "abort": "abort",
}
"""The verbs refused in maintenance, as Ironic calls them then."""


class Requests:
    """What clients ask of nodes."""

    def __init__(self, store: Store, tasks: Tasks, settings: Settings) -> None:
        self._store = store
        self._tasks = tasks
        self._settings = settings

    def provision(self, ident: str, target: str, **given: Any) -> None:
        """Any target of `PUT …/states/provision`; `given` is what else the request says."""
        node = self._store.nodes.get(ident)
        if target == "abort" and node.provision_state in WAITING:
            self._abort(node)
        elif target == "unhold" and node.provision_state in HOLDING:
            self._turn(node, let_go(node, OPERATIONS[str(node.operation)], self._settings), target)
        else:
            self._provision(node, find_transition(target, node.provision_state, node.uuid), given)

    def _provision(self, node: Node, row: Transition, given: dict[str, Any]) -> None:
        self._check_maintenance(node, row.verb)
        if row.during:
            self._check_conductor(node)
            check = OPERATIONS[row.verb].check
            accepted = check(self._tasks.of(node), given) if check else Accepted()
            self._begin(node, row, accepted)
        else:
            self._move_at_once(node, row)

    def _abort(self, node: Node) -> None:
        """End the operation that waits: at once, or after a step that must not be cut off."""
        kind, step = node_steps.shown(node)
        if kind and not step.get("abortable"):
            turn = Advance({kind: step | {"abort_after": True}})
        else:
            operation = OPERATIONS[str(node.operation)]
            turn = advance(node, operation, Failed(BY_REQUEST), self._settings)
            turn = replace(turn, changes=turn.changes | {"arguments": {}})
        self._turn(node, turn, "abort")

    def _turn(self, node: Node, turn: Advance, verb: str) -> None:
        """Raises InvalidState if the operation went on meanwhile."""
        if not self._store.leases.take_over(node, turn.changes, turn.lines):
            raise _not_now(verb, self._store.nodes.get(node.uuid))

    def _check_maintenance(self, node: Node, verb: str) -> None:
        """Raises BadRequest."""
        refused = dict(_NOT_IN_MAINTENANCE)
        if not self._settings.conductor.allow_provisioning_in_maintenance:
            refused["provide"] = "providing"
        if node.maintenance and verb in refused:
            raise BadRequest(
                f"The {refused[verb]} operation can't be performed on node {node.uuid} because "
                "it's in maintenance mode. End it first: openstack baremetal node maintenance "
                f"unset {node.name or node.uuid}"
            )

    def power(self, ident: str, target: Power, timeout: int | None = None) -> None:
        """Power on, off or reboot. `timeout`: seconds for a soft target to be reached."""
        node = self._store.nodes.get(ident)
        ends_in = Power.OFF if target in (Power.OFF, Power.SOFT_OFF) else Power.ON
        if node.disable_power_off and target != Power.ON:
            raise BadRequest(f"Node {node.uuid} has disable_power_off set: {target} is refused.")
        self._check_conductor(node)
        request = self._request(
            target.value,
            within=timeout,
            changes={"target_power_state": ends_in, "last_error": None},
        )
        self._store.leases.accept(node.uuid, request)

    def begin(self, node: Node, operation: str, **arguments: Any) -> str:
        """Begin an operation that changes no state; returns the id of its run."""
        self._check_conductor(node)
        request = self._request(operation, arguments=arguments, changes={"last_error": None})
        self._store.leases.accept(node.uuid, request)
        return request.operation_id

    def begin_and_wait(self, node: Node, operation: str, **arguments: Any) -> None:
        """The same, and wait for the BMC's answer. Raises HardwareError with what it said."""
        run = self.begin(node, operation, **arguments)
        seconds = float(self._settings.conductor.power_state_change_timeout)
        ended = self._store.news.wait_until(
            lambda: self._store.nodes.get(node.uuid).operation_id != run, seconds
        )
        lines = self._store.journal.timeline(node.uuid, run)
        if not ended or lines[-1].event != Event.SUCCEEDED:
            raise HardwareError(lines[-1].detail or f"The BMC did not answer in {seconds:.0f} s.")

    def _begin(self, node: Node, row: Transition, accepted: Accepted) -> None:
        interrupted = tuple(state for state in row.accepted_in if state in WAITING)
        why = f"interrupted by the request '{row.verb}'"
        request = self._request(
            row.verb,
            states=row.accepted_in,
            interrupts=interrupted,
            lines=(entry(node, Event.ABORTED, detail=why),) if node.operation else (),
            arguments=accepted.arguments,
            changes={
                **accepted.changes,
                "provision_state": row.during,
                "target_provision_state": row.done,
                "provision_updated_at": clock.now(),
                "last_error": None,
            },
        )
        self._store.leases.accept(node.uuid, request)

    def _check_conductor(self, node: Node) -> None:
        """Raises BadRequest for a node of a conductor group that nobody works for."""
        group = node.conductor_group
        ours = group == self._settings.default.conductor_group
        if not ours and not self._store.conductors.serves(group):
            raise BadRequest(
                "No valid host was found. Reason: No conductor service registered which supports "
                f'driver {node.driver} for conductor group "{group}". Start a worker with '
                "[DEFAULT]conductor_group set to it, or change the node's conductor_group."
            )

    def _request(self, operation: str, within: int | None = None, **values: Any) -> Request:
        whole = OPERATIONS[operation]
        first = whole.steps[0]
        return Request(
            operation=operation,
            operation_id=_new_run(),
            first_step=first.name,
            within=within or first.within(self._settings) or None,
            all_within=whole.within(self._settings) or None,
            **values,
        )

    def _move_at_once(self, node: Node, row: Transition) -> None:
        changes = {
            "provision_state": row.done,
            "target_provision_state": None,
            "provision_updated_at": clock.now(),
            "last_error": None,
            "updated_at": clock.now(),
        }
        moved = msgspec.structs.replace(node, **changes)
        line = entry(moved, Event.SUCCEEDED, operation=row.verb)
        if not self._store.idle.note(node, changes, line):  # it is not as it was any more
            self.provision(node.uuid, row.verb)


def _new_run() -> str:
    """The id of the request that is answered here, so that one id finds all it led to in a log."""
    return str(get_contextvars().get("request_id") or f"req-{uuid.uuid4()}")


def _not_now(verb: str, node: Node) -> InvalidState:
    return InvalidState(
        f'The requested action "{verb}" can not be performed on node "{node.uuid}" '
        f'while it is in state "{node.provision_state}".'
    )
