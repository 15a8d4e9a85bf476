"""The journal's clean-up, as the options of Ironic's node history say."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from stbernard.nodes import Node
from stbernard.operations.sweeps import DAY, Sweeps
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store.journal import Event, entry
from tests.unit.operations.conftest import Engine


@pytest.fixture
def trim(engine: Engine, settings: Settings) -> Callable[..., None]:
    def trim(**options: Any) -> None:
        conductor = replace(
            settings.conductor, **{f"node_history{name}": options[name] for name in options}
        )
        wanted = replace(settings, conductor=conductor)
        tasks = Tasks(engine.store, engine.registry, wanted)
        Sweeps(engine.store, tasks, wanted).trim_journal()

    return trim


def run(engine: Engine, node: Node, ident: str, days_ago: float = 0) -> None:
    """An operation of three lines."""
    at = time.time() - days_ago * DAY - 1
    for event in (Event.ACCEPTED, Event.STEP_DONE, Event.SUCCEEDED):
        line = entry(node, event, operation="rescue", operation_id=ident, at=at)
        engine.store.journal.note(line)


def kept(engine: Engine, node: Node) -> list[str | None]:
    lines = engine.store.journal.timeline(node.uuid)
    return list(dict.fromkeys(line.operation_id for line in lines))


def test_the_last_operations_of_each_node_stay_whole(
    engine: Engine, trim: Callable[..., None]
) -> None:
    busy, quiet = engine.enroll(), engine.enroll()
    for ident in ("1", "2", "3", "4"):
        run(engine, busy, ident)
    run(engine, quiet, "1")
    trim(_max_entries=2)
    assert kept(engine, busy) == ["3", "4"]
    assert len(engine.store.journal.timeline(busy.uuid)) == 6
    assert kept(engine, quiet) == ["1"]


def test_what_is_young_stays(engine: Engine, trim: Callable[..., None]) -> None:
    node = engine.enroll()
    for ident, days in (("1", 9.0), ("2", 8.0), ("3", 2.0), ("4", 1.0)):
        run(engine, node, ident, days)
    trim(_max_entries=1, _minimum_days=5)
    assert kept(engine, node) == ["2", "3", "4"]


def test_an_operation_that_goes_on_stays(engine: Engine, trim: Callable[..., None]) -> None:
    node = engine.enroll()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    going_on = engine.store.nodes.get(node.uuid).operation_id
    run(engine, node, "monitoring, meanwhile")
    trim(**{"": False})
    assert kept(engine, node) == [going_on]


def test_without_a_history_nothing_of_it_is_kept(engine: Engine, trim: Callable[..., None]) -> None:
    node = engine.enroll()
    run(engine, node, "1")
    trim(**{"": False})
    assert kept(engine, node) == []


def test_no_limit_is_no_limit(engine: Engine, trim: Callable[..., None]) -> None:
    node = engine.enroll()
    run(engine, node, "1")
    trim(_max_entries=0)
    assert kept(engine, node) == ["1"]


def test_the_journal_of_a_deleted_node_goes(engine: Engine, trim: Callable[..., None]) -> None:
    node = engine.enroll()
    run(engine, node, "1")
    engine.store.nodes.delete(node.uuid)
    trim()
    assert kept(engine, node) == []


def test_a_batch_ends_with_its_node(engine: Engine, trim: Callable[..., None]) -> None:
    nodes = [engine.enroll() for _ in range(3)]
    for node in nodes:
        for ident in ("1", "2", "3"):
            run(engine, node, ident)
    trim(_max_entries=1, _cleanup_batch_count=3)
    assert sorted(len(kept(engine, node)) for node in nodes) == [1, 1, 3]
    trim(_max_entries=1, _cleanup_batch_count=3)
    assert [kept(engine, node) for node in nodes] == [["3"]] * 3
