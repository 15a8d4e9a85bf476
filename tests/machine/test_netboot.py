"""From UEFI's own PXE by DHCP and TFTP of the service to iPXE, and into the ramdisk and back.

The other ways over the network are in tests/boot.
"""

from pathlib import Path

import pytest

from tests.machine.netboot import into_the_ramdisk_and_back, network_world

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1200)]


def test_uefi_that_is_not_ipxe_yet(tmp_path: Path) -> None:
    with network_world(tmp_path, "uefi", rom=False) as world:
        into_the_ramdisk_and_back(world, "ipxe")
