"""A web server and a cache for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.settings import Conductor, Default, Settings
from tests.unit.images.server import ImageServer


@pytest.fixture
def server() -> Iterator[ImageServer]:
    server = ImageServer()
    yield server
    server.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """State below the test's folder; files allowed below its `allowed`."""
    (tmp_path / "allowed").mkdir()
    return Settings(
        default=Default(state_path=str(tmp_path / "state")),
        conductor=Conductor(file_url_allowed_paths=(str(tmp_path / "allowed"),)),
    )
