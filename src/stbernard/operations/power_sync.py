"""Power sync: is the power of the servers what the database says?

Asks the BMCs of nodes that no operation holds, some at a time. Nothing is written over an operation
that began meanwhile. Options, fault and rules are Ironic's (docs/decisions/0076-power-sync.md).
"""

import threading
import uuid
from collections.abc import Callable, Iterator

import msgspec
import structlog

from stbernard import metrics
from stbernard.errors import BMCError, InvalidDriverInfo, StBernardError
from stbernard.nodes import Node, Power
from stbernard.operations.compute import told_of_power
from stbernard.operations.left_rescue import left_rescue
from stbernard.operations.machine import State
from stbernard.operations.power import POWER
from stbernard.operations.share import is_for
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.idle import IdleNode
from stbernard.store.journal import Event, entry
from stbernard.store.requests import Request

log = structlog.get_logger()

FAULT = "power failure"
MONITORING = "monitoring"  # what the history calls it
NOT_IN = (State.ENROLL,)
PAGE = 500  # nodes read from the database at once


class PowerSync:
    """`failures`: how often in a row the sync of a node failed, by its id."""

    def __init__(self, store: Store, tasks: Tasks, settings: Settings) -> None:
        self._store = store
        self._tasks = tasks
        self._conductor = settings.conductor
        self._settings = settings
        self._stopping = threading.Event()
        self.failures: dict[int, int] = {}

    def stop(self) -> None:
        """Ask no further BMC; what the last ones say is not written."""
        self._stopping.set()

    def sync(self) -> None:
        """Look at every node of this worker's once: those that answered last time come first."""
        _for_each(self._healthy_first(), self.check, self._conductor.sync_power_state_workers)

    def recover(self) -> None:
        """Take the nodes whose BMC answers again out of maintenance."""
        nodes = self._mine(fault=FAULT)
        _for_each(nodes, self.check_fault, self._conductor.sync_power_state_workers)

    # One node.

    def check(self, seen: IdleNode) -> None:
        node = self._store.nodes.get(seen.uuid)
        if node.operation or node.maintenance or node.target_power_state:
            return
        try:
            state = self._read(node)
        except InvalidDriverInfo as error:
            if node.power_state is not None:
                self._failed(node, None, str(error))
        except StBernardError as error:
            metrics.hardware_failed(error)
            self._failed(node, None, str(error))
        else:
            self._compare(node, state)

    def check_fault(self, seen: IdleNode) -> None:
        node = self._store.nodes.get(seen.uuid)
        try:
            state = self._read(node)
        except StBernardError as error:
            log.debug("the power state can still not be read", node=node.uuid, error=str(error))
            return
        changes = {"maintenance": False, "maintenance_reason": None, "fault": None}
        text = f"The BMC answers again, and says '{state}'. The maintenance is over."
        self._note(node, changes | {"power_state": state}, Event.SUCCEEDED, text)

    def _read(self, node: Node) -> Power:
        """Raises InvalidDriverInfo, BMCError."""
        task = self._tasks.of(node)
        task.driver.power.validate(task)
        state = task.driver.power.get_power_state(task)
        if state == Power.ERROR:
            raise BMCError("The BMC reports a power error. Check the server's power supply.")
        return state

    def _compare(self, node: Node, state: Power) -> None:
        if state == Power.OFF and node.provision_state == State.RESCUE:
            self.failures.pop(node.id, None)
            left_rescue(self._store, self._settings, node, "it is switched off.", state)
        elif state == node.power_state:
            self.failures.pop(node.id, None)
        elif node.power_state not in (Power.ON, Power.OFF) or not self._is_forced(node):
            self.failures.pop(node.id, None)
            text = f"The server's power state is '{state}', known was '{node.power_state}'."
            if self._note(node, {"power_state": state}, Event.SEEN, text):
                told_of_power(self._settings, msgspec.structs.replace(node, power_state=state))
        else:
            text = f"the BMC reports '{state}' instead of '{node.power_state}'"
            if not self._failed(node, state, text):
                self._set_right(node, state)

    def _is_forced(self, node: Node) -> bool:
        if node.disable_power_off:
            return False
        return self._conductor.force_power_state_during_sync

    def _set_right(self, node: Node, state: Power) -> None:
        """As an operation of the engine's, if the node is as it was seen."""
        operation = POWER[str(node.power_state)]
        first = operation.steps[0]
        request = Request(
            operation=operation.name,
            operation_id=f"req-{uuid.uuid4()}",
            first_step=first.name,
            within=first.within(self._settings),
            fence=node.fence,
            changes={"target_power_state": node.power_state},
        )
        text = (
            f"The server's power state is '{state}', it is to be '{node.power_state}': set right "
            "([conductor]force_power_state_during_sync)."
        )
        if self._note(node, {"power_state": node.power_state}, Event.SEEN, text):
            self._store.leases.accept(node.uuid, request)

    def _failed(self, node: Node, state: Power | None, why: str) -> bool:
        """Count it; True if it was once too often and the node is in maintenance now."""
        most = self._conductor.power_state_sync_max_retries
        count = self.failures[node.id] = self.failures.get(node.id, 0) + 1
        if count <= most:
            log.warning("power sync failed", node=node.uuid, why=why, time=count, retries=most)
            return False
        text = (
            f"The power sync failed {count} times ([conductor]power_state_sync_max_retries = "
            f"{most}): {why}. The node is in maintenance until its power state can be read again."
        )
        changes = {"maintenance": True, "maintenance_reason": text, "fault": FAULT}
        changes |= {"power_state": state, "last_error": text}
        if self._note(node, changes, Event.FAILED, text):
            self.failures.pop(node.id, None)
        return True

    def _note(self, node: Node, changes: dict[str, object], event: Event, text: str) -> bool:
        line = entry(
            node, event, operation=MONITORING, detail=text, worker=self._settings.default.host
        )
        if self._stopping.is_set() or not self._store.idle.note(node, changes, line):
            return False
        log.info(text, node=node.uuid)
        return True

    # Which nodes.

    def _healthy_first(self) -> Iterator[IdleNode]:
        """A BMC that was away last time holds up nobody whose BMC answers."""
        known = set(self.failures)
        suspects = []
        for node in self._mine(fault=None):
            if node.id in known:
                suspects.append(node)
            else:
                yield node
        for gone in known - {node.id for node in suspects}:
            self.failures.pop(gone, None)
        yield from suspects

    def _mine(self, fault: str | None) -> Iterator[IdleNode]:
        """The nodes of this worker."""
        workers = self._store.conductors.list()
        last = 0
        while not self._stopping.is_set():
            page = self._store.idle.list(last, PAGE, fault=fault, not_in=NOT_IN)
            for node in page:
                if is_for(self._settings.default.host, node, workers):
                    yield node
            if len(page) < PAGE:
                return
            last = page[-1].id


def _for_each(nodes: Iterator[IdleNode], work: Callable[[IdleNode], None], workers: int) -> None:
    """In so many threads, which do not keep the process from ending: a BMC may take its time.

    Raises what kept it from finding all nodes, when it is through with those it has found."""
    taking = threading.Lock()
    failed: list[Exception] = []

    def take() -> IdleNode | None:
        with taking:
            try:
                return next(nodes, None)
            except Exception as error:  # noqa: BLE001 (it is raised below)
                failed.append(error)
                return None

    def run() -> None:
        while node := take():
            try:
                work(node)
            except StBernardError as error:  # gone, or in an operation by now
                log.debug("left out of the power sync", node=node.uuid, reason=str(error))
            except Exception:
                log.exception("the power sync of a node is wrong", node=node.uuid)

    threads = [threading.Thread(target=run, name="power sync", daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
