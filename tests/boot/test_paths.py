"""Every way over the network into the rescue ramdisk and back (docs/boot-paths.md)."""

from pathlib import Path

import pytest

from stbernard.lab.firmware import Firmware
from tests.machine.netboot import into_the_ramdisk_and_back, network_world

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    ("firmware", "rom", "interface", "always"),
    [
        pytest.param("uefi", False, "ipxe", False, id="uefi-ipxe"),
        pytest.param("bios", True, "pxe", False, id="bios-pxe"),
        pytest.param("uefi", False, "http-ipxe", False, id="uefi-http-ipxe"),
        pytest.param("uefi", False, "pxe", False, id="uefi-pxe"),
        pytest.param("uefi", False, "http", False, id="uefi-http"),
        pytest.param("bios", True, "ipxe", True, id="bios-ipxe-in-card"),
        pytest.param("uefi", True, "ipxe", True, id="uefi-ipxe-in-card"),
        pytest.param("secure-boot", False, "pxe", False, id="secure-boot-pxe"),
    ],
)
def test_into_the_ramdisk_and_back(
    tmp_path: Path, firmware: Firmware, rom: bool, interface: str, always: bool
) -> None:
    with network_world(tmp_path, firmware, rom=rom) as world:
        into_the_ramdisk_and_back(world, interface, always=always)
