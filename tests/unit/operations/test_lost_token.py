"""The answer with the agent's token may be lost, as when the service is killed: never stuck."""

from collections.abc import Iterator

import pytest

from stbernard.api.parts import Parts
from stbernard.drivers.fake import FakeHardware
from stbernard.nodes import Node
from stbernard.operations import rescue
from stbernard.operations.boot_signs import LOOKED_UP, LOOKED_UP_AGAIN
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.journal import Event
from tests.unit.api.fakes import Client, client_of
from tests.unit.operations.conftest import Engine, engine_on

MASKED = "******"


class World:
    """A server that has been switched on to be rescued, and the API its agent asks."""

    def __init__(self, engine: Engine, client: Client) -> None:
        self.engine = engine
        self.client = client
        self.node = engine.enroll(power_state="power on")
        engine.reconciler.start()
        engine.requests.provision(self.node.uuid, "rescue", rescue_password="secret")
        engine.wait(self.node, "rescue wait")

    def look_up(self) -> str:
        answer = self.client.get(f"/v1/lookup?node_uuid={self.node.uuid}")
        return str(answer.json()["config"]["agent_token"])

    def call(self, token: str) -> int:
        body = {"callback_url": "https://192.0.2.9:9999", "agent_version": "1"}
        path = f"/v1/heartbeat/{self.node.uuid}"
        return int(self.client.post(path, json=body | {"agent_token": token}).status_code)

    def switched_on(self) -> int:
        effects = self.engine.hardware(self.node).record(self.node).effects
        return effects.count("set_power_state power on")

    def wait_for_its_second_boot(self) -> None:
        def booted() -> bool:
            return self.switched_on() == 2 and self.now().provision_state == "rescue wait"

        assert self.engine.store.news.wait_until(booted, 60), self.engine.events(self.node)

    def now(self) -> Node:
        return self.engine.store.nodes.get(self.node.uuid)

    def told(self) -> list[str]:
        lines = self.engine.store.journal.timeline(self.node.uuid)
        return [line.detail or "" for line in lines if line.event == Event.SEEN]


@pytest.fixture
def patience() -> float:
    """How long an agent may take that may have missed its token."""
    return 0.0


@pytest.fixture
def world(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, patience: float
) -> Iterator[World]:
    monkeypatch.setattr(FakeHardware, "needs_ramdisk", True)
    monkeypatch.setattr(rescue, "WITHOUT_TOKEN", patience)
    with engine_on(store, settings, rescue_callback_timeout=300) as engine:
        tasks = Tasks(store, engine.registry, settings)
        parts = Parts(settings, store, engine.requests, tasks, engine.registry)
        yield World(engine, client_of(parts))


def test_a_server_whose_agent_missed_its_token_is_booted_again(world: World) -> None:
    lost = world.look_up()  # nobody hears the answer
    assert world.look_up() == MASKED
    world.wait_for_its_second_boot()
    assert world.call(lost) == 400
    token = world.look_up()
    assert token not in (lost, MASKED)
    assert world.call(token) == 202
    rescued = world.engine.wait(world.node)
    assert (rescued.provision_state, rescued.last_error) == ("rescue", None)
    assert world.told() == [LOOKED_UP, LOOKED_UP_AGAIN, LOOKED_UP]
    events = world.engine.events(world.node)
    assert events.count("wait_for_agent retrying") == 1


@pytest.mark.parametrize("patience", [300.0])
def test_an_agent_that_has_its_token_is_waited_for(world: World) -> None:
    """Whoever asks meanwhile, and how often."""
    token = world.look_up()
    assert {world.look_up() for _ in range(3)} == {MASKED}
    assert world.call(token) == 202
    assert world.engine.wait(world.node).provision_state == "rescue"
    assert world.told() == [LOOKED_UP, LOOKED_UP_AGAIN]
    assert world.switched_on() == 1


def test_once_is_enough(world: World) -> None:
    """Who asks may be a stranger, who shall not keep the server from booting."""
    world.look_up()
    world.look_up()
    world.wait_for_its_second_boot()
    token, waited = world.look_up(), world.now().attempt
    world.look_up()
    looked = world.engine.store.news.wait_until(lambda: world.now().attempt > waited, 60)
    assert looked, world.engine.events(world.node)
    assert world.call(token) == 202
    assert world.engine.wait(world.node).provision_state == "rescue"
    assert world.switched_on() == 2
