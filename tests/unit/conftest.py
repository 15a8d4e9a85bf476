"""Fixtures for all unit tests: a real SQLite store in a folder of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = Database(f"sqlite:///{tmp_path}/stbernard.sqlite")
    upgrade(database)
    yield Store(database)
    database.close()
