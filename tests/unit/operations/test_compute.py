"""Compute is told of the power of its instances; the operation ends well whatever it says."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from stbernard.nodes import Power
from stbernard.openstack.settings import Nova
from stbernard.operations.compute import told_of_power
from stbernard.settings import Settings
from stbernard.store.journal import Event
from tests.factories import a_node
from tests.unit.operations.conftest import Engine

INSTANCE = "99999999-0000-4000-8000-0000000000c1"


class Compute(ThreadingHTTPServer):
    """Keeps what it is told; `status`: what it answers."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.status = 200
        owner = self

        class Serve(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                version = self.headers["OpenStack-API-Version"]
                owner.told.append((self.path, version, body["events"]))
                self.send_response(owner.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Serve)


@pytest.fixture
def compute() -> Iterator[Compute]:
    with Compute() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(settings: Settings, compute: Compute) -> Settings:
    url = f"http://127.0.0.1:{compute.server_port}/v2.1"
    options = Nova(
        auth_type="none", endpoint_override=url, connect_retries=0, status_code_retries=0
    )
    return replace(settings, nova=options)


def test_each_change_is_told(engine: Engine, compute: Compute) -> None:
    node = engine.enroll(instance_uuid=INSTANCE)
    engine.reconciler.start()
    for target in (Power.ON, Power.OFF, Power.ON, Power.SOFT_OFF):
        engine.requests.power(node.uuid, target)
        engine.wait(node)
    event = {"name": "power-update", "server_uuid": INSTANCE}
    assert [told for *_, [told] in compute.told] == [
        event | {"tag": tag} for tag in ("POWER_ON", "POWER_OFF", "POWER_ON", "POWER_OFF")
    ]
    assert {(path, version) for path, version, _ in compute.told} == {
        ("/v2.1/os-server-external-events", "compute 2.76")
    }


def test_best_effort(engine: Engine, compute: Compute) -> None:
    """A Compute that knows no such instance: it is noted, and that is all."""
    compute.status = 404
    node = engine.enroll(instance_uuid=INSTANCE)
    engine.reconciler.start()
    engine.requests.power(node.uuid, Power.ON)
    after = engine.wait(node)
    assert (after.power_state, after.last_error) == (Power.ON, None)
    lines = engine.store.journal.timeline(node.uuid)
    [noted] = [line.detail for line in lines if line.step == "tell_compute"]
    assert "Compute was not told" in str(noted)
    assert lines[-1].event == Event.SUCCEEDED


def test_a_server_without_an_instance(engine: Engine, compute: Compute) -> None:
    node = engine.enroll()
    engine.reconciler.start()
    engine.requests.power(node.uuid, Power.ON)
    assert engine.wait(node).power_state == Power.ON
    assert compute.told == []


def test_who_does_not_want_it(settings: Settings, compute: Compute) -> None:
    node = a_node(instance_uuid=INSTANCE, power_state="power on")
    for options in (Nova(), replace(settings.nova, send_power_notifications=False)):
        assert told_of_power(replace(settings, nova=options), node) is None
    assert compute.told == []
