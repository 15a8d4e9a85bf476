"""One machine: what it is made of, and a QEMU that is running while it is switched on.

Everything there is to know lies in the machine's directory, so that any process can take over:
`machine.json` (what it is), `setup.json` (what its BMC was told), `qemu.pid`, `qmp.sock`,
`disk.qcow2`, `serial.log` and `last_reset`.
"""

import asyncio
import subprocess
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from qemu.qmp import QMPClient, QMPError

from stbernard.errors import LabError
from stbernard.lab import processes
from stbernard.lab.firmware import Firmware, bios_arguments, http_boot_only, uefi_arguments
from stbernard.lab.resets import EVENTS, last_reset, note_reset

BootDevice = Literal["Pxe", "Hdd", "Cd", "UefiHttp"]
BootMode = Literal["Legacy", "UEFI"]

# QEMU's device ids, in the order in which the firmware tries them. A boot that finds nothing to
# load goes on with the disk, as servers do.
BOOT_ORDER: dict[BootDevice, tuple[str, ...]] = {
    "Pxe": ("net", "disk"),
    "Hdd": ("disk",),
    "Cd": ("cd", "disk"),
    "UefiHttp": ("net", "disk"),
}
SHUTDOWN_SECONDS = 180
PID_FILE = "qemu.pid"

Command = tuple[str, dict[str, object]]


class Hardware(msgspec.Struct, frozen=True):
    """What a machine is made of; fixed while its lab is up.

    `boot_rom`: whether the network card brings iPXE as its boot ROM; without it a machine boots
    from the network by what its firmware has, which SeaBIOS has not."""

    name: str
    uuid: str
    mac: str
    tap: str | None
    memory_mb: int
    acceleration: tuple[str, ...]
    cpus: int = 2
    firmware: Firmware = "bios"
    boot_rom: bool = True


class Setup(msgspec.Struct, frozen=True):
    """What the BMC was told, in Redfish's terms; `boot_once` wins over `boot_device` one time."""

    boot_device: BootDevice = "Hdd"
    boot_once: BootDevice | None = None
    boot_mode: BootMode = "Legacy"
    cd: str | None = None


class QemuMachine:
    """Switches the machine in `home` on and off; safe to use from many threads of one process."""

    def __init__(self, home: Path) -> None:
        """Raises FileNotFoundError when no machine was defined in `home`."""
        self.home = home
        self.hardware = msgspec.json.decode((home / "machine.json").read_bytes(), type=Hardware)
        self._lock = threading.RLock()

    @classmethod
    def define(cls, home: Path, hardware: Hardware) -> "QemuMachine":
        """Make a machine, switched off, in the existing directory `home`."""
        (home / "machine.json").write_bytes(msgspec.json.encode(hardware))
        (home / "serial.log").touch()
        machine = cls(home)
        if hardware.firmware != "bios":
            machine.change_setup(boot_mode="UEFI")
        return machine

    @property
    def pid_file(self) -> Path:
        return self.home / PID_FILE

    @property
    def is_on(self) -> bool:
        with self._lock:
            return processes.find(self.pid_file) is not None

    @property
    def last_reset(self) -> datetime | None:
        """As the BMC has noted it; None if the machine was never switched on."""
        return last_reset(self.home)

    @property
    def setup(self) -> Setup:
        try:
            return msgspec.json.decode((self.home / "setup.json").read_bytes(), type=Setup)
        except FileNotFoundError:
            return Setup()

    def change_setup(self, **changes: object) -> None:
        """Change fields of Setup; they count from the next power on or reset by the BMC."""
        with self._lock:
            setup = msgspec.structs.replace(self.setup, **changes)
            new = self.home / "setup.json.new"
            new.write_bytes(msgspec.json.encode(setup))
            new.rename(self.home / "setup.json")
            if self.is_on and {"boot_device", "cd"} & set(changes):
                self._qmp([*_boot_order(setup.boot_device), *self._medium(setup)])

    def power_on(self) -> None:
        """Start QEMU unless it runs. Raises LabError with QEMU's words."""
        with self._lock:
            if self.is_on:
                return
            setup = self.setup
            done = subprocess.run(
                self._command(setup), cwd="/", capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise LabError(f"{self.hardware.name}: {done.stderr.strip()}")
            # The firmware's order is fixed at a reset, so the machine has to start from one.
            order = _boot_order(setup.boot_once or setup.boot_device)
            try:
                self._qmp([*self._medium(setup), *order, ("system_reset", {}), ("cont", {})])
            except LabError:
                self.power_off()
                raise
            note_reset(self.home)
            self._forget_once()

    def power_off(self) -> None:
        """Take the power away, at once."""
        with self._lock:
            processes.end(self.pid_file)

    def press_power_button(self) -> None:
        """Ask the operating system to shut down (ACPI), if there is one."""
        with self._lock:
            if self.is_on:
                self._qmp([("system_powerdown", {})])

    def shut_down_and_power_on(self) -> None:
        """The graceful restart: wait for the operating system to go down, then power on.

        Raises LabError when it stays up for SHUTDOWN_SECONDS.
        """
        process = processes.find(self.pid_file)
        if process is None:
            return
        self.press_power_button()
        if not processes.wait(process, SHUTDOWN_SECONDS):
            raise LabError(
                f"{self.hardware.name}: still up {SHUTDOWN_SECONDS} s after the power button"
            )
        self.power_on()

    def reset(self) -> None:
        """Reset a machine that is on, without a word to its operating system.

        By a new QEMU: SeaBIOS answers a reset with one of its own, and between the two nobody
        could tell when a `boot_once` is spent.
        """
        with self._lock:
            if self.is_on:
                self.power_off()
                self.power_on()

    def interrupt(self) -> None:
        """Send a non-maskable interrupt to a machine that is on."""
        with self._lock:
            if self.is_on:
                self._qmp([("inject-nmi", {})])

    def _forget_once(self) -> None:
        """Spend `boot_once`: the next reset, also one by the guest, uses `boot_device` again."""
        setup = self.setup
        if setup.boot_once is not None:
            self.change_setup(boot_once=None, boot_device=setup.boot_device)

    def _medium(self, setup: Setup) -> list[Command]:
        if setup.cd is None:
            return [("eject", {"id": "cd", "force": True})]
        change = {"id": "cd", "filename": setup.cd, "format": "raw", "force": True}
        return [("blockdev-change-medium", {**change, "read-only-mode": "read-only"})]

    def _command(self, setup: Setup) -> list[str]:
        hardware = self.hardware
        nic = f"tap,id=lan,ifname={hardware.tap},script=no,downscript=no"
        rom = "" if hardware.boot_rom else ",romfile="
        return [
            *("qemu-system-x86_64", "-name", hardware.name, "-uuid", hardware.uuid),
            *("-nodefaults", "-display", "none", "-boot", "strict=on", *self._firmware(setup)),
            *("-m", str(hardware.memory_mb), "-smp", str(hardware.cpus)),
            *hardware.acceleration,
            *("-netdev", nic if hardware.tap else "hubport,id=lan,hubid=0"),
            *("-device", f"virtio-net-pci,id=net,netdev=lan,mac={hardware.mac}{rom}"),
            *("-drive", f"file={self.home}/disk.qcow2,if=none,id=hd,format=qcow2"),
            *("-device", "virtio-blk-pci,id=disk,drive=hd"),
            *("-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-cd,id=cd,bus=scsi.0"),
            *("-chardev", f"file,id=serial,path={self.home}/serial.log,append=on"),
            *("-serial", "chardev:serial"),
            *("-qmp", f"unix:{self.home}/qmp.sock,server=on,wait=off"),
            *("-qmp", f"unix:{self.home}/{EVENTS},server=on,wait=off"),
            *("-daemonize", "-pidfile", str(self.pid_file), "-S"),
        ]

    def _firmware(self, setup: Setup) -> list[str]:
        if setup.boot_mode == "Legacy":
            return bios_arguments()
        only = http_boot_only() if (setup.boot_once or setup.boot_device) == "UefiHttp" else []
        return [*uefi_arguments(self.hardware.firmware, self.home), *only]

    def _qmp(self, commands: Sequence[Command]) -> None:
        try:
            asyncio.run(self._execute(commands))
        except (QMPError, OSError) as error:
            raise LabError(f"{self.hardware.name}: {error}") from error

    async def _execute(self, commands: Sequence[Command]) -> None:
        monitor = QMPClient(self.hardware.name)
        await monitor.connect(str(self.home / "qmp.sock"))
        try:
            with monitor.listener("RESET") as resets:
                for name, arguments in commands:
                    await monitor.execute(name, arguments)
                    if name == "system_reset":
                        # The answer comes before the deed.
                        await resets.get()
        finally:
            await monitor.disconnect()


def _boot_order(first: BootDevice) -> list[Command]:
    """Give every device its place; -1 takes a device out, so that no place is taken twice."""
    places = [(device, -1) for device in ("net", "disk", "cd")]
    places += [(device, place) for place, device in enumerate(BOOT_ORDER[first])]
    return [
        (
            "qom-set",
            {"path": f"/machine/peripheral/{device}", "property": "bootindex", "value": place},
        )
        for device, place in places
    ]
