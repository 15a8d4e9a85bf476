"""A node that an operation holds: requests wait for it, on no thread, and not for ever."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from stbernard.api import patience
from stbernard.api.parts import Parts
from stbernard.errors import NodeLocked
from stbernard.nodes import Node, Power
from stbernard.settings import Conductor
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, with_settings

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STEP = [{"op": "add", "path": "/extra/note", "value": "x"}]
CHANGES: tuple[tuple[str, str, Any], ...] = (
    ("PUT", "states/power", {"target": "power on"}),
    ("PUT", "states/provision", {"target": "manage"}),
    ("PUT", "states/boot_mode", {"target": "bios"}),
    ("PUT", "states/secure_boot", {"target": True}),
    ("PUT", "states/console", {"enabled": True}),
    ("PUT", "states/raid", {}),
    ("PUT", "management/boot_device", {"boot_device": "pxe"}),
    ("PUT", "management/inject_nmi", {}),
    ("PUT", "management/indicators/led@system", {"state": "on"}),
    ("PUT", "traits", {"traits": ["CUSTOM_A"]}),
    ("PUT", "traits/CUSTOM_A", None),
    ("DELETE", "traits", None),
    ("DELETE", "traits/CUSTOM_A", None),
    ("POST", "vifs", {"id": "a"}),
    ("DELETE", "vifs/a", None),
)


@pytest.fixture
def node(parts: Parts) -> Node:
    """Held, by a power operation that nobody works on."""
    node = parts.store.nodes.create(a_node(name="n"))
    parts.requests.power(node.uuid, Power.ON)
    return node


def patient(parts: Parts, interval: int) -> Client:
    waits = Conductor(node_locked_retry_attempts=3, node_locked_retry_interval=interval)
    return client_of(with_settings(parts, conductor=waits))


def let_go(parts: Parts) -> None:
    (held,) = parts.store.leases.claim("worker-1", 1)
    ended: dict[str, Any] = {
        "operation": None,
        "operation_id": None,
        "due_at": None,
        "arguments": {},
        "step": None,
    }
    parts.store.leases.save(held, ended | {"arguments": {}}, (), release=True)


def test_the_request_goes_on_when_the_node_gets_free(parts: Parts, node: Node) -> None:
    client = patient(parts, interval=1000)
    with ThreadPoolExecutor(1) as person:
        asked = person.submit(client.patch, "/v1/nodes/n", json=STEP)
        assert not asked.done()
        let_go(parts)
        assert asked.result(60).status_code == 200
    assert parts.store.nodes.get("n").extra == {"note": "x"}


@pytest.mark.parametrize(
    "free_at, look_again",
    [
        pytest.param(2, 1000, id="let go before anybody listened"),
        pytest.param(4, 0.1, id="the news is lost with its connection"),
    ],
)
def test_no_news_comes(
    parts: Parts, node: Node, monkeypatch: pytest.MonkeyPatch, free_at: int, look_again: float
) -> None:
    monkeypatch.setattr(patience, "LOOK_AGAIN", look_again)
    looks = 0

    async def look() -> str:
        nonlocal looks
        looks += 1
        if looks < free_at:
            raise NodeLocked(node.uuid, "power on", None)
        return "free"

    waits = Conductor(node_locked_retry_attempts=3, node_locked_retry_interval=1000)
    waiting = patience.patiently(with_settings(parts, conductor=waits), look)
    assert asyncio.run(asyncio.wait_for(waiting, 60)) == "free"


def test_it_gives_up_in_the_end(parts: Parts, node: Node) -> None:
    began = time.monotonic()
    answer = patient(parts, interval=1).delete("/v1/nodes/n")
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")
    assert time.monotonic() - began >= 2


def test_many_that_wait_are_in_nobodys_way(parts: Parts, node: Node) -> None:
    """More requests than there are threads wait; another one is answered, and then all are."""
    parts.store.nodes.create(a_node(name="other"))
    with patient(parts, interval=1000) as client, ThreadPoolExecutor(60) as people:
        asked = [people.submit(client.patch, "/v1/nodes/n", json=STEP) for _ in range(60)]
        assert client.patch("/v1/nodes/other", json=STEP).status_code == 200
        assert not any(each.done() for each in asked)
        let_go(parts)
        assert {each.result(60).status_code for each in asked} == {200}


def test_all_that_changes_a_node_waits(parts: Parts, node: Node) -> None:
    """Each to the end of its patience, all at the same time."""

    def ask(request: tuple[str, str, Any]) -> tuple[str, int, bool]:
        method, path, body = request
        began = time.monotonic()
        answer = client.request(method, f"/v1/nodes/n/{path}", json=body)
        return path, answer.status_code, time.monotonic() - began >= 2

    with patient(parts, interval=1) as client, ThreadPoolExecutor(len(CHANGES)) as people:
        answers = list(people.map(ask, CHANGES))
    assert answers == [(path, 409, True) for _, path, _ in CHANGES]
