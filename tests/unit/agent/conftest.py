import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from .fakes import FakeService
from .namespaces import Site


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService(socket.create_server(("127.0.0.1", 0))) as service:
        yield service
        service.shutdown()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two namespaces (needs root): the server's, and the one with DHCP and the service."""
    site = Site(f"sb{os.getpid()}", tmp_path)
    yield site
    site.close()
