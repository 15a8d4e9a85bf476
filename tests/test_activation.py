"""A listening socket that outlives the service, as systemd's does: nobody is refused."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stbernard.activation import inherited_sockets
from tests.service import HEADERS, PATIENCE, Activated, Service

CONFIG = """\
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = fake
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Activated]:
    service = Activated(tmp_path, CONFIG)
    yield service
    if not service.is_dead():
        service.stop()
    service.socket.close()


def asked(
    service: Activated, method: str, path: str, body: object = None
) -> http.client.HTTPConnection:
    """A client that has sent its request, and waits."""
    client = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    headers = HEADERS | {"Content-Type": "application/json"}
    client.request(method, path, json.dumps(body) if body else None, headers)
    return client


def answer(client: http.client.HTTPConnection) -> tuple[int, bytes]:
    with closing(client):
        response = client.getresponse()
        return response.status, response.read()


@pytest.mark.parametrize("end", [Service.stop, Service.kill])
def test_requests_of_a_restart_are_answered_after_it(
    service: Activated, end: Callable[[Service], object]
) -> None:
    service.start()
    created = service.call("POST", "/v1/nodes", {"driver": "fake-hardware", "name": "n"})
    assert created.status_code == 201, created.text
    end(service)
    polls = [asked(service, "GET", "/v1/nodes/n") for _ in range(20)]
    put = asked(service, "PUT", "/v1/nodes/n/states/power", {"target": "power on"})
    assert service.is_dead()
    service.start()
    for status, body in map(answer, polls):
        assert (status, json.loads(body)["name"]) == (200, "n")
    assert answer(put) == (202, b"")
    service.wait(lambda: service.get("/v1/nodes/n")["power_state"] == "power on", "it is on")
    assert f"at=[('127.0.0.1', {service.port})]" in service.log.read_text()


@pytest.mark.parametrize("environment", [{}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}])
def test_what_systemd_gave_to_another_process_is_none_of_ours(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name in ("LISTEN_FDS", "LISTEN_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert inherited_sockets() is None
