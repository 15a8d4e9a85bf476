"""Fixtures for all tests."""

from collections.abc import Iterator

import pytest

from tests.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for all tests that do not end it; each takes a database of its own."""
    server = PostgreSQL()
    yield server
    server.close()
