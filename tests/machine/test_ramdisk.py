"""The built ramdisk in a machine of 512 MB, from power on to the login and back."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from passlib.hash import sha512_crypt
from qemu.qmp import QMPClient

from stbernard.ramdisk.build import ensure_ramdisk
from tests.machine.direct_boot import NODE, Machine, Service, booted, free_port

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

CACHE = Path(__file__).parents[2] / ".cache"
PASSWORD = "Fetch-the-barrel"
LIMITS = {"cloud": 110_000_000, "full": 150_000_000}  # bytes
TOOLS = [
    "lvm",
    "mdadm",
    "cryptsetup",
    "mkfs.ext4",
    "mkfs.xfs",
    "mkfs.btrfs",
    "mkfs.fat",
    "ntfsfix",
    "fdisk",
    "sgdisk",
    "parted",
    "ddrescue",
    "testdisk",
    "smartctl",
    "nvme",
    "efibootmgr",
    "rsync",
    "curl",
    "vim",
    "nano",
    "less",
    "tmux",
    "lspci",
    "dmidecode",
    "sudo",
    "ip",
    "ping",
    "python3",
    "openssl",
    "busybox",
    "ssh",
    "reboot",
    "poweroff",
]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A server's disk with a file system that somebody wants to get at."""
    tree = tmp_path / "instance"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/hostname").write_text("broken\n")
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-L", "instance", "-d", tree, image], check=True)
    return image


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service(sha512_crypt.using(rounds=5000).hash(PASSWORD))
    yield service
    service.close()


async def login(port: int) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        "127.0.0.1",
        port,
        username="rescue",
        password=PASSWORD,
        known_hosts=None,
        client_keys=None,
        agent_path=None,
        login_timeout=600,
    )


async def work(port: int) -> None:
    """What a person does in a rescued server."""
    async with await login(port) as connection:

        async def output(command: str) -> str:
            done = await connection.run(command, check=True)
            return str(done.stdout).strip()

        missing = (
            f"for tool in {' '.join(TOOLS)}; do command -v $tool >/dev/null || echo $tool; done"
        )
        assert await output(f"PATH=$PATH:/usr/sbin; {missing}") == ""
        available = await output("awk '/^MemAvailable/ {print $2}' /proc/meminfo")
        assert int(available) > 256 * 1024, "kB of RAM left to work with"
        assert await output("cat /etc/machine-id") == ""
        assert await output("ls /etc/ssh | grep -c host_ || true") == "0"

        async with connection.create_process(term_type="linux") as shell:
            greeting = await shell.stdout.readuntil("unrescue")
        assert NODE["name"] in greeting
        assert NODE["uuid"] in greeting
        assert "sudo mount /dev/vda /mnt" in greeting

        await output("sudo mount /dev/vda /mnt")
        assert await output("cat /mnt/etc/hostname") == "broken"
        await output("sudo sh -c 'echo repaired >/mnt/etc/hostname'")


async def press_power_button(machine: Machine) -> None:
    monitor = QMPClient()
    await monitor.connect(str(machine.monitor))
    await monitor.execute("system_powerdown")
    await monitor.disconnect()


def test_a_server_is_reached_repaired_and_powered_off(disk: Path, service: Service) -> None:
    ramdisk = ensure_ramdisk(CACHE)
    port = free_port()
    with booted(ramdisk, service, port, disk=disk) as machine:
        machine.wait_for("rescue login open")
        asyncio.run(work(port))
        machine.wait_for("devices ready")
        # The disk is still mounted: powering off has to let go of it.
        asyncio.run(press_power_button(machine))
        machine.process.wait()
    assert read_disk("dumpe2fs", "-h", disk).count("needs_recovery") == 0
    assert read_disk("debugfs", "-R", "cat /etc/hostname", disk) == "repaired\n"


def read_disk(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("kernel", LIMITS)
def test_the_ramdisk_keeps_its_size(kernel: str) -> None:
    ramdisk = ensure_ramdisk(CACHE, kernel)
    assert (ramdisk / "ramdisk").stat().st_size <= LIMITS[kernel]
