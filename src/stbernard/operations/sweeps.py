"""What is done from time to time: power sync, and the journal's clean-up."""

import threading
import time
from collections.abc import Callable

import structlog

from stbernard import clock
from stbernard.errors import Unavailable
from stbernard.operations.login_watch import EVERY, LoginWatch
from stbernard.operations.power_sync import PowerSync
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.trimming import trim

log = structlog.get_logger()

FIRST = 60.0  # seconds after the start, at the most; a restart every day cleans up, too
DAY = 86400


class Sweeps:
    """A thread for each, which sleeps in between."""

    def __init__(self, store: Store, tasks: Tasks, settings: Settings) -> None:
        self._store = store
        self._conductor = settings.conductor
        self._power = PowerSync(store, tasks, settings)
        self._logins = LoginWatch(store, tasks, settings)
        self._stopping = threading.Event()

    def start(self) -> None:
        conductor = self._conductor
        self._every(conductor.sync_power_state_interval, self._power.sync)
        self._every(conductor.power_failure_recovery_interval, self._power.recover)
        self._logins.start()
        self._every(EVERY, self._logins.look)
        if conductor.node_history_cleanup_batch_count:
            self._every(conductor.node_history_cleanup_interval, self.trim_journal)

    def stop(self) -> None:
        """Begin nothing more. A BMC that is being asked is not waited for."""
        self._stopping.set()
        self._power.stop()
        self._logins.stop()

    def trim_journal(self) -> None:
        conductor = self._conductor
        keep = conductor.node_history_max_entries if conductor.node_history else 0
        if conductor.node_history and not keep:
            return
        before = clock.now() - conductor.node_history_minimum_days * DAY
        most = conductor.node_history_cleanup_batch_count
        count = trim(self._store.database, keep=keep, before=before, most=most)
        if count:
            log.info("the journal is trimmed", operations=count)

    def _every(self, seconds: int, work: Callable[[], None]) -> None:
        """0: never."""
        if seconds:
            threading.Thread(
                target=self._run, args=(seconds, work), name=work.__name__, daemon=True
            ).start()

    def _run(self, seconds: int, work: Callable[[], None]) -> None:
        pause = min(seconds, FIRST)
        while not self._stopping.wait(pause):
            began = time.monotonic()
            try:
                work()
            except Unavailable as error:
                log.warning(
                    "a sweep could not reach the database", sweep=work.__name__, error=str(error)
                )
            except Exception:
                log.exception("a sweep is wrong", sweep=work.__name__)
            pause = max(seconds - (time.monotonic() - began), 0)
