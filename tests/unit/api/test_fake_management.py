"""NMI, LEDs and Secure Boot, on fake hardware that an engine works on."""

from collections.abc import Iterator
from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.drivers.fake import FakeHardware
from stbernard.drivers.registry import Registry
from stbernard.errors import BMCError
from stbernard.nodes import INTERFACES, Node
from stbernard.operations.accept import Requests
from stbernard.operations.reconciler import Reconciler
from stbernard.operations.tasks import Tasks
from stbernard.settings import Default, Settings
from stbernard.store import Store
from tests.factories import a_node
from tests.unit.api.fakes import HOST, Client, client_of, fault
from tests.unit.operations.conftest import PATIENCE

LEDS = "/v1/nodes/n/management/indicators"
NMI = "/v1/nodes/n/management/inject_nmi"


@pytest.fixture
def parts(store: Store) -> Iterator[Parts]:
    kinds: dict[str, Any] = {
        f"enabled_{kind}_interfaces": ("fake",) for kind in INTERFACES if kind != "network"
    }
    default = Default(host=HOST, enabled_hardware_types=("fake-hardware",), **kinds)
    settings = Settings(default=default)
    registry = Registry(settings)
    tasks = Tasks(store, registry, settings)
    worker = Reconciler(store, tasks, settings)
    worker.start()
    yield Parts(settings, store, Requests(store, tasks, settings), tasks, registry)
    worker.stop()


@pytest.fixture
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n", rescue_interface="fake"))


def hardware(parts: Parts, node: Node) -> FakeHardware:
    found = parts.tasks.of(node).driver.power
    assert isinstance(found, FakeHardware)
    return found


def test_an_nmi(client: Client, parts: Parts, node: Node) -> None:
    assert client.put(NMI, json={}).status_code == 204
    assert hardware(parts, node).record(node).effects == ["inject_nmi None"]
    assert client.put(NMI, json={"x": 1}).status_code == 400
    assert client_of(parts, "1.28").put(NMI, json={}).status_code == 404
    assert client.put(NMI.replace("/n/", "/nobody/"), json={}).status_code == 404


def test_an_nmi_that_fails_is_not_tried_again(client: Client, parts: Parts, node: Node) -> None:
    hardware(parts, node).fail(node, "inject_nmi", BMCError("It did not like that."))
    answer = client.put(NMI, json={})
    assert answer.status_code == 500
    assert fault(answer) == "Failed to inject nmi: It did not like that."
    assert hardware(parts, node).record(node).effects == []


def test_the_leds_are_listed(client: Client, parts: Parts, node: Node) -> None:
    listed = client.get(LEDS).json()["indicators"]
    assert [led["name"] for led in listed] == ["led-0@chassis", "led@system"]
    path = f"nodes/{node.uuid}/management/indicators/led@system"
    assert listed[1] == {
        "name": "led@system",
        "component": "system",
        "readonly": False,
        "states": ["blinking", "off", "on"],
        "links": [
            {"href": f"http://bmaas.example/v1/{path}", "rel": "self"},
            {"href": f"http://bmaas.example/{path}", "rel": "bookmark"},
        ],
    }
    assert client_of(parts, "1.62").get(LEDS).status_code == 404


def test_an_led_is_set(client: Client, parts: Parts, node: Node) -> None:
    led = f"{LEDS}/led@system"
    assert client.get(led).json() == {"state": "on"}
    assert client.put(led, json={"state": "blinking"}).status_code == 204
    assert client.get(led).json() == {"state": "blinking"}
    assert hardware(parts, node).record(node).effects == ["set_indicator led@system blinking"]


@pytest.mark.parametrize(
    ("led", "body", "because"),
    [
        ("led", {"state": "on"}, 'Malformed indicator name "led"'),
        ("led@moon", {"state": "on"}, "has no indicator led@moon"),
        ("moon@system", {"state": "on"}, "has no indicator moon@system"),
        ("led-0@chassis", {"state": "on"}, "it can only be read"),
        ("led@system", {"state": "pink"}, "can be set to blinking, off, on"),
        ("led@system", {"state": None}, "can be set to blinking, off, on"),
        ("led@system", {"state": ["on"]}, "Expected string for state"),
        ("led@system", {}, "Missing mandatory parameter: state"),
    ],
)
def test_what_an_led_cannot_show_is_refused(
    client: Client, node: Node, led: str, body: Any, because: str
) -> None:
    answer = client.put(f"{LEDS}/{led}", json=body)
    assert answer.status_code == 400
    assert because in fault(answer)


@pytest.mark.parametrize("led", ["led", "led@moon", "moon@system", "@"])
def test_an_led_that_does_not_exist(client: Client, node: Node, led: str) -> None:
    assert client.get(f"{LEDS}/{led}").status_code == 400


def test_secure_boot(client: Client, parts: Parts, node: Node) -> None:
    assert client.put("/v1/nodes/n/states/secure_boot", json={"target": True}).status_code == 202
    store = parts.store
    assert store.news.wait_until(lambda: store.nodes.get("n").operation is None, PATIENCE)
    assert store.nodes.get("n").secure_boot is True
    assert hardware(parts, node).record(node).effects == ["set_secure_boot True"]
