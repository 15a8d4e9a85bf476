"""A rescue and the way back on UEFI by a BMC that needs a minute to switch off and forgets Once:
the firmware's boot entries and their order, and the BMC's boot device, are as before."""

import sys
from pathlib import Path

import pytest

from stbernard.lab import network
from stbernard.lab.firmware import VARIABLES
from stbernard.lab.service import enrol
from tests.boot.slow_bmc import SECONDS
from tests.boot.uefi_variables import boot_order
from tests.machine.netboot import LOADS, PASSWORD, boots_by, network_world
from tests.machine.world import INSTANCE_BOOTS

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

PORT = 8002


def test_all_is_as_before(tmp_path: Path) -> None:
    with network_world(tmp_path, "uefi", rom=True) as world:
        machine = world.machine
        program = (sys.executable, "-m", "tests.boot.slow_bmc")
        world.lab.start_server(
            "slow-bmc", (*program, world.lab.state_dir, network.HOST, str(PORT)), PORT
        )
        machine.bmc_address = f"http://{network.HOST}:{PORT}"
        create, *others = enrol(machine)
        for line in (f"{create} --boot-interface ipxe", *others):
            world.client(line)
        world.client(f"baremetal node power on {machine.name}")
        world.wait_serial(INSTANCE_BOOTS)
        before = boot_order(machine.home / VARIABLES), boots_by(world)

        world.rescue(PASSWORD)
        world.wait_for_good("rescue", "rescue failed", within=LOADS)
        assert world.ssh("rescue", PASSWORD, "id -un") == "rescue\n"
        [off] = [
            line["seconds"]
            for line in world.told()["timeline"]
            if (line["event"], line["step"]) == ("done", "power_off")
        ]
        assert off >= SECONDS

        machine.serial.skip()
        assert world.provision("unrescue").status_code == 202
        world.wait_for_good("active", "unrescue failed")
        world.wait_serial(INSTANCE_BOOTS)
        assert (boot_order(machine.home / VARIABLES), boots_by(world)) == before
        assert len(before[0]) > 1
