"""A rescue over the network with the service's own DHCP and TFTP, on a machine of some firmware."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sushy

from stbernard.lab import Lab, network
from stbernard.lab.firmware import Firmware
from stbernard.lab.service import enrol
from stbernard.ramdisk.build import ensure_ramdisk
from tests.machine.world import World

PASSWORD = "correct horse battery"
LOADS = 900  # seconds: GRUB takes minutes for 100 MB, four times that on a busy host
OPTIONS = """\
[DEFAULT]
enabled_boot_interfaces = ipxe,pxe,http-ipxe,http
"""


@contextmanager
def network_world(folder: Path, firmware: Firmware, *, rom: bool) -> Iterator[World]:
    """`rom`: whether the machine's network card brings iPXE."""
    ramdisk = ensure_ramdisk(Path(".cache"))
    with Lab(
        folder,
        firmware=firmware,
        boot_rom=rom,
        dhcp=False,
        namespace=f"stbernard-netboot-{os.getpid()}",
    ) as lab:
        world = World(lab, ramdisk)
        world.start(OPTIONS + network.service_dhcp([network.port(1)], lab.state_dir))
        yield world


def into_the_ramdisk_and_back(world: World, interface: str, *, always: bool = False) -> None:
    """Rescue, login, unrescue, and the instance boots; nothing is left, all is set as before.

    `always`: with a persistent boot device instead of one for one boot."""
    create, *others = enrol(world.machine)
    create += f" --boot-interface {interface}"
    if always:
        create += " --driver-info force_persistent_boot_device=Always"
    for line in (create, *others):
        world.client(line)
    world.client(f"baremetal node power on {world.machine.name}")
    before = boots_by(world)

    world.rescue(PASSWORD)
    world.wait_for_good("rescue", "rescue failed", within=LOADS)
    assert world.ssh("rescue", PASSWORD, "id -un") == "rescue\n"

    world.machine.serial.skip()
    assert world.provision("unrescue").status_code == 202
    world.wait_for_good("active", "unrescue failed")
    assert boots_by(world) == before
    world.wait_serial("instance login:")
    roots = [world.state / name for name in ("httpboot", "tftpboot")]
    assert world.node not in {path.name for root in roots for path in root.iterdir()}
    assert not [*(world.state / "dnsmasq" / "options").iterdir()]


def boots_by(world: World) -> tuple[Any, ...]:
    """Device, whether once, and mode, as the BMC has them."""
    machine = world.machine
    with world.lab.inside():
        root = sushy.Sushy(machine.bmc_address, machine.bmc_username, machine.bmc_password)
        boot = root.get_system(machine.system_id).boot
    return boot.target, boot.enabled, boot.mode
