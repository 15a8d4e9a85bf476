"""A server with ARM processors: the service gives it the loaders and images of its architecture.

Its BMC is played by the test, which switches QEMU on. `pxe` is all real: UEFI with Secure Boot,
Debian's signed shim and GRUB over TFTP. Debian has no iPXE for ARM: there the test is the firmware,
too, asks for the script of the machine's card, and hands kernel, ramdisk and arguments to QEMU.
"""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import requests

from stbernard.lab import Lab, network
from stbernard.programs import run
from stbernard.ramdisk.build import ensure_ramdisk
from stbernard.ramdisk.foreign import apt_options
from stbernard.ramdisk.host import Architecture
from stbernard.ramdisk.kernel import Kernel
from tests.machine.world import World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

CACHE = Path(".cache")
PASSWORD = "correct horse battery"
BOOT_URL = f"{network.API_URL}/boot"
LOGIN = 1500  # seconds; processors of another kind are emulated slowly
UEFI = Path("/usr/share/AAVMF")
LOADERS = {  # Debian's packages for arm64, and what of them is loaded by which name
    "shim-signed": ("bootaa64.efi", "usr/lib/shim/shimaa64.efi.signed"),
    "grub-efi-arm64-signed": (
        "grubaa64.efi",
        "usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed",
    ),
}
OPTIONS = """\
[DEFAULT]
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = ipxe,pxe
enabled_rescue_interfaces = agent

[conductor]
rescue_kernel_by_arch = aarch64:file://{ramdisk}/kernel
rescue_ramdisk_by_arch = aarch64:file://{ramdisk}/ramdisk
file_url_allowed_paths = {ramdisk}

[deploy]
default_boot_mode = uefi

[pxe]
kernel_append_params = console=ttyAMA0
# Nobody loads it, but one has to be there.
ipxe_bootfile_name_by_arch = aarch64:bootaa64.efi
loader_file_paths = {loaders}
"""


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """`request.param`: the ramdisk's kernel."""
    ramdisk = ensure_ramdisk(CACHE, request.param, architecture=Architecture.ARM64).absolute()
    loaders = ",".join(f"{name}:{path}" for name, path in unpacked(tmp_path / "loaders").items())
    with Lab(tmp_path / "lab", dhcp=False, namespace="stbernard-arm64") as lab:
        world = World(lab, tmp_path / "no ramdisk for other processors")
        dhcp = network.service_dhcp([network.port(1)], lab.state_dir)
        world.start(OPTIONS.format(ramdisk=ramdisk, loaders=loaders) + dhcp)
        yield world


def unpacked(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    options = apt_options(CACHE, Architecture.ARM64)
    run("apt-get", *options, "--quiet=2", "download", *LOADERS, cwd=folder)
    for archive in folder.glob("*.deb"):
        run("dpkg-deb", "--extract", archive, folder)
    return {name: folder / path for name, path in LOADERS.values()}


def secure_boot(world: World) -> list[str]:
    """QEMU's arguments for UEFI that takes signed loaders only."""
    variables = world.machine.home / "uefi-variables.fd"
    shutil.copyfile(UEFI / "AAVMF_VARS.ms.fd", variables)
    flash = "if=pflash,format=raw"
    return [
        *("-drive", f"{flash},unit=0,readonly=on,file={UEFI}/AAVMF_CODE.ms.fd"),
        *("-drive", f"{flash},unit=1,file={variables}"),
    ]


def played_by_the_test(world: World, folder: Path) -> list[str]:
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
def switched_on(world: World, firmware: Sequence[str]) -> Iterator[None]:
    machine = world.machine
    tap = network.port(1).tap
    command = ["qemu-system-aarch64", "-machine", "virt", "-accel", "tcg,thread=multi"]
    command += ["-cpu", "cortex-a57", "-smp", "2", "-m", "512", "-nodefaults", "-display", "none"]
    command += ["-netdev", f"tap,id=lan,ifname={tap},script=no,downscript=no"]
    command += ["-device", f"virtio-net-pci,netdev=lan,mac={machine.mac},romfile=,bootindex=0"]
    command += ["-serial", f"file:{machine.serial_log}", *firmware]
    qemu = subprocess.Popen(world.lab.command(command))
    try:
        yield
    finally:
        qemu.terminate()
        qemu.wait()


def ask_for_a_rescue(world: World, boot: str) -> None:
    machine = world.machine
    interfaces = f"--boot-interface {boot} --rescue-interface agent --property cpu_arch=aarch64"
    for line in (
        f"baremetal node create --uuid {machine.uuid} --driver fake-hardware {interfaces}",
        f"baremetal port create {machine.mac} --node {machine.uuid}",
        f"baremetal node manage {machine.uuid} --wait",
        f"baremetal node adopt {machine.uuid} --wait",
    ):
        world.client(line)
    world.rescue(PASSWORD)
    world.wait_for_state("rescue wait")


def log_in_and_end(world: World) -> str:
    """What Linux says of Secure Boot."""
    world.wait_for_good("rescue", "rescue failed", within=LOGIN)
    said = world.ssh("rescue", PASSWORD, "uname -m; sudo id -un; python3 -V; lsblk --version")
    assert said.splitlines()[:2] == ["aarch64", "root"]
    state = world.ssh("rescue", PASSWORD, "sudo dmesg | grep -i 'secure *boot' || true")
    assert world.provision("unrescue").status_code == 202
    world.wait_for_good("active", "unrescue failed")
    return state


@pytest.mark.parametrize("world", [Kernel.FULL], indirect=True)
def test_signed_loaders_over_tftp(world: World) -> None:
    ask_for_a_rescue(world, "pxe")
    with switched_on(world, secure_boot(world)):
        state = log_in_and_end(world)
        assert "Secure boot enabled" in state
    assert world.node not in {path.name for path in (world.state / "tftpboot").iterdir()}


@pytest.mark.parametrize("world", [Kernel.CLOUD], indirect=True)
def test_images_by_ipxe(world: World, tmp_path: Path) -> None:
    ask_for_a_rescue(world, "ipxe")
    with switched_on(world, played_by_the_test(world, tmp_path)):
        assert log_in_and_end(world) == ""
