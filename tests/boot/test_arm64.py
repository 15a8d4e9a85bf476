"""A server with ARM processors: the service gives it the images of its architecture.

Firmware and BMC are played by the test: it asks for the iPXE script of the machine's card, as iPXE
does, and hands kernel, ramdisk and arguments to QEMU. From the kernel on all is real.
"""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from stbernard.lab import Lab, network
from stbernard.ramdisk.build import ensure_ramdisk
from stbernard.ramdisk.host import Architecture
from tests.machine.world import World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

CACHE = Path(".cache")
PASSWORD = "correct horse battery"
BOOT_URL = f"{network.API_URL}/boot"
LOGIN = 900  # seconds; processors of another kind are emulated slowly


def options(ramdisk: Path) -> str:
    folder = ramdisk.absolute()
    return f"""\
[DEFAULT]
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = ipxe
enabled_rescue_interfaces = agent

[conductor]
rescue_kernel_by_arch = aarch64:file://{folder}/kernel
rescue_ramdisk_by_arch = aarch64:file://{folder}/ramdisk
file_url_allowed_paths = {folder}

[pxe]
kernel_append_params = console=ttyAMA0
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    ramdisk = ensure_ramdisk(CACHE, architecture=Architecture.ARM64)
    with Lab(tmp_path, namespace="stbernard-arm64") as lab:
        world = World(lab, tmp_path / "no ramdisk for other processors")
        world.start(options(ramdisk))
        yield world


def firmware(world: World, folder: Path) -> list[str]:
    """What iPXE would load for this card, for QEMU."""
    name = world.machine.mac.replace(":", "-")
    with world.lab.inside():
        script = requests.get(f"{BOOT_URL}/pxelinux.cfg/{name}", timeout=60).text
        found = re.search(r"^kernel (\S+) (.*) \|\| goto again$", script, re.MULTILINE)
        ramdisk = re.search(r"^initrd --name \S+ (\S+)", script, re.MULTILINE)
        assert found, script
        assert ramdisk, script
        for file, url in (("kernel", found[1]), ("ramdisk", ramdisk[1])):
            (folder / file).write_bytes(requests.get(url, timeout=60).content)
    arguments = found[2].replace("${mac}", world.machine.mac)
    loaded = ["-kernel", f"{folder}/kernel", "-initrd", f"{folder}/ramdisk"]
    return [*loaded, "-append", arguments]


@contextlib.contextmanager
def booted(world: World, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    machine = world.machine
    tap = network.port(1).tap
    command = ["qemu-system-aarch64", "-machine", "virt", "-accel", "tcg,thread=multi"]
    command += ["-cpu", "cortex-a57", "-smp", "2", "-m", "512", "-nodefaults", "-display", "none"]
    command += ["-netdev", f"tap,id=lan,ifname={tap},script=no,downscript=no"]
    command += ["-device", f"virtio-net-pci,netdev=lan,mac={machine.mac},romfile="]
    command += ["-serial", f"file:{machine.serial_log}", *firmware(world, folder)]
    qemu = subprocess.Popen(world.lab.command(command))
    yield qemu
    qemu.terminate()
    qemu.wait()


def test_an_arm_server_is_rescued(world: World, tmp_path: Path) -> None:
    machine = world.machine
    interfaces = "--boot-interface ipxe --rescue-interface agent --property cpu_arch=aarch64"
    for line in (
        f"baremetal node create --uuid {machine.uuid} --driver fake-hardware {interfaces}",
        f"baremetal port create {machine.mac} --node {machine.uuid}",
        f"baremetal node manage {machine.uuid} --wait",
        f"baremetal node adopt {machine.uuid} --wait",
    ):
        world.client(line)
    world.rescue(PASSWORD)
    world.wait_for_state("rescue wait")
    with booted(world, tmp_path):
        world.wait_for_good("rescue", "rescue failed", within=LOGIN)
        said = world.ssh("rescue", PASSWORD, "uname -m; sudo id -un; python3 -V; lsblk --version")
        assert said.splitlines()[:2] == ["aarch64", "root"]
    assert world.provision("unrescue").status_code == 202
    world.wait_for_good("active", "unrescue failed")
