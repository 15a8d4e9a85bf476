"""Compute's own driver for bare metal: a server's life, and what fails in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openstack.compute import (
    CONFIG,
    IMAGE,
    PASSWORD,
    Compute,
    Raised,
    available_node,
    spawned,
)
from tests.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path, CONFIG).start()
    yield service
    if not service.is_dead():
        service.stop()


@pytest.fixture
def node(service: Service) -> str:
    return available_node(service)


@pytest.fixture
def compute(service: Service, node: str, tmp_path: Path) -> Iterator[Compute]:
    compute = Compute(service.url, tmp_path / "compute", node)
    yield compute
    compute.end()


def test_a_life(service: Service, compute: Compute, node: str) -> None:
    """From the inventory to the end, with a rescue in between."""
    assert compute.call("available_nodes") == [node]
    seen = compute.call("inventory")
    assert seen["inventory"]["CUSTOM_BAREMETAL"]["reserved"] == 0
    assert seen["traits"] == ["CUSTOM_GOLD"]

    spawned(compute)
    shown = service.get(f"/v1/nodes/{node}")
    assert shown["provision_state"] == "active"
    assert shown["instance_uuid"] == compute.call("instance_uuid")
    assert shown["instance_info"]["image_source"] == IMAGE
    assert shown["instance_info"]["display_name"] == "server-1"
    assert compute.call("exists")
    assert compute.call("power_state") == "running"
    assert compute.call("inventory")["inventory"]["CUSTOM_BAREMETAL"]["reserved"] == 1

    compute.call("power_off", 10)  # as Compute's manager does before a rescue
    assert compute.call("power_state") == "shutdown"
    compute.call("rescue", PASSWORD)
    assert service.get(f"/v1/nodes/{node}")["provision_state"] == "rescue"
    compute.call("unrescue")
    shown = service.get(f"/v1/nodes/{node}")
    assert (shown["provision_state"], shown["power_state"]) == ("active", "power on")

    compute.call("rebuild")
    assert service.get(f"/v1/nodes/{node}")["provision_state"] == "active"
    compute.call("destroy")
    shown = service.wait_for_state(node, "available")
    assert (shown["instance_uuid"], shown["instance_info"]) == (None, {})
    assert not compute.call("exists")


@pytest.mark.parametrize("kind", ["SOFT", "HARD"])
def test_power(compute: Compute, kind: str) -> None:
    spawned(compute)
    compute.call("reboot", kind)
    assert compute.call("power_state") == "running"
    compute.call("power_off")
    assert compute.call("power_state") == "shutdown"
    compute.call("power_on")
    assert compute.call("power_state") == "running"


def change_rescue_interface(service: Service, node: str, name: str) -> None:
    """Interfaces of an active node change only in maintenance."""
    for path, value in (
        ("/maintenance", True),
        ("/rescue_interface", name),
        ("/maintenance", False),
    ):
        patch = [{"op": "add", "path": path, "value": value}]
        answer = service.call("PATCH", f"/v1/nodes/{node}", patch)
        assert answer.ok, answer.text


def test_a_rescue_that_fails(service: Service, compute: Compute, node: str) -> None:
    """Compute hears why, and may rescue again."""
    spawned(compute)
    change_rescue_interface(service, node, "agent")  # no ramdisk, no agent
    with pytest.raises(Raised, match=r"InstanceRescueFailure.*No agent called back"):
        compute.call("rescue", PASSWORD)
    assert service.get(f"/v1/nodes/{node}")["provision_state"] == "rescue failed"
    change_rescue_interface(service, node, "fake")
    compute.call("rescue", PASSWORD)
    assert service.get(f"/v1/nodes/{node}")["provision_state"] == "rescue"
    compute.call("destroy")  # a user may delete a server that is being rescued
    assert service.wait_for_state(node, "available")["instance_uuid"] is None


def test_another_image_than_the_disks_hold(service: Service, compute: Compute, node: str) -> None:
    """Refused before anything is done; the node is free for others again."""
    compute.call("prepare_for_spawn")
    other = IMAGE.replace("d1", "d2")
    with pytest.raises(Raised, match=f"preinstalled_image = {other}"):
        compute.call("spawn", {"image": other})
    compute.call("failed_spawn_cleanup")
    shown = service.get(f"/v1/nodes/{node}")
    assert (shown["provision_state"], shown["instance_uuid"]) == ("available", None)
    spawned(compute)


def test_a_node_that_somebody_has(service: Service, compute: Compute, node: str) -> None:
    patch = [{"op": "add", "path": "/maintenance", "value": True}]
    assert service.call("PATCH", f"/v1/nodes/{node}", patch).ok
    assert compute.call("inventory")["inventory"]["CUSTOM_BAREMETAL"]["reserved"] == 1
    with pytest.raises(Raised, match="ComputeResourcesUnavailable"):
        compute.call("prepare_for_spawn")
