"""The short form of each_step.py, and a worker that is frozen instead of killed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stbernard.store import Store
from stbernard.store.engine import Database
from tests.crash.each_step import EachStep
from tests.postgresql import PostgreSQL

pytestmark = pytest.mark.timeout(600)  # services are started, on a machine that does other things


@pytest.fixture
def each(tmp_path: Path, postgresql: PostgreSQL) -> Iterator[EachStep]:
    """Three workers on PostgreSQL."""
    url = postgresql.database()
    each = EachStep(tmp_path, url, 3)
    with each.killing():
        yield each
    each.check()
    assert each.result.wrong == []
    postgresql.drop(url)


def test_a_worker_killed_at_each_save_of_manage_and_abort(each: EachStep) -> None:
    each.each_save("manage")
    each.each_save("abort", ["after"])
    assert each.result.kills > 0


def test_a_worker_that_was_frozen_past_its_lease_writes_nothing(each: EachStep) -> None:
    """SIGSTOP as it is about to save; the others end the operation; SIGCONT."""
    assert each.operate("unrescue", 3, "freeze")
    (node,) = each.verbs
    database = Database(each.url)
    store = Store(database)
    ended, lines = store.nodes.get(node), store.journal.timeline(node)
    frozen = each.frozen()
    assert frozen
    assert frozen.process
    known = len(frozen.log.read_bytes())
    psutil.Process(frozen.process.pid).resume()
    frozen.wait(_logged(frozen.log, known, b"another one has the node now"), "it has lost the node")
    assert (store.nodes.get(node), store.journal.timeline(node)) == (ended, lines)
    assert len({line.worker for line in lines if line.worker}) > 1
    assert ended.provision_state == "active"
    database.close()


def _logged(log: Path, known: int, text: bytes) -> Callable[[], bool]:
    return lambda: text in log.read_bytes()[known:]
