"""A machine without an operating system: boot sectors that print a word and stop."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.lab.acceleration import EMULATION
from stbernard.lab.firmware import Firmware
from stbernard.lab.machine import Hardware, QemuMachine
from stbernard.lab.serial import SerialLog

SECTOR = 2048


def boot_sector(text: str) -> bytes:
    """A BIOS boot sector that prints `text` on the first serial port, then stops the processor."""
    code = b"\xba\xf8\x03"  # mov dx, 0x3f8
    code += b"".join(
        b"\xb0" + letter.encode() + b"\xee" for letter in text
    )  # mov al, x; out dx, al
    code += b"\xf4\xeb\xfd"  # hlt; jmp back to it
    return code.ljust(510, b"\0") + b"\x55\xaa"


def bootable_iso(text: str) -> bytes:
    """The least El Torito image that boots `boot_sector(text)` (El Torito 1.0, sections 2 to 4)."""
    system_area = bytes(16 * SECTOR)
    primary = (b"\1CD001\1").ljust(SECTOR, b"\0")
    boot_record = b"\0CD001\1" + b"EL TORITO SPECIFICATION".ljust(64, b"\0")
    boot_record += (19).to_bytes(4, "little")
    terminator = b"\xffCD001\1".ljust(SECTOR, b"\0")
    validation = b"\1".ljust(28, b"\0") + b"\xaa\x55" + b"\x55\xaa"
    entry = b"\x88\0\0\0\0\0" + (1).to_bytes(2, "little") + (20).to_bytes(4, "little")
    catalog = (validation + entry).ljust(SECTOR, b"\0")
    return (
        system_area
        + primary
        + boot_record.ljust(SECTOR, b"\0")
        + terminator
        + catalog
        + boot_sector(text).ljust(SECTOR, b"\0")
    )


def make_machine(home: Path, number: int = 1, firmware: Firmware = "bios") -> QemuMachine:
    """A machine in `home` whose disk prints <disk>."""
    home.mkdir(parents=True)
    (home / "disk.raw").write_bytes(boot_sector("<disk>").ljust(1 << 20, b"\0"))
    subprocess.run(
        ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", home / "disk.raw", home / "disk.qcow2"],
        check=True,
    )
    hardware = Hardware(
        name=f"machine-{number}",
        uuid=f"00000000-0000-4000-8000-{number:012}",
        mac=f"52:54:00:77:01:{number:02x}",
        tap=None,
        memory_mb=64 if firmware == "bios" else 256,
        acceleration=EMULATION,
        cpus=1,
        firmware=firmware,
    )
    return QemuMachine.define(home, hardware)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[QemuMachine]:
    machine = make_machine(tmp_path / "machine-1")
    yield machine
    machine.power_off()


@pytest.fixture
def serial(machine: QemuMachine) -> SerialLog:
    return SerialLog(machine.home / "serial.log")


@pytest.fixture
def iso(tmp_path: Path) -> Path:
    path = tmp_path / "boot.iso"
    path.write_bytes(bootable_iso("<cd>"))
    return path
