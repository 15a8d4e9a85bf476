"""A worker killed at each save of each operation, really, on either database, with one and three.

    python -m tests.crash.each_step --database postgresql --workers 3

Every save is met twice: the worker dies before its transaction, and after it. It is started again
(of three, the others may be quicker); journal and hardware are read in the end, as in chaos.py.
"""

import argparse
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from stbernard.store import Store
from stbernard.store.engine import Database
from tests.crash.chaos import LIFE, PAUSE, Chaos, runs
from tests.crash.killed_service import DIE, SAVES
from tests.postgresql import PostgreSQL
from tests.service import Service

_MANAGED = (("manage", "manageable"),)
_ACTIVE = (*_MANAGED, ("adopt", "active"))
EARLIER = {
    "manage": (),
    "adopt": _MANAGED,
    "rescue": _ACTIVE,
    "unrescue": (*_ACTIVE, ("rescue", "rescue")),
    "abort": (*_ACTIVE, ("rescue", "rescue wait")),
}
"""What happens to a node before, undisturbed."""
ENDS = {verb: state for verb, state, _ in LIFE if state != "rescue wait"}
SWITCHINGS = {verb: switchings for verb, _, switchings in LIFE}


class EachStep(Chaos):
    """To be used inside of `killing()`; `check()` after it."""

    def __init__(self, folder: Path, url: str | None, workers: int) -> None:
        super().__init__(folder, url, workers)
        self.module = ("tests.crash.killed_service", str(folder))
        self.verbs: dict[str, str] = {}  # by node

    @contextmanager
    def killing(self) -> Iterator[None]:
        with self._running():
            watch = threading.Thread(target=self._start_the_dead)
            watch.start()
            try:
                yield
            finally:
                self._over.set()
                watch.join()

    def _start_the_dead(self) -> None:
        while not self._over.wait(PAUSE):
            for worker in self.workers:
                if worker.is_dead():
                    self.result.kills += 1
                    worker.start(*self.module)

    def each_save(self, verb: str, hows: Iterable[str] = ("before", "after")) -> None:
        """Until there is no further one."""
        for number in count(1):
            met = [self.operate(verb, number, how) for how in hows]
            if not any(met):
                return

    def operate(self, verb: str, number: int, how: str) -> bool:
        """On a node of its own, with a death at the save of this number; False if there was none.

        Raises TimeoutError."""
        node = str(uuid.uuid4())
        self.verbs[node] = verb
        self._create(node)
        for earlier, state in EARLIER[verb]:
            self._ask(node, earlier, state)
        saves, die = self.folder / SAVES, self.folder / DIE
        saves.unlink(missing_ok=True)
        die.write_text(f"{number} {how}")
        self._ask(node, verb, ENDS[verb])
        die.unlink()
        self.result.operations += 1
        return saves.stat().st_size >= number

    def check(self) -> None:
        """All operations of all nodes: each step once, the power no more often than it had to."""
        database = Database(self.url)
        store = Store(database)
        for node, verb in self.verbs.items():
            lines = store.journal.timeline(node)
            again = sum(self._check_run(lines, run) for run in runs(lines))
            asked = [earlier for earlier, _ in EARLIER[verb]] + [verb]
            self._check_power(node, sum(SWITCHINGS[each] for each in asked) // 2 + again)
            self.result.booted_again += again
        database.close()

    def frozen(self) -> Service | None:
        """The worker that was stopped in its course, if one was."""
        stopped = [
            worker
            for worker in self.workers
            if any(process.status() == "stopped" for process in worker.processes())
        ]
        return stopped[0] if stopped else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--operation", choices=EARLIER, action="append")
    given = parser.parse_args()
    server = PostgreSQL(quick=False) if given.database == "postgresql" else None
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            url = server.database() if server else None
            each = EachStep(Path(folder), url, given.workers)
            with each.killing():
                for verb in given.operation or EARLIER:
                    each.each_save(verb)
                    print(f"{verb}: {each.result.kills} kills so far", flush=True)
            each.check()
    finally:
        if server:
            server.close()
    each.result.seconds = time.monotonic() - began
    print(f"{given.database}, workers: {given.workers}: {each.result}")
    raise SystemExit(bool(each.result.wrong))


if __name__ == "__main__":
    main()
