"""Workers beside each other: leases, groups, the end of one, and a clock that jumps."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from stbernard.drivers.fake import FakeHardware
from stbernard.errors import BadRequest, Unavailable
from stbernard.nodes import Node, Power
from stbernard.operations import reconciler
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.engine import POOL, Database
from tests.unit.operations.conftest import PATIENCE, Engine, engine_on

HOUR = 3600.0


class Hanging:
    """The BMC does not answer until it `may_go_on`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = threading.Event()
        self.may_go_on = threading.Event()
        answer = FakeHardware.get_power_state

        def hang(hardware: FakeHardware, task: Any) -> Power:
            self.asked.set()
            assert self.may_go_on.wait(PATIENCE)
            return answer(hardware, task)

        monkeypatch.setattr(FakeHardware, "get_power_state", hang)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    hanging = Hanging(monkeypatch)
    yield hanging
    hanging.may_go_on.set()


def until(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lease_is_kept_while_a_step_is_long_and_no_connection_is_free(
    database_url: str, settings: Settings, hanging: Hanging
) -> None:
    database, other_database = Database(database_url), Database(database_url)
    other = Store(other_database)
    with engine_on(Store(database, lease=60), settings, heartbeat_interval=1) as engine:
        engine.reconciler.start()
        node = engine.enroll(power_state=Power.OFF)
        engine.requests.power(node.uuid, Power.ON)
        assert hanging.asked.wait(PATIENCE)
        with ExitStack() as stack:
            for _ in range(POOL):
                stack.enter_context(database.engine.connect())
            first = other.nodes.get(node.uuid).lease_until or 0
            until(lambda: (other.nodes.get(node.uuid).lease_until or 0) > first + 3)
            assert other.leases.claim("worker-2", 1) == ()
        hanging.may_go_on.set()
        assert engine.wait(node).power_state == Power.ON
    other_database.close()
    database.close()


def test_who_stops_hands_over_also_a_step_that_hangs(engine: Engine, hanging: Hanging) -> None:
    """And what the step says in the end is written by nobody."""
    engine.reconciler.start()
    node = engine.enroll(power_state=Power.OFF)
    engine.requests.power(node.uuid, Power.ON)
    assert hanging.asked.wait(PATIENCE)
    engine.reconciler.stop()
    (taken,) = engine.store.leases.claim("worker-2", 1)
    hanging.may_go_on.set()
    for thread in engine.reconciler._workers:
        thread.join(PATIENCE)
    assert engine.store.nodes.get(node.uuid) == taken


def test_who_has_stopped_does_not_say_that_it_is_alive(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nodes would be its share for a while, and nobody's."""
    beat, beats, may_go_on = store.conductors.beat, threading.Event(), threading.Event()

    def slow(hostname: str) -> None:
        beats.set()
        assert may_go_on.wait(PATIENCE)
        beat(hostname)

    monkeypatch.setattr(store.conductors, "beat", slow)
    monkeypatch.setattr(reconciler, "GRACE", PATIENCE)
    with engine_on(store, settings, heartbeat_interval=1) as engine:
        engine.reconciler.start()
        assert beats.wait(PATIENCE)
        stops = threading.Thread(target=engine.reconciler.stop)
        stops.start()
        stops.join(1)
        assert stops.is_alive()
        may_go_on.set()
        stops.join(PATIENCE)
        assert not engine.reconciler._keeper.is_alive()


def test_a_database_that_is_away_in_a_step_fails_no_operation(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_node, times = engine.store.ports.of_node, [3]

    def away(uuid: str) -> Any:
        times[0] -= 1
        if times[0] >= 0:
            raise Unavailable("The database does not answer.")
        return of_node(uuid)

    monkeypatch.setattr(engine.store.ports, "of_node", away)
    engine.reconciler.start()
    node = engine.enroll(power_state=Power.OFF)
    engine.requests.power(node.uuid, Power.ON)
    after = engine.wait(node)
    assert (after.power_state, after.last_error) == (Power.ON, None)
    assert times[0] < 0


def test_a_clock_that_jumps_by_an_hour_ends_no_rescue(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeHardware, "needs_ramdisk", True)
    engine.reconciler.start()
    node = engine.enroll(provision_state="active", rescue_interface="fake")
    real = time.time
    for jump in (HOUR, -HOUR):
        engine.requests.provision(node.uuid, "rescue", rescue_password="Tr0ub4dor&3")
        waiting = engine.wait(node, "rescue wait")
        monkeypatch.setattr("time.time", lambda jump=jump: real() + jump)
        engine.store.due.tell()  # look now
        assert engine.store.leases.give_token(node.uuid, "t")
        assert engine.store.leases.heartbeat(node.uuid, "t", {"agent_version": "1"})
        after = engine.wait(node)
        assert (after.provision_state, after.last_error) == ("rescue", None), waiting
        monkeypatch.setattr("time.time", real)
        engine.requests.provision(node.uuid, "unrescue")
        assert engine.wait(node).provision_state == "active"


def test_a_worker_works_for_its_group(engine: Engine) -> None:
    store = engine.store
    store.conductors.register("worker-2", "north", ("fake-hardware",))
    nodes: dict[str, Node] = {}
    for group in ("", "north"):
        nodes[group] = engine.enroll(power_state=Power.OFF, conductor_group=group)
        engine.requests.power(nodes[group].uuid, Power.ON)
    assert [node.id for node in store.leases.claim("worker-2", 9, "north")] == [nodes["north"].id]
    assert [node.id for node in store.leases.claim("worker-1", 9)] == [nodes[""].id]


def test_a_group_that_nobody_works_for_is_refused(engine: Engine) -> None:
    node = engine.enroll(conductor_group="nowhere")
    with pytest.raises(BadRequest, match='for conductor group "nowhere"'):
        engine.requests.power(node.uuid, Power.ON)
    assert engine.store.nodes.get(node.uuid) == node


def test_a_conductor_that_is_silent_is_dead(store: Store) -> None:
    store.conductors.register("worker-1", "", ("fake-hardware",))
    assert store.conductors.get("worker-1").alive
    later = Store(store.database, lease=0)
    assert not later.conductors.get("worker-1").alive
