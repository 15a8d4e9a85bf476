"""Boot mode, Secure Boot, console, the RAID to have, virtual media."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.drivers.base import Task
from stbernard.nodes import Node
from tests.factories import a_node
from tests.unit.api import fakes
from tests.unit.api.fakes import Client, client_of, fault

MEDIA = {"device_type": "cdrom", "image_url": "http://images/rescue.iso"}


@pytest.fixture
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n"))


class ManagementWithDrives(fakes.FakeManagement):
    def attach_virtual_media(self, task: Task, device_type: str, image_url: str) -> None: ...
    def detach_virtual_media(self, task: Task, device_types: tuple[str, ...]) -> None: ...


@pytest.fixture
def drives(monkeypatch: pytest.MonkeyPatch) -> None:
    """A management interface with virtual media."""
    monkeypatch.setattr(fakes, "FakeManagement", ManagementWithDrives)


def asked(parts: Parts, node: Node) -> tuple[str | None, dict[str, Any]]:
    """The operation that the node is in, and its arguments."""
    found = parts.store.nodes.get(node.uuid)
    return found.operation, found.arguments


def test_boot_mode_is_an_operation(client: Client, parts: Parts, node: Node) -> None:
    answer = client.put("/v1/nodes/n/states/boot_mode", json={"target": "bios"})
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["location"].endswith("/v1/nodes/n/states")
    assert asked(parts, node) == ("set boot mode", {"boot_mode": "bios"})
    again = client.put("/v1/nodes/n/states/boot_mode", json={"target": "uefi"})
    assert again.status_code == 409


def test_a_wrong_boot_mode_is_refused(client: Client, parts: Parts, node: Node) -> None:
    bodies: list[Any] = [{"target": "x"}, {"target": None}, {"target": ["bios"]}, {}, []]
    for body in bodies:
        assert client.put("/v1/nodes/n/states/boot_mode", json=body).status_code == 400
    old = client_of(parts, "1.75").put("/v1/nodes/n/states/boot_mode", json={"target": "bios"})
    assert old.status_code == 404


def test_secure_boot_is_an_operation(client: Client, parts: Parts, node: Node) -> None:
    answer = client.put("/v1/nodes/n/states/secure_boot", json={"target": "true"})
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["location"].endswith("/v1/nodes/n/states")
    assert asked(parts, node) == ("set secure boot", {"secure_boot": True})


def test_a_wrong_secure_boot_is_refused(client: Client, parts: Parts, node: Node) -> None:
    bodies: list[Any] = [{"target": "x"}, {"target": None}, {"target": [True]}, {}, []]
    for body in bodies:
        assert client.put("/v1/nodes/n/states/secure_boot", json=body).status_code == 400
    old = client_of(parts, "1.75").put("/v1/nodes/n/states/secure_boot", json={"target": True})
    assert old.status_code == 404


@pytest.mark.parametrize(("what", "target"), [("boot_mode", "bios"), ("secure_boot", True)])
def test_not_while_the_node_is_on_its_way(
    client: Client, parts: Parts, what: str, target: object
) -> None:
    parts.store.nodes.create(a_node(name="n", provision_state="adopting"))
    answer = client.put(f"/v1/nodes/n/states/{what}", json={"target": target})
    assert answer.status_code == 409
    assert f"the {what.replace('_', ' ')} will not be set. Try again later" in fault(answer)


def test_virtual_media_are_operations(
    client: Client, parts: Parts, node: Node, drives: None
) -> None:
    assert client.post("/v1/nodes/n/vmedia", json=MEDIA).status_code == 204
    assert asked(parts, node) == ("attach virtual media", MEDIA)
    assert client.delete("/v1/nodes/n/vmedia").status_code == 409
    other = parts.store.nodes.create(a_node(name="other"))
    assert client.delete("/v1/nodes/other/vmedia?device_types=cdrom").status_code == 204
    assert asked(parts, other) == ("detach virtual media", {"device_types": ["cdrom"]})


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"device_type": "cdrom"},
        {**MEDIA, "device_type": "tape"},
        {**MEDIA, "image_url": "rescue.iso"},
        {**MEDIA, "image_url": "http://[::1"},
        {**MEDIA, "image_url": 7},
        {**MEDIA, "other": "x"},
    ],
)
def test_wrong_media_are_refused(client: Client, node: Node, drives: None, body: Any) -> None:
    assert client.post("/v1/nodes/n/vmedia", json=body).status_code == 400


def test_media_need_an_interface_that_has_them(client: Client, node: Node) -> None:
    refused = client.post("/v1/nodes/n/vmedia", json=MEDIA)
    assert "does not support" in fault(refused)
    assert "Invalid device type" in fault(client.delete("/v1/nodes/n/vmedia?device_types=tape"))
    assert client.post("/v1/nodes/nobody/vmedia", json=MEDIA).status_code == 404


def test_console(client: Client, node: Node) -> None:
    path = "/v1/nodes/n/states/console"
    assert client.get(path).json() == {"console_enabled": False, "console_info": None}
    answer = client.put(path, json={"enabled": "true"})
    assert answer.status_code == 202
    assert answer.headers["location"].endswith(path)
    assert client.get(path).json() == {"console_enabled": True, "console_info": {}}
    assert client.get("/v1/nodes/n").json()["console_enabled"] is True
    assert client.put(path, json={"enabled": "perhaps"}).status_code == 400


def test_raid_to_come(client: Client, parts: Parts, node: Node) -> None:
    wanted = {"logical_disks": [{"size_gb": 100, "raid_level": "1"}]}
    assert client.put("/v1/nodes/n/states/raid", json=wanted).status_code == 204
    assert parts.store.nodes.get("n").target_raid_config == wanted
    assert client.put("/v1/nodes/n/states/raid", json=[]).status_code == 400
    wrong: tuple[object, ...] = (None, {}, ["x"], [{"size_gb": True, "raid_level": "1"}])
    for disks in (*wrong, [{"size_gb": "MAX"}]):
        answer = client.put("/v1/nodes/n/states/raid", json={"logical_disks": disks})
        assert (answer.status_code, "RAID config" in fault(answer)) == (400, True)
    assert parts.store.nodes.get("n").target_raid_config == wanted
    assert client.put("/v1/nodes/n/states/raid", json={}).status_code == 204
    broken = parts.store.nodes.create(a_node(name="b", driver_info={"broken": "raid"}))
    assert client.put(f"/v1/nodes/{broken.uuid}/states/raid", json={}).status_code == 404
    assert client_of(parts, "1.11").put("/v1/nodes/n/states/raid", json={}).status_code == 406
