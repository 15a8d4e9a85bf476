"""The engine: claim a node, run its steps, save each under the fence, let it go to wait."""

import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

import structlog

from stbernard import clock, metrics
from stbernard.errors import HardwareError, Unavailable
from stbernard.nodes import Node, Port
from stbernard.operations.advance import Advance, advance
from stbernard.operations.catalogue import OPERATIONS
from stbernard.operations.operation import Operation
from stbernard.operations.outcome import Failed, Outcome, Trouble
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.journal import HISTORY, Entry, Event
from stbernard.store.leases import OF_PARTS, LeaseLost

log = structlog.get_logger()

LOOK_AGAIN = 10.0  # seconds between two looks when no event came
DATABASE_AWAY = 1.0  # seconds until a database that was away is asked again
GRACE = 1.0  # seconds that steps under way get when the worker stops
BACK_OFF = (0.5, 8.0)  # seconds before a step that raised is tried again: at least, at most
LONGEST_WISH = 60.0  # … and when what was asked says itself for how long


@dataclass
class InHand:
    """A node in hand, its ports, and what its last step came to: while that is saved, `saving`."""

    node: Node
    ports: tuple[Port, ...] | None = None
    following: Advance = field(default_factory=lambda: Advance({}))
    saving: Future[Node] | None = None


class Reconciler:
    """One worker: a thread that claims what is due, threads that work on it, and a thread that
    keeps the leases meanwhile. What it has in hand is by id, and only the claimer adds to it."""

    def __init__(self, store: Store, tasks: Tasks, settings: Settings) -> None:
        self._store = store
        self._tasks = tasks
        self._settings = settings
        self._owner = settings.default.host
        self._group = settings.default.conductor_group
        self._most = settings.conductor.workers_pool_size
        self._in_hand: dict[int, InHand] = {}
        self._ready: queue.SimpleQueue[InHand | None] = queue.SimpleQueue()
        self._dropped = threading.Event()
        self._stopping = threading.Event()
        self._ends = 0.0  # when it is not waited for any more
        self._claimer = threading.Thread(target=self._claim, name="claimer", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="lease keeper", daemon=True)
        self._workers = [
            # a step that hangs does not keep the process from ending
            threading.Thread(target=self._take, name=f"worker {number}", daemon=True)
            for number in range(self._most)
        ]

    def start(self) -> None:
        """Take back what this worker had when it died, and begin."""
        taken = self._store.leases.take_back(self._owner)
        if taken:
            log.info("going on with the operations of this worker's earlier life", nodes=taken)
        for thread in (self._claimer, self._keeper, *self._workers):
            thread.start()

    def works(self) -> bool:
        """Whether it claims what is due."""
        return self._claimer.is_alive()

    def begin_to_stop(self) -> None:
        """Claim nothing more, and begin no further step."""
        self._ends = self._ends or time.monotonic() + GRACE
        self._stopping.set()
        self._store.due.hear()

    def stop(self) -> None:
        """Give the steps under way a moment, and hand over what is left to other workers."""
        self.begin_to_stop()
        if not self._claimer.ident:
            return  # it never started
        self._claimer.join()
        for _ in self._workers:
            self._ready.put(None)
        for thread in self._workers:
            thread.join(max(self._ends - time.monotonic(), 0))
        self._keeper.join(GRACE)  # it must not say that this worker is alive when it is gone
        try:
            self._store.leases.take_back(self._owner)
        except Unavailable as error:
            log.warning("the leases run out by themselves", error=str(error))

    # The claimer.

    def _claim(self) -> None:
        while not self._stopping.is_set():
            seen = self._store.due.count()
            try:
                pause = self._claim_what_is_due()
            except Exception as error:  # noqa: BLE001 (whatever it is, work goes on)
                _report("nothing can be claimed, trying again", error)
                self._dropped.set()  # what was claimed, and not heard of
                pause = DATABASE_AWAY
            self._store.due.wait(seen, pause)

    def _claim_what_is_due(self) -> float:
        """Returns the seconds until the next one is due."""
        if self._dropped.is_set():
            self._dropped.clear()
            self._store.leases.take_back(self._owner, list(self._in_hand))
        in_hand = list(self._in_hand)
        free = self._most - len(in_hand)
        if free > 0:
            for node in self._store.leases.claim(self._owner, free, self._group, in_hand):
                self._in_hand[node.id] = InHand(node)
                self._ready.put(self._in_hand[node.id])
        if len(self._in_hand) >= self._most:
            return LOOK_AGAIN
        due_at = self._store.leases.next_due(self._group)
        return min(max(due_at - clock.now(), 0), LOOK_AGAIN) if due_at else LOOK_AGAIN

    # The lease keeper.

    def _keep(self) -> None:
        interval = float(self._settings.conductor.heartbeat_interval)
        pause = interval
        while not self._stopping.wait(pause):
            try:
                if in_hand := list(self._in_hand):
                    self._store.leases.renew(self._owner, in_hand)
                self._store.conductors.beat(self._owner)
                clock.follow(self._store.database.time)
                pause = interval
            except Exception as error:  # noqa: BLE001 (whatever it is: the leases come first)
                log.warning("the leases could not be renewed, trying again", error=str(error))
                pause = min(interval, DATABASE_AWAY)

    # The workers.

    def _take(self) -> None:
        while held := self._ready.get():
            if self._has_ended(held):
                del self._in_hand[held.node.id]
                self._store.due.hear()

    def _has_ended(self, held: InHand) -> bool:
        """Work on it, and whether it is out of hand then."""
        node = held.node
        about = {"node": node.uuid, "operation": node.operation, "run": node.operation_id}
        request_id = str(node.operation_id).partition("/")[0]
        # for all that is logged on the way, by drivers and libraries, too
        with structlog.contextvars.bound_contextvars(**about, request_id=request_id):
            try:
                return self._work(held)
            except LeaseLost:
                log.info("another one has the node now")
            except Exception as error:  # noqa: BLE001 (whatever it is, work goes on)
                _report("a step's outcome could not be saved; it is done again", error)
                self._dropped.set()
        return True

    def _work(self, held: InHand) -> bool:
        """Step after step, until the node waits or its operation ends. False while a save is under
        way: no thread waits for it, and the next one that is free goes on when it is done.

        Raises LeaseLost, or whatever else kept a step from being saved."""
        while not self._stopping.is_set():
            if held.saving is None:
                held.following = self._go_on(held.node, self._ports_of(held))
                held.saving = self._save(held.node, held.following)
            if not held.saving.done():
                held.saving.add_done_callback(lambda _: self._ready.put(held))
                return False
            held.node, held.saving = held.saving.result(), None
            _count(held.following.lines)
            if held.following.release:
                break
            if "internal_info" in held.following.changes:
                held.ports = None
        return True

    def _ports_of(self, held: InHand) -> tuple[Port, ...]:
        """Read once: those of a node in hand are nobody else's to change."""
        if held.ports is None:
            held.ports = self._store.ports.of_node(held.node.uuid)
        return held.ports

    def _save(self, node: Node, following: Advance) -> Future[Node]:
        for line in following.lines:
            log.info(line.event, step=line.step, detail=line.detail)
        return self._store.leases.save_soon(
            node, following.changes, following.lines, release=following.release
        )

    def _go_on(self, node: Node, ports: tuple[Port, ...]) -> Advance:
        """A step, and those after it that do nothing outside of the database: one save for all."""
        whole = self._step(node, ports)
        while not whole.release and not whole.changes.keys() & OF_PARTS:
            ahead = whole.of(node)
            step = OPERATIONS[str(ahead.operation)].step(ahead.step)
            if ahead.undoing or not step.at_once(self._tasks.driver_of(ahead)):
                break
            whole = whole.then(self._step(ahead, ports))
        return whole

    def _step(self, node: Node, ports: tuple[Port, ...]) -> Advance:
        operation = OPERATIONS[str(node.operation)]
        outcome = self._perform(node, ports, operation)
        return advance(node, operation, outcome, self._settings)

    def _perform(self, node: Node, ports: tuple[Port, ...], operation: Operation) -> Outcome:
        step = operation.step(node.step)
        action = step.undo if node.undoing else step.action
        assert action is not None  # noqa: S101 (only steps with an undo are undone)
        try:
            return action(self._tasks.of(node, ports))
        except HardwareError as error:
            metrics.hardware_failed(error)
            if error.final:
                return Failed(str(error))
            return Trouble(_back_off(node, error), str(error))
        except Unavailable:
            raise  # says nothing about the step
        except Exception as error:
            log.exception("a step is wrong", node=node.uuid, step=step.name)
            return Failed(
                f"Internal error in step {step.name} ({type(error).__name__}); see the log."
            )


def _report(what: str, error: Exception) -> None:
    """A database that is away is known by its text, anything else by its traceback."""
    if isinstance(error, Unavailable):
        log.warning(what, error=str(error))
    else:
        log.exception(what)


def _count(lines: tuple[Entry, ...]) -> None:
    for line in lines:
        if line.event in HISTORY:
            metrics.operation_ended(str(line.operation), line.event)
        elif line.event == Event.STEP_DONE:
            metrics.step_done(str(line.operation), str(line.step), line.seconds or 0)


def _back_off(node: Node, error: HardwareError) -> float:
    """As long as it has been tried already: half a second, one, two, four …; longer if it says."""
    tried = clock.now() - (node.started_at or clock.now())
    wish = min(error.retry_after or 0.0, LONGEST_WISH)
    return max(min(max(tried, BACK_OFF[0]), BACK_OFF[1]), wish)
