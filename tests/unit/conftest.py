"""Fixtures for all unit tests."""

from collections.abc import Iterator

import pytest

from tests.network.fake import FakeNeutron


@pytest.fixture
def neutron() -> Iterator[FakeNeutron]:
    neutron = FakeNeutron()
    yield neutron
    neutron.stop()
