"""The engine: claim a node, run its steps, save each under the fence, let it go to wait."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import structlog

from stbernard import metrics
from stbernard.errors import HardwareError
from stbernard.nodes import Node
from stbernard.operations.advance import advance
from stbernard.operations.catalogue import OPERATIONS
from stbernard.operations.operation import Operation
from stbernard.operations.outcome import Failed, Outcome, Trouble
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.journal import HISTORY, Entry, Event
from stbernard.store.leases import LEASE, LeaseLost

log = structlog.get_logger()

LOOK_AGAIN = 10.0  # seconds between two looks when no event came
BACK_OFF = (0.5, 8.0)  # seconds before a step that raised is tried again: at least, at most


class Reconciler:
    """One worker: a thread that claims what is due and a pool that works on it."""

    def __init__(self, store: Store, tasks: Tasks, settings: Settings) -> None:
        self._store = store
        self._tasks = tasks
        self._settings = settings
        self._owner = settings.default.host
        self._threads = settings.conductor.workers_pool_size
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="worker")
        self._in_hand: dict[int, Future[None]] = {}
        self._stopping = threading.Event()
        self._claimer = threading.Thread(target=self._run, name="claimer", daemon=True)

    def start(self) -> None:
        """Take back what this worker had when it died, and begin."""
        taken = self._store.leases.take_back(self._owner)
        if taken:
            log.info("going on with the operations of this worker's earlier life", nodes=taken)
        self._claimer.start()

    def works(self) -> bool:
        """Whether it claims what is due."""
        return self._claimer.is_alive()

    def stop(self) -> None:
        """Claim nothing more, and finish the steps that are under way."""
        self._stopping.set()
        self._store.news.tell()
        if self._claimer.is_alive():
            self._claimer.join()
        self._pool.shutdown(wait=True)
        self._store.leases.take_back(self._owner)

    def _run(self) -> None:
        renewed = time.monotonic()
        while not self._stopping.is_set():
            seen = self._store.news.count()
            try:
                self._claim()
                if time.monotonic() - renewed > LEASE / 3:
                    self._store.leases.renew(self._owner, list(self._in_hand))
                    self._store.conductors.beat(self._owner)
                    renewed = time.monotonic()
                pause = self._until_next_due()
            except Exception:
                log.exception("the engine could not reach the database, trying again")
                pause = 1.0
            self._store.news.wait(seen, pause)

    def _claim(self) -> None:
        free = self._threads - len(self._in_hand)
        if free <= 0:
            return
        for node in self._store.leases.claim(self._owner, free):
            future = self._pool.submit(self._work, node)
            self._in_hand[node.id] = future
            future.add_done_callback(partial(self._let_go, node.id))

    def _let_go(self, node_id: int, _: Future[None]) -> None:
        self._in_hand.pop(node_id, None)
        self._store.news.tell()

    def _until_next_due(self) -> float:
        if len(self._in_hand) >= self._threads:
            return LOOK_AGAIN
        due_at = self._store.leases.next_due()
        return min(max(due_at - time.time(), 0), LOOK_AGAIN) if due_at else LOOK_AGAIN

    def _work(self, node: Node) -> None:
        """Run step after step until the node waits, its operation ends or the lease is lost."""
        # for all that is logged on the way, by drivers and libraries, too
        about = {"node": node.uuid, "operation": node.operation, "run": node.operation_id}
        structlog.contextvars.bind_contextvars(**about)
        bound = log.bind(**about)
        try:
            while not self._stopping.is_set():
                operation = OPERATIONS[str(node.operation)]
                outcome = self._perform(node, operation)
                following = advance(node, operation, outcome, self._settings)
                for line in following.lines:
                    bound.info(line.event, step=line.step, detail=line.detail)
                node = self._store.leases.save(
                    node, following.changes, following.lines, release=following.release
                )
                _count(following.lines)
                if following.release:
                    return
        except LeaseLost:
            bound.info("another one has the node now")
        except Exception:
            log.exception("a step's outcome could not be saved; it is done again", node=node.uuid)

    def _perform(self, node: Node, operation: Operation) -> Outcome:
        step = operation.step(node.step)
        action = step.undo if node.undoing else step.action
        assert action is not None  # noqa: S101 (only steps with an undo are undone)
        try:
            return action(self._tasks.of(node))
        except HardwareError as error:
            metrics.hardware_failed(error)
            if error.final:
                return Failed(str(error))
            return Trouble(_back_off(node), str(error))
        except Exception as error:
            log.exception("a step is wrong", node=node.uuid, step=step.name)
            return Failed(
                f"Internal error in step {step.name} ({type(error).__name__}); see the log."
            )


def _count(lines: tuple[Entry, ...]) -> None:
    for line in lines:
        if line.event in HISTORY:
            metrics.operation_ended(str(line.operation), line.event)
        elif line.event == Event.STEP_DONE:
            metrics.step_done(str(line.operation), str(line.step), line.seconds or 0)


def _back_off(node: Node) -> float:
    """As long as it has been tried already: half a second, one, two, four …"""
    tried = time.time() - (node.started_at or time.time())
    return min(max(tried, BACK_OFF[0]), BACK_OFF[1])
