"""What is asked of a node: provision, power, maintenance, boot device."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import BootDevice, Node
from tests.factories import a_node
from tests.unit.api.fakes import Client, FakeManagement, client_of, fault

PASSWORD = "Sesame-öffne-dich"


@pytest.fixture
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n"))


def put(client: Client, path: str, body: Any) -> Any:
    return client.put(f"/v1/nodes/n/{path}", json=body)


def test_states_of_a_node(client: Client, parts: Parts, node: Node) -> None:
    states = client.get("/v1/nodes/n/states").json()
    assert states["provision_state"] == "active"
    assert len(states) == 11
    assert len(client_of(parts, "1.74").get("/v1/nodes/n/states").json()) == 9
    assert client.get("/v1/nodes/nobody/states").status_code == 404


def test_a_rescue_is_accepted_with_the_hash_only(client: Client, parts: Parts, node: Node) -> None:
    body = {"target": "rescue", "rescue_password": PASSWORD, "clean_steps": []}
    answer = put(client, "states/provision", body)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["location"] == "http://bmaas.example/v1/nodes/n/states"
    assert "content-type" not in answer.headers
    found = parts.store.nodes.get("n")
    assert (found.provision_state, found.operation) == ("rescuing", "rescue")
    assert found.arguments["password_hash"].startswith("$5$")
    shown = client.get("/v1/nodes/n")
    assert shown.json()["reservation"] == "conductor-1"
    assert "password_hash" not in shown.text
    assert "$5$" not in shown.text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"target": "rescue"}, 'A non-empty "rescue_password" is required'),
        ({"target": "rescue", "rescue_password": ""}, 'A non-empty "rescue_password"'),
        ({"target": "rescue", "rescue_password": "  "}, 'A non-empty "rescue_password"'),
        ({"target": "rescue", "rescue_password": None}, 'A non-empty "rescue_password"'),
        ({"target": "rescue", "rescue_password": [PASSWORD]}, "Expected string"),
        ({"target": "rescue", "rescue_password": 123456}, "Expected string"),
        ({"target": "unrescue"}, '"unrescue" can not be performed'),
        ({"target": "abort"}, '"abort" can not be performed'),
        ({"target": "deleted", "rescue_password": "X"}, "only valid when setting target"),
        ({"target": "levitate"}, '"levitate" can not be performed'),
        ({"target": None}, "can not be performed"),
        ({"target": 5}, "Expected string for target"),
        ({}, "Missing mandatory parameter: target"),
        ([], "JSON object"),
        ({"target": "manage", "bogus": 1}, "Unexpected arguments: bogus"),
        ({"target": "rescue", "rescue_password": "X", "configdrive": "abc"}, "config drive"),
        ({"target": "rescue", "rescue_password": "X", "clean_steps": [{}]}, '"clean_steps"'),
        ({"target": "rescue", "rescue_password": "X", "disable_ramdisk": True}, "disable_ramdisk"),
    ],
)
def test_a_wrong_provision_request_is_refused(
    client: Client, parts: Parts, node: Node, body: Any, text: str
) -> None:
    answer = put(client, "states/provision", body)
    assert answer.status_code == 400
    assert text in fault(answer)
    assert PASSWORD not in answer.text
    assert "123456" not in answer.text
    assert parts.store.nodes.get("n").operation is None


def test_a_password_goes_with_a_rescue_only(client: Client, parts: Parts) -> None:
    parts.store.nodes.create(a_node(name="n", provision_state="rescue"))
    answer = put(client, "states/provision", {"target": "unrescue", "rescue_password": PASSWORD})
    assert answer.status_code == 400
    assert "only valid when setting target provision state to rescue" in fault(answer)
    assert PASSWORD not in answer.text


def test_rescue_came_with_version_38(parts: Parts, node: Node) -> None:
    body = {"target": "rescue", "rescue_password": PASSWORD}
    assert put(client_of(parts, "1.37"), "states/provision", body).status_code == 406
    assert put(client_of(parts, "1.38"), "states/provision", body).status_code == 202


def test_while_an_operation_works_on_the_node_it_is_locked(client: Client, node: Node) -> None:
    body = {"target": "rescue", "rescue_password": "one"}
    assert put(client, "states/provision", body).status_code == 202
    locked = [
        put(client, "states/provision", body),
        put(client, "states/provision", {"target": "unrescue"}),
        put(client, "states/provision", {"target": "abort"}),
        put(client, "states/power", {"target": "power off"}),
        put(client, "management/boot_device", {"boot_device": "pxe"}),
        client.patch("/v1/nodes/n", json=[{"op": "add", "path": "/extra/a", "value": 1}]),
        client.delete("/v1/nodes/n"),
    ]
    assert [answer.status_code for answer in locked] == [409] * len(locked)
    assert locked[0].headers["retry-after"] == "1"
    assert put(client, "maintenance", {}).status_code == 202


def test_a_node_that_waits_is_in_a_wrong_state_and_not_locked(client: Client, parts: Parts) -> None:
    waiting = {"provision_state": "rescue wait", "operation": "rescue", "operation_id": "1"}
    parts.store.nodes.create(
        a_node(name="n", target_provision_state="rescue", step="wait_for_agent", **waiting)
    )
    for target in ("rescue", "unrescue"):
        answer = put(client, "states/provision", {"target": target})
        assert answer.status_code == 400
        assert 'in state "rescue wait"' in fault(answer)
    assert client.get("/v1/nodes/n").json()["reservation"] is None
    assert put(client, "maintenance", {"reason": "why"}).status_code == 202
    assert client.delete("/v1/nodes/n/maintenance").status_code == 202
    assert put(client, "states/provision", {"target": "abort"}).status_code == 202
    assert parts.store.nodes.get("n").undoing


@pytest.mark.parametrize(
    ("state", "target", "after"),
    [
        ("enroll", "manage", "verifying"),
        ("manageable", "adopt", "adopting"),
        ("manageable", "provide", "cleaning"),
        ("available", "manage", "manageable"),
        ("rescue", "unrescue", "unrescuing"),
        ("rescue", "rescue", "rescuing"),
        ("rescue failed", "unrescue", "unrescuing"),
    ],
)
def test_verbs(client: Client, parts: Parts, state: str, target: str, after: str) -> None:
    parts.store.nodes.create(a_node(name="n", provision_state=state))
    body = {"target": target} | ({"rescue_password": "X"} if target == "rescue" else {})
    assert put(client, "states/provision", body).status_code == 202
    assert parts.store.nodes.get("n").provision_state == after


@pytest.mark.parametrize("values", [{"maintenance": True}, {"rescue_interface": "no-rescue"}])
def test_no_rescue_in_maintenance_or_without_the_interface(
    client: Client, parts: Parts, values: dict[str, Any]
) -> None:
    parts.store.nodes.create(a_node(name="n", **values))
    body = {"target": "rescue", "rescue_password": PASSWORD}
    assert put(client, "states/provision", body).status_code == 400


@pytest.mark.parametrize(
    "target", ["power on", "power off", "rebooting", "soft power off", "soft rebooting"]
)
def test_power(client: Client, parts: Parts, node: Node, target: str) -> None:
    answer = put(client, "states/power", {"target": target, "timeout": 30})
    assert (answer.status_code, answer.content) == (202, b"")
    found = parts.store.nodes.get("n")
    assert found.operation == target
    assert found.deadline is not None
    assert found.target_power_state == ("power off" if target.endswith("off") else "power on")


@pytest.mark.parametrize(
    ("body", "version", "status"),
    [
        ({"target": "sideways"}, "1.115", 400),
        ({"target": "error"}, "1.115", 400),
        ({"target": "power on", "timeout": 0}, "1.115", 400),
        ({"target": "power on", "timeout": "soon"}, "1.115", 400),
        ({"target": "power on", "timeout": 10**30}, "1.115", 400),
        ({"target": "soft power off"}, "1.26", 406),
        ({"target": "power off", "timeout": 5}, "1.26", 406),
        ({"target": "power off"}, "1.5", 202),
    ],
)
def test_wrong_power_requests(
    parts: Parts, node: Node, body: Any, version: str, status: int
) -> None:
    assert put(client_of(parts, version), "states/power", body).status_code == status


def test_maintenance(client: Client, node: Node) -> None:
    answer = put(client, "maintenance", {"reason": "disk"})
    assert (answer.status_code, answer.content) == (202, b"")
    shown = client.get("/v1/nodes/n?fields=maintenance,maintenance_reason").json()
    assert (shown["maintenance"], shown["maintenance_reason"]) == (True, "disk")
    assert client.delete("/v1/nodes/n/maintenance").status_code == 202
    shown = client.get("/v1/nodes/n").json()
    assert (shown["maintenance"], shown["maintenance_reason"]) == (False, None)
    assert put(client, "maintenance", {"reason": 5}).status_code == 400
    assert client.put("/v1/nodes/nobody/maintenance", json={}).status_code == 404


def test_the_boot_device_as_the_bmc_says(client: Client, parts: Parts, node: Node) -> None:
    path = "/v1/nodes/n/management/boot_device"
    assert client.get(path).json() == {"boot_device": "disk", "persistent": True}
    assert client.get(f"{path}/supported").json() == {"supported_boot_devices": ["pxe", "disk"]}
    parts.store.nodes.change("n", {"driver_info": {"bmc": "away"}})
    answer = client.get(path)
    assert answer.status_code == 500
    assert "192.0.2.1 does not answer" in fault(answer)
    assert client.get("/v1/nodes/nobody/management/boot_device").status_code == 404


def test_setting_the_boot_device_is_an_operation(client: Client, node: Node) -> None:
    answer = put(client, "management/boot_device", {"boot_device": "moon"})
    assert answer.status_code == 400
    assert "supports pxe, disk" in fault(answer)
    body = {"boot_device": "pxe", "persistent": "perhaps"}
    assert put(client, "management/boot_device", body).status_code == 400
    unanswered = put(client, "management/boot_device", {"boot_device": "pxe"})  # by no worker
    assert unanswered.status_code == 500
    assert client.get("/v1/nodes/n").json()["reservation"] == "conductor-1"


def test_heartbeats_do_not_wait_for_bmcs(
    client: Client, parts: Parts, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More requests wait for BMCs than there are threads; another one is answered meanwhile."""
    waiting, bmc_answers = Semaphore(0), Event()

    def slow(*_: object) -> BootDevice:
        waiting.release()
        assert bmc_answers.wait(60)
        return BootDevice("disk", persistent=True)

    monkeypatch.setattr(FakeManagement, "get_boot_device", slow)
    with ThreadPoolExecutor(60) as people:
        asked = [people.submit(client.get, "/v1/nodes/n/management/boot_device") for _ in range(60)]
        assert all(waiting.acquire(timeout=60) for _ in range(20))
        assert client.get("/v1/nodes/n").status_code == 200
        bmc_answers.set()
        assert {answer.result().status_code for answer in asked} == {200}
