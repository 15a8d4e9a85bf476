"""Requests that change a node: checked, accepted in the database, and only then answered.

Each function raises what the API answers: NotFound, InvalidState, InvalidParameter, NodeLocked.
"""

import time
import uuid
from typing import Any

from passlib.hash import sha256_crypt, sha512_crypt

from stbernard.errors import BadRequest, HardwareError, InvalidParameter, InvalidState
from stbernard.nodes import BootDevice, Node, Power
from stbernard.operations.advance import BY_REQUEST, advance
from stbernard.operations.catalogue import OPERATIONS
from stbernard.operations.machine import ABORTABLE, Transition, under_way
from stbernard.operations.machine import transition as find_transition
from stbernard.operations.outcome import Failed
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.journal import Event, entry
from stbernard.store.leases import Request

_HASHERS = {
    # crypt(3)'s own number of rounds: the ramdisk hashes the password again at each login
    "sha256": sha256_crypt.using(rounds=5000),
    "sha512": sha512_crypt.using(rounds=5000),
}


class Requests:
    """What clients ask of nodes."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def provision(self, ident: str, verb: str, arguments: dict[str, Any] | None = None) -> None:
        """manage, provide, adopt, unrescue; rescue and abort have functions of their own."""
        node = self._store.nodes.get(ident)
        row = find_transition(verb, node.provision_state, node.uuid)
        if node.maintenance and not self._settings.conductor.allow_provisioning_in_maintenance:
            raise _in_maintenance(verb, node)
        if row.during:
            self._begin(node, OPERATIONS[verb].name, row, arguments or {})
        else:
            self._move_at_once(node, row)

    def rescue(self, ident: str, password: object) -> None:
        """Hash the password here and now: nothing after this line knows it."""
        node = self._store.nodes.get(ident)
        find_transition("rescue", node.provision_state, node.uuid)
        if node.maintenance:
            raise _in_maintenance("rescue", node)
        if node.rescue_interface == "no-rescue":
            raise InvalidParameter(
                f"Node {node.uuid} has the rescue interface 'no-rescue', so it cannot be rescued. "
                "Set another one: openstack baremetal node set --rescue-interface agent NODE"
            )
        if not isinstance(password, str) or not password.strip():
            raise InvalidParameter(
                'A non-empty "rescue_password" is required when setting target provision state '
                "to rescue"
            )
        hasher = _HASHERS[self._settings.conductor.rescue_password_hash_algorithm]
        self.provision(ident, "rescue", {"password_hash": hasher.hash(password)})

    def abort(self, ident: str) -> None:
        """End the operation that waits, and bring the server back."""
        node = self._store.nodes.get(ident)
        row = under_way(node.provision_state)
        if not row or node.provision_state not in ABORTABLE:
            raise _not_now("abort", node)
        turn = advance(node, OPERATIONS[row.verb], Failed(BY_REQUEST), self._settings)
        if not self._store.leases.take_over(node, turn.changes | {"arguments": {}}, turn.lines):
            raise _not_now("abort", self._store.nodes.get(ident))

    def power(self, ident: str, target: Power, timeout: int | None = None) -> None:
        """Power on, off or reboot. `timeout`: seconds for a soft target to be reached."""
        node = self._store.nodes.get(ident)
        ends_in = Power.OFF if target in (Power.OFF, Power.SOFT_OFF) else Power.ON
        if node.disable_power_off and target != Power.ON:
            raise BadRequest(f"Node {node.uuid} has disable_power_off set: {target} is refused.")
        request = self._request(
            target.value,
            within=timeout,
            changes={"target_power_state": ends_in, "last_error": None},
        )
        self._store.leases.accept(node.uuid, request)

    def boot_device(self, ident: str, device: BootDevice, seconds: float) -> None:
        """Set it, and wait for the BMC's answer. Raises HardwareError with what it said."""
        node = self._store.nodes.get(ident)
        request = self._request(
            "set boot device",
            arguments={"device": device.device, "persistent": device.persistent},
        )
        self._store.leases.accept(node.uuid, request)
        ended = self._store.news.wait_until(
            lambda: self._store.nodes.get(node.uuid).operation_id != request.operation_id, seconds
        )
        lines = self._store.journal.timeline(node.uuid, request.operation_id)
        if not ended or lines[-1].event != Event.SUCCEEDED:
            raise HardwareError(lines[-1].detail or f"The BMC did not answer in {seconds:.0f} s.")

    def _begin(
        self, node: Node, operation: str, row: Transition, arguments: dict[str, Any]
    ) -> None:
        request = self._request(
            operation,
            states=row.accepted_in,
            arguments=arguments,
            changes={
                "provision_state": row.during,
                "target_provision_state": row.done,
                "provision_updated_at": time.time(),
                "last_error": None,
            },
        )
        self._store.leases.accept(node.uuid, request)

    def _request(self, operation: str, within: int | None = None, **values: Any) -> Request:
        whole = OPERATIONS[operation]
        first = whole.steps[0]
        return Request(
            operation=operation,
            operation_id=str(uuid.uuid4()),
            first_step=first.name,
            within=within or first.within(self._settings) or None,
            all_within=whole.within(self._settings) or None,
            **values,
        )

    def _move_at_once(self, node: Node, row: Transition) -> None:
        changes = {
            "provision_state": row.done,
            "target_provision_state": None,
            "provision_updated_at": time.time(),
            "last_error": None,
        }
        moved = self._store.nodes.change(node.uuid, changes)
        self._store.journal.note(entry(moved, Event.SUCCEEDED, operation=row.verb))


def _in_maintenance(verb: str, node: Node) -> BadRequest:
    return BadRequest(
        f"The {verb} operation can't be performed on node {node.uuid} because it's in maintenance "
        f"mode. End it first: openstack baremetal node maintenance unset {node.name or node.uuid}"
    )


def _not_now(verb: str, node: Node) -> InvalidState:
    return InvalidState(
        f'The requested action "{verb}" can not be performed on node "{node.uuid}" '
        f'while it is in state "{node.provision_state}".'
    )
