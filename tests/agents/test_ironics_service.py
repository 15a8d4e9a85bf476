"""St. Bernard's ramdisk in a rescue by the real Ironic."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.lab.lab import Lab
from stbernard.ramdisk.build import ensure_ramdisk
from tests.agents.ironics_world import IronicsWorld
from tests.machine.world import INSTANCE_BOOTS, RAMDISK_BOOTS

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

PASSWORD = "Resc-ue&me 4"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IronicsWorld]:
    cache = Path(".cache")
    ramdisk = ensure_ramdisk(cache)
    with Lab(tmp_path / "lab", cache_dir=cache, namespace="stbernard-agents") as lab:
        world = IronicsWorld(lab, ramdisk)
        world.start()
        yield world


def enrol(world: IronicsWorld) -> None:
    """An active node, as Ironic adopts one."""
    machine = world.machine
    info = {
        "redfish_address": machine.bmc_address,
        "redfish_system_id": machine.system_id,
        "redfish_username": machine.bmc_username,
        "redfish_password": machine.bmc_password,
    }
    instance = {
        "image_source": "http://192.0.2.1/instance.raw",
        "image_checksum": "d41d8cd98f00b204e9800998ecf8427e",
    }
    body = {
        "uuid": world.node,
        "driver": "redfish",
        "driver_info": info,
        "instance_info": instance,
        "properties": {"capabilities": "boot_mode:bios", "cpu_arch": "x86_64"},
    }
    answer = world.call("POST", "/v1/nodes", body)
    assert answer.status_code == 201, answer.text
    port = {"node_uuid": world.node, "address": machine.mac}
    assert world.call("POST", "/v1/ports", port).status_code == 201
    for verb, states in (("manage", ("manageable", "enroll")), ("adopt", ("active",))):
        assert world.provision(verb).status_code == 202
        node = world.wait_for_state(*states, "adopt failed")
        assert node["provision_state"] == states[0], node["last_error"]


def test_a_rescue_by_the_real_ironic(world: IronicsWorld) -> None:
    """With [agent]require_tls, its default: over the certificate that our agent announces."""
    enrol(world)
    power = world.call("PUT", f"/v1/nodes/{world.node}/states/power", {"target": "power on"})
    assert power.status_code == 202
    world.wait_serial(INSTANCE_BOOTS)
    world.rescue(PASSWORD)
    node = world.wait_for_state("rescue", "rescue failed")
    assert node["provision_state"] == "rescue", node["last_error"]
    world.wait_serial(RAMDISK_BOOTS)
    assert world.ssh("rescue", PASSWORD, "sudo -n id -un") == "root\n"
    assert world.provision("unrescue").status_code == 202
    node = world.wait_for_state("active", "unrescue failed")
    assert node["provision_state"] == "active", node["last_error"]
    world.wait_serial(INSTANCE_BOOTS)
