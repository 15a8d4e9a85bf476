"""Whether an image could be had now."""

from pathlib import Path

import pytest

from stbernard.errors import ImageError
from stbernard.images import probe
from stbernard.settings import Conductor, Settings
from tests.unit.images.server import ImageServer


def test_an_image_that_is_there(server: ImageServer) -> None:
    server.files["/kernel"] = b"kernel"
    probe(f"{server.url}/kernel", Settings())


def test_an_image_that_is_not(server: ImageServer) -> None:
    with pytest.raises(ImageError, match="answered 404"):
        probe(f"{server.url}/kernel", Settings())


def test_a_server_that_is_away(server: ImageServer) -> None:
    server.stop()
    with pytest.raises(ImageError, match="cannot be connected to"):
        probe(f"{server.url}/kernel", Settings())


def test_files(tmp_path: Path) -> None:
    settings = Settings(conductor=Conductor(file_url_allowed_paths=(str(tmp_path),)))
    with pytest.raises(ImageError, match="there is no file"):
        probe(f"file://{tmp_path}/kernel", settings)
    (tmp_path / "kernel").touch()
    probe(f"file://{tmp_path}/kernel", settings)
