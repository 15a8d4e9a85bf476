"""A lab machine that is rescued from virtual media, and what must be true on the way."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sushy

from stbernard.lab.firmware import Firmware
from stbernard.lab.lab import Lab
from stbernard.lab.service import enrol
from stbernard.ramdisk.build import ensure_ramdisk
from tests.machine.world import INSTANCE_BOOTS, World

PASSWORD = "Resc-ue&me 3"
OPTIONS = """\
[DEFAULT]
enabled_boot_interfaces = redfish-virtual-media
[redfish]
kernel_append_params = console=ttyS0
"""


@contextmanager
def media_world(folder: Path, firmware: Firmware = "bios") -> Iterator[World]:
    """A world whose machine runs its instance, and boots its ramdisk from virtual media."""
    cache = Path(".cache")
    name = f"stbernard-{firmware}-{os.getpid()}"
    with Lab(folder / "lab", cache_dir=cache, namespace=name, firmware=firmware) as lab:
        world = World(lab, ensure_ramdisk(cache))
        world.start(OPTIONS)
        for line in enrol(world.machine):
            world.client(line)
        world.client(f"baremetal node power on {world.machine.name}")
        world.wait_serial(INSTANCE_BOOTS)
        yield world


def rescue(world: World, command: str = "id -un", says: str = "rescue\n") -> None:
    """A rescue from virtual media, up to a login; from then on the medium is gone."""
    world.machine.serial.skip()
    world.rescue(PASSWORD)
    world.wait_for_good("rescue", "rescue failed")
    assert world.ssh("rescue", PASSWORD, command) == says
    fetched = [line["detail"] for line in world.told()["timeline"] if line["event"] == "seen"]
    assert "rescue medium fetched" in fetched
    assert "boot script fetched" not in fetched
    no_medium_is_left(world)


def unrescue(world: World) -> None:
    assert world.provision("unrescue").status_code == 202
    world.wait_for_good("active", "unrescue failed")
    world.wait_serial(INSTANCE_BOOTS)
    no_medium_is_left(world)


def no_medium_is_left(world: World) -> None:
    """Neither in the drive nor on the service's host."""
    shown = drive(world)
    assert (shown["Inserted"], shown["Image"]) == (False, "")
    assert list((world.state / "httpboot/vmedia").iterdir()) == []


def drive(world: World) -> Mapping[str, Any]:
    machine = world.machine
    with world.lab.inside():
        root = sushy.Sushy(machine.bmc_address, machine.bmc_username, machine.bmc_password)
        [found] = root.get_system(machine.system_id).virtual_media.get_members()
        shown: Mapping[str, Any] = found.json
        return shown
