"""An engine in the test's own process: real store, real operations, fake hardware."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from stbernard import clock
from stbernard.drivers.fake import FakeHardware
from stbernard.drivers.registry import Registry
from stbernard.nodes import Node
from stbernard.operations.accept import Requests
from stbernard.operations.reconciler import Reconciler
from stbernard.operations.tasks import Tasks
from stbernard.settings import Agent, Conductor, Default, Settings
from stbernard.store import Store
from stbernard.store.schema import metadata
from tests.factories import a_node

PATIENCE = 60  # seconds until a test that waits for an event gives up


@dataclass
class Engine:
    """The parts, and what tests do with them."""

    store: Store
    requests: Requests
    registry: Registry
    reconciler: Reconciler

    def enroll(self, **values: Any) -> Node:
        return self.store.nodes.create(a_node(**values))

    def hardware(self, node: Node) -> FakeHardware:
        hardware = self.registry.driver_for(node).power
        assert isinstance(hardware, FakeHardware)
        return hardware

    def wait(self, node: Node, state: str | None = None) -> Node:
        """The node when its operation has ended, or when it is in this state."""

        def there() -> bool:
            now = self.store.nodes.get(node.uuid)
            return now.provision_state == state if state else now.operation is None

        assert self.store.news.wait_until(there, PATIENCE), self.store.nodes.get(node.uuid)
        return self.store.nodes.get(node.uuid)

    def pass_by(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if so many seconds had gone by."""
        monkeypatch.setattr(clock._Clock, "ahead", clock._Clock.ahead + seconds)
        self.store.due.hear()

    def events(self, node: Node) -> list[str]:
        return [f"{line.step} {line.event}" for line in self.store.journal.timeline(node.uuid)]

    def at_rest(self) -> bytes:
        """All that the database holds: its files, or on PostgreSQL every row there is."""
        database = self.store.database
        if database.is_sqlite:
            files = (Path(f"{database.url.database}{end}") for end in ("", "-wal"))
            return b"".join(file.read_bytes() for file in files)
        rows = database.read(
            lambda connection: [
                connection.execute(text(f"SELECT {table}::text FROM {table}")).all()  # noqa: S608
                for table in metadata.tables
            ]
        )
        return repr(rows).encode()


@pytest.fixture
def seconds() -> int:
    """What a step may take; tests that wait for its end name less."""
    return 600


@pytest.fixture
def settings(seconds: int) -> Settings:
    return Settings(
        default=Default(
            host="worker-1",
            enabled_hardware_types=("fake-hardware",),
            enabled_management_interfaces=("fake",),
            enabled_power_interfaces=("fake",),
            enabled_boot_interfaces=("fake",),
            enabled_rescue_interfaces=("fake", "agent", "no-rescue"),
        ),
        agent=Agent(command_timeout=seconds),
        conductor=Conductor(power_state_change_timeout=seconds, rescue_callback_timeout=600),
    )


@contextmanager
def engine_on(store: Store, settings: Settings, **conductor: Any) -> Iterator[Engine]:
    """With other options of [conductor]; the reconciler is not started."""
    settings = replace(settings, conductor=replace(settings.conductor, **conductor))
    registry = Registry(settings)
    tasks = Tasks(store, registry, settings)
    reconciler = Reconciler(store, tasks, settings)
    yield Engine(store, Requests(store, tasks, settings), registry, reconciler)
    reconciler.stop()


@pytest.fixture
def engine(store: Store, settings: Settings) -> Iterator[Engine]:
    with engine_on(store, settings) as engine:
        yield engine
