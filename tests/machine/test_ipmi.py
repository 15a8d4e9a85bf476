"""A machine whose BMC speaks IPMI is rescued and comes back, its boot flags as they were."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.lab.lab import Lab
from stbernard.lab.network import HOST
from stbernard.ramdisk.build import ensure_ramdisk
from tests.machine.world import INSTANCE_BOOTS, World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(900)]

RESCUE_PASSWORD = "Resc-ue&me 2"
BIOS, ALWAYS_DISK = "boot_mode:bios", "c0 08 00 00 00"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    cache = Path(".cache")
    with Lab(tmp_path / "lab", cache_dir=cache, namespace="stbernard-ipmi") as lab:
        lab.start_ipmi()
        world = World(lab, ensure_ramdisk(cache))
        more = "[DEFAULT]\nenabled_hardware_types = ipmi\n[ipmi]\nmin_command_interval = 0\n"
        world.start(more)
        yield world


def flags(world: World) -> str:
    machine = world.machine
    return world.lab.run(
        *("env", f"IPMI_PASSWORD={machine.bmc_password}", "ipmitool", "-I", "lanplus", "-H", HOST),
        *("-p", str(machine.ipmi_port), "-U", machine.bmc_username, "-E"),
        *("raw", "0x00", "0x09", "0x05", "0x00", "0x00"),
    ).strip()[6:]


def test_a_rescue_over_ipmi(world: World) -> None:
    machine = world.machine
    info = {
        "ipmi_address": HOST,
        "ipmi_port": machine.ipmi_port,
        "ipmi_username": machine.bmc_username,
        "ipmi_password": machine.bmc_password,
    }
    body = {"uuid": world.node, "driver": "ipmi", "driver_info": info}
    properties = {"capabilities": BIOS}
    assert world.call("POST", "/v1/nodes", body | {"properties": properties}).status_code == 201
    port = {"node_uuid": world.node, "address": machine.mac}
    assert world.call("POST", "/v1/ports", port).status_code == 201
    for verb, state in (("manage", "manageable"), ("adopt", "active")):
        assert world.provision(verb).status_code == 202
        world.wait_for_state(state)
    device = {"boot_device": "disk", "persistent": True}
    path = f"/v1/nodes/{world.node}/management/boot_device"
    assert world.call("PUT", path, device).status_code == 204
    assert flags(world) == "c0 08 00 00 00"
    power = world.call("PUT", f"/v1/nodes/{world.node}/states/power", {"target": "power on"})
    assert power.status_code == 202
    world.wait_serial(INSTANCE_BOOTS)

    world.rescue(RESCUE_PASSWORD)
    world.wait_for_good("rescue", "rescue failed")
    assert world.ssh("rescue", RESCUE_PASSWORD, "id -un") == "rescue\n"
    assert flags(world) == ALWAYS_DISK  # a reset boots the instance

    assert world.provision("unrescue").status_code == 202
    world.wait_for_good("active", "unrescue failed")
    world.wait_serial(INSTANCE_BOOTS)
    assert flags(world) == ALWAYS_DISK
    assert machine.bmc_password not in world.log.read_text()
