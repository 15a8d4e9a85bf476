"""Power sync on fake hardware: what it sees, sets right, gives up, and leaves alone."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from stbernard.drivers.base import Task
from stbernard.errors import BMCUnreachable, Unavailable
from stbernard.nodes import Node, Power
from stbernard.operations import power_sync as power_sync_module
from stbernard.operations.power_sync import PowerSync
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store.idle import IdleNode
from stbernard.store.requests import Request
from tests.unit.operations.conftest import Engine

AWAY = BMCUnreachable("the BMC does not answer")


def power_sync(engine: Engine, settings: Settings, **conductor: Any) -> PowerSync:
    engine.store.conductors.register("worker-1", "", ("fake-hardware",))
    wanted = replace(settings, conductor=replace(settings.conductor, **conductor))
    return PowerSync(engine.store, Tasks(engine.store, engine.registry, wanted), wanted)


def switch(engine: Engine, node: Node, power: Power) -> None:
    """Somebody presses the button."""
    engine.hardware(node).record(node).power = power


def now(engine: Engine, node: Node) -> Node:
    return engine.store.nodes.get(node.uuid)


def test_the_first_power_state_is_noted(engine: Engine, settings: Settings) -> None:
    node = engine.enroll(power_state=None)
    power_sync(engine, settings).sync()
    assert now(engine, node).power_state == Power.ON


def test_a_server_switched_off_by_hand_is_switched_on_again(
    engine: Engine, settings: Settings
) -> None:
    node = engine.enroll(power_state="power on")
    switch(engine, node, Power.OFF)
    power_sync(engine, settings).sync()
    assert now(engine, node).operation == "power on"
    engine.reconciler.start()
    assert engine.wait(node).power_state == Power.ON
    assert engine.hardware(node).record(node).power == Power.ON
    (seen,) = [each for each in engine.store.journal.timeline(node.uuid) if each.event == "seen"]
    assert "force_power_state_during_sync" in (seen.detail or "")


@pytest.mark.parametrize(
    ("conductor", "values"),
    [
        ({"force_power_state_during_sync": False}, {}),
        ({}, {"disable_power_off": True}),
    ],
)
def test_where_nothing_is_forced_the_database_follows(
    engine: Engine, settings: Settings, conductor: Any, values: Any
) -> None:
    node = engine.enroll(power_state="power on", **values)
    switch(engine, node, Power.OFF)
    power_sync(engine, settings, **conductor).sync()
    after = now(engine, node)
    assert (after.operation, after.power_state, after.maintenance) == (None, Power.OFF, False)
    (seen,) = engine.store.journal.timeline(node.uuid)
    assert (seen.operation, seen.event, seen.worker) == ("monitoring", "seen", "worker-1")


def test_a_bmc_that_stays_away_and_comes_back(engine: Engine, settings: Settings) -> None:
    node, other = engine.enroll(power_state="power on"), engine.enroll(power_state=None)
    engine.hardware(node).fail(node, "get_power_state", AWAY, times=4)
    sync = power_sync(engine, settings, power_state_sync_max_retries=2)
    for _ in range(2):
        sync.sync()
        assert not now(engine, node).maintenance
    sync.sync()
    failed = now(engine, node)
    assert (failed.maintenance, failed.fault, failed.power_state) == (True, "power failure", None)
    assert "the BMC does not answer" in (failed.maintenance_reason or "")
    assert failed.last_error == failed.maintenance_reason
    assert now(engine, other).power_state == Power.ON
    sync.sync()  # has nothing to do with it any more
    sync.recover()
    assert now(engine, node).maintenance
    sync.recover()
    back = now(engine, node)
    assert (back.maintenance, back.fault, back.power_state) == (False, None, Power.ON)
    history = engine.store.journal.history(node)
    assert [(each.operation, each.event) for each in history] == [
        ("monitoring", "failed"),
        ("monitoring", "succeeded"),
    ]


def test_a_sync_that_works_forgets_the_failures_before(engine: Engine, settings: Settings) -> None:
    node = engine.enroll(power_state="power on")
    sync = power_sync(engine, settings, power_state_sync_max_retries=1)
    for _ in range(2):
        engine.hardware(node).fail(node, "get_power_state", AWAY)
        sync.sync()
        sync.sync()
    assert not now(engine, node).maintenance
    assert sync.failures == {}


@pytest.mark.parametrize(
    "values",
    [
        {"provision_state": "enroll"},
        {"maintenance": True},
        {"target_power_state": "power on"},
        {"operation": "rescue", "operation_id": "1", "step": "power_off"},
        {"conductor_group": "elsewhere"},
    ],
)
def test_who_is_left_alone(engine: Engine, settings: Settings, values: Any) -> None:
    node = engine.enroll(power_state="power on", **values)
    switch(engine, node, Power.OFF)
    power_sync(engine, settings, force_power_state_during_sync=False).sync()
    power_sync(engine, settings).recover()
    assert now(engine, node) == engine.store.nodes.get(node.uuid)
    assert now(engine, node).power_state == Power.ON


@pytest.mark.parametrize("forced", [True, False])
def test_what_began_meanwhile_is_not_written_over(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, forced: bool
) -> None:
    """While the BMC is asked a client switches the server off, and that is done already."""
    node = engine.enroll(power_state="power on")
    hardware = engine.hardware(node)
    ask = hardware.get_power_state

    def ask_slowly(task: Task) -> Power:
        monkeypatch.setattr(hardware, "get_power_state", ask)
        request = Request(
            operation="power off", operation_id="1", first_step="power_off", within=60
        )
        engine.store.leases.accept(node.uuid, request)
        engine.reconciler.start()
        engine.wait(node)
        return ask(task)

    monkeypatch.setattr(hardware, "get_power_state", ask_slowly)
    power_sync(engine, settings, force_power_state_during_sync=forced).sync()
    after = now(engine, node)
    assert (after.operation, after.power_state) == (None, Power.OFF)
    assert hardware.record(node).power == Power.OFF
    assert {each.operation for each in engine.store.journal.timeline(node.uuid)} == {"power off"}


def test_one_dead_bmc_holds_nobody_up(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, *others = (engine.enroll(power_state="power on") for _ in range(6))
    hardware = engine.hardware(dead)
    ask, released, answered = hardware.get_power_state, threading.Event(), []

    def ask_or_wait(task: Task) -> Power:
        if task.node.uuid == dead.uuid:
            assert released.wait(60)
        else:
            answered.append(task.node.uuid)
            if len(answered) == len(others):
                released.set()
        return ask(task)

    monkeypatch.setattr(hardware, "get_power_state", ask_or_wait)
    power_sync(engine, settings, sync_power_state_workers=2).sync()
    assert set(answered) == {each.uuid for each in others}


def test_a_database_that_goes_away_is_told_when_the_rest_is_done(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the sweep, in its words; no thread dies of it."""
    node = engine.enroll(power_state=None)
    sync = power_sync(engine, settings)
    monkeypatch.setattr(power_sync_module, "PAGE", 1)
    pages = engine.store.idle.list

    def page(after: int, most: int, **given: Any) -> tuple[IdleNode, ...]:
        if after:
            raise Unavailable("The database does not answer.")
        return pages(after, most, **given)

    monkeypatch.setattr(engine.store.idle, "list", page)
    with pytest.raises(Unavailable):
        sync.sync()
    assert now(engine, node).power_state == Power.ON


def test_each_worker_has_its_share(engine: Engine, settings: Settings) -> None:
    nodes = [engine.enroll() for _ in range(5)]
    for name in ("worker-2", "stopped", "elsewhere"):
        group = "far" if name == "elsewhere" else ""
        engine.store.conductors.register(name, group, ("fake-hardware",))
    engine.store.conductors.beat("stopped", alive=False)
    seen: dict[str, list[str]] = {}
    for name in ("worker-1", "worker-2", "stopped"):
        mine = replace(settings, default=replace(settings.default, host=name))
        sync = power_sync(engine, mine)
        seen[name] = []

        def note(node: IdleNode, name: str = name) -> None:
            seen[name].append(node.uuid)

        sync.check = note  # type: ignore[method-assign, assignment]
        sync.sync()
    assert sorted(seen["worker-1"] + seen["worker-2"]) == sorted(node.uuid for node in nodes)
    assert seen["worker-1"]
    assert seen["worker-2"]
    assert seen["stopped"] == []


def test_what_a_stopped_sync_hears_is_not_written(engine: Engine, settings: Settings) -> None:
    node = engine.enroll(power_state=None)
    sync = power_sync(engine, settings)
    sync.stop()
    sync.check(IdleNode(node.id, node.uuid, node.driver, ""))
    assert now(engine, node).power_state is None
