"""What other services and ramdisks tell, and the methods of vendors."""

from dataclasses import replace
from typing import Any

import pytest

from stbernard.api.parts import Parts
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault, with_settings

EVENT = {
    "event": "network.bind_port",
    "port_id": "99999999-0000-4000-8000-000000000001",
    "mac_address": "52:54:00:BB:00:01",
    "status": "ACTIVE",
    "binding:host_id": None,
    "binding:vnic_type": "baremetal",
}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "'events' is a required property"),
        ({"events": []}, "non-empty"),
        ({"events": [5]}, "not of type 'object'"),
        ({"events": [{"event": "network.bind_port"}]}, "'port_id' is a required property"),
        ({"events": [EVENT | {"event": "x"}]}, "'x' is not one of ['network.bind_port'"),
        ({"events": [EVENT | {"port_id": "zz"}]}, "Expected UUID for port_id: zz"),
        ({"events": [EVENT | {"mac_address": "zz"}]}, "Expected valid MAC address"),
        ({"events": [EVENT | {"bogus": 1}]}, "('bogus' was unexpected)"),
    ],
)
def test_wrong_events(client: Client, body: dict[str, Any], text: str) -> None:
    answer = client.post("/v1/events", json=body)
    assert (answer.status_code, text in fault(answer)) == (400, True), answer.text


def test_events(client: Client, parts: Parts) -> None:
    assert client.post("/v1/events", json={"events": [EVENT, EVENT]}).status_code == 204
    assert client.get("/v1/events").status_code == 405
    old = client_of(parts, "1.53")
    assert old.post("/v1/events", json={"events": [EVENT]}).status_code == 404


def test_inspection_data(client: Client, parts: Parts) -> None:
    path = "/v1/continue_inspection"
    data = {"inventory": {"interfaces": [{"mac_address": "52:54:00:BB:00:01"}]}}
    assert client.post(path, json=data).status_code == 404
    wrong_ones: list[Any] = [{}, {"inventory": 5}, {"inventory": {}}, []]
    for wrong in wrong_ones:
        assert client.post(path, json=wrong).status_code == 400
    api = replace(parts.settings.api, enable_ramdisk_endpoints=False)
    disabled = client_of(with_settings(parts, api=api))
    assert disabled.post(path, json=data).status_code == 403


def test_methods_of_vendors(client: Client, parts: Parts) -> None:
    parts.store.nodes.create(a_node(name="n"))
    for path in ("/v1/nodes/n", "/v1/drivers/fake-hardware"):
        assert client.get(f"{path}/vendor_passthru/methods").json() == {}
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = client.request(method, f"{path}/vendor_passthru/x")
            assert (answer.status_code, fault(answer)) == (400, "No handler for method x")
            answer = client.request(method, f"{path}/vendor_passthru?method=y")
            assert (answer.status_code, fault(answer)) == (400, "No handler for method y")
        answer = client.post(f"{path}/vendor_passthru")
        assert fault(answer) == "Missing mandatory parameter: method"
    for path in ("/v1/nodes/nope", "/v1/drivers/nope"):
        assert client.get(f"{path}/vendor_passthru/methods").status_code == 404
        assert client.post(f"{path}/vendor_passthru/x").status_code == 404
