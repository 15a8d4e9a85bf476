"""Fixtures for all unit tests: a real store, once on SQLite and once on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade
from tests.postgresql import PostgreSQL


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
