"""Fixtures for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade
from tests.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for all tests that do not end it; each takes a database of its own."""
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, with the schema; in a folder, or a copy of the template."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/stbernard.sqlite"
        database = Database(url)
        upgrade(database)
        database.close()
        yield url
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.database()
        yield url
        server.drop(url)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    database = Database(database_url)
    yield Store(database)
    database.close()


# What helpers assert is told in full, too.
for package in ("agents", "boot", "crash", "machine", "network", "openstack", "service", "wire"):
    pytest.register_assert_rewrite(f"tests.{package}")

MACHINES = "tests/machine"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real machines first: they take longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(MACHINES))  # keeps their order else


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Tests two at a time: all real machines in one process, of the rest a file each."""
    return _Scheduling(config, log)


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return MACHINES if nodeid.startswith(MACHINES) else nodeid.split("::", maxsplit=1)[0]
