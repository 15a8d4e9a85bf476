"""Boots the ramdisk directly in QEMU (512 MB, emulated) and prints where the seconds go.

    sudo .venv/bin/python -m bench.ramdisk

Seconds are since QEMU's start, on this machine as it is now; run it on an idle one. The CPU seconds
that QEMU has used by then depend less on other work.
"""

import asyncio
import json
import os
import tempfile
from pathlib import Path

import asyncssh
from passlib.hash import sha512_crypt
from tests.machine.direct_boot import Machine, Service, booted, free_port

from stbernard.ramdisk.build import ensure_ramdisk

STAGES = {
    "kernel started": "Linux version",
    "initramfs started": "Run /init as init process",
    "layers stacked, init started": "stbernard: init at",
    "agent started": r"agent\[.*: version",
    "address by DHCP": r"agent\[.*: got ",
    "node looked up": r"agent\[.*: looked up",
    "heartbeat accepted": r"agent\[.*: heartbeat accepted",
    "devices ready (in the background)": "stbernard: devices ready",
    "rescue login open": r"agent\[.*: rescue login open",
}
PASSWORD = "Fetch-the-barrel"  # noqa: S105 (of a machine that lives for a minute)
MEMORY = "awk '/^Mem(Total|Available)/ {print $1, int($2 / 1024), \"MB\"}' /proc/meminfo"


async def ask(machine: Machine, port: int) -> tuple[float, str]:
    """The seconds at which the login stood, and what the machine says about its memory."""
    async with asyncssh.connect(
        "127.0.0.1", port, username="rescue", password=PASSWORD, known_hosts=None, client_keys=None
    ) as connection:
        at = machine.seconds()
        return at, str((await connection.run(MEMORY, check=True)).stdout)


def cpu_seconds(machine: Machine) -> float:
    """Of its own and of the kernel for it: utime and stime of proc_pid_stat(5)."""
    fields = Path(f"/proc/{machine.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    ramdisk = ensure_ramdisk(Path(".cache"))
    for name, file in json.loads((ramdisk / "manifest.json").read_text())["files"].items():
        print(f"{file['bytes'] / 1e6:8.1f} MB  {name}")
    service, port = Service(sha512_crypt.using(rounds=5000).hash(PASSWORD)), free_port()
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(64 << 20)
        with booted(ramdisk, service, port, disk=Path(disk.name)) as machine:
            for stage, pattern in STAGES.items():
                at = machine.wait_for(pattern)
                print(f"{at:8.1f} s {cpu_seconds(machine):8.1f} s CPU   {stage}")
            at, memory = asyncio.run(ask(machine, port))
            print(
                f"{at:8.1f} s {cpu_seconds(machine):8.1f} s CPU   ssh login by password\n{memory}"
            )
    service.close()


if __name__ == "__main__":
    main()
