"""The API on a real SQLite file, with fake hardware types."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.api.parts import Parts
from stbernard.operations.accept import Requests
from stbernard.operations.tasks import Tasks
from stbernard.settings import Api as ApiSettings
from stbernard.settings import Conductor, Default, Deploy, Settings
from stbernard.store import Store
from tests.unit.api.fakes import HOST, Client, FakeDrivers, client_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        default=Default(host=HOST, my_ip="127.0.0.1", state_path=str(tmp_path)),
        api=ApiSettings(max_limit=50),
        conductor=Conductor(power_state_change_timeout=2, node_locked_retry_attempts=1),
        deploy=Deploy(http_root=str(tmp_path / "httpboot")),
    )


@pytest.fixture
def parts(settings: Settings, store: Store) -> Parts:
    store.conductors.register(HOST, "", ("fake-hardware",))
    drivers = FakeDrivers()
    tasks = Tasks(store, drivers, settings)
    return Parts(settings, store, Requests(store, tasks, settings), tasks, drivers)


@pytest.fixture
def client(parts: Parts) -> Iterator[Client]:
    with client_of(parts) as client:
        yield client
