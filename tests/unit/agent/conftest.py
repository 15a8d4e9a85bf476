import socket
from collections.abc import Iterator

import pytest

from .fakes import FakeService


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService(socket.create_server(("127.0.0.1", 0))) as service:
        yield service
        service.shutdown()
