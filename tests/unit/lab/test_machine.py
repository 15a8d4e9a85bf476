"""Real QEMUs, with boot sectors instead of an operating system."""

import asyncio
import threading
from pathlib import Path

import pytest
from qemu.qmp import QMPClient
from tests.unit.lab.conftest import make_machine

from stbernard.errors import LabError
from stbernard.lab import processes, resets
from stbernard.lab.firmware import VARIABLES, Firmware, uefi_arguments
from stbernard.lab.machine import QemuMachine, Setup
from stbernard.lab.serial import SerialLog

SECONDS = 60  # a limit for a host under load; it takes half a second


def test_boots_its_disk_until_the_power_goes(machine: QemuMachine, serial: SerialLog) -> None:
    assert not machine.is_on
    machine.power_on()
    assert machine.is_on
    serial.wait("<disk>", SECONDS)
    machine.power_on()
    machine.power_off()
    assert not machine.is_on
    machine.power_off()


def test_boot_device_counts_from_the_next_reset(
    machine: QemuMachine, serial: SerialLog, iso: Path
) -> None:
    machine.power_on()
    serial.wait("<disk>", SECONDS)
    machine.change_setup(cd=str(iso), boot_device="Cd")
    machine.reset()
    serial.wait("<cd>", SECONDS)
    machine.reset()
    serial.wait("<cd>", SECONDS)
    assert machine.setup.boot_device == "Cd"


def test_once_is_once(machine: QemuMachine, serial: SerialLog, iso: Path) -> None:
    machine.change_setup(cd=str(iso), boot_once="Cd")
    machine.power_on()
    serial.wait("<cd>", SECONDS)
    assert machine.setup == Setup(cd=str(iso))
    machine.reset()
    serial.wait("<disk>", SECONDS)


def test_once_by_reset_is_spent_before_the_guest_resets_itself(
    machine: QemuMachine, serial: SerialLog, iso: Path
) -> None:
    machine.power_on()
    serial.wait("<disk>", SECONDS)
    machine.change_setup(cd=str(iso), boot_once="Cd")
    machine.reset()
    serial.wait("<cd>", SECONDS)
    asyncio.run(_reset_behind_the_back_of_the_bmc(machine))
    serial.wait("<disk>", SECONDS)


def test_an_empty_drive_gives_way_to_the_disk(
    machine: QemuMachine, serial: SerialLog, iso: Path
) -> None:
    machine.change_setup(cd=str(iso), boot_device="Cd")
    machine.power_on()
    serial.wait("<cd>", SECONDS)
    machine.change_setup(cd=None)
    machine.reset()
    serial.wait("<disk>", SECONDS)


def test_another_process_finds_the_machine_running(machine: QemuMachine, serial: SerialLog) -> None:
    machine.change_setup(boot_mode="Legacy", boot_device="Hdd")
    machine.power_on()
    other = QemuMachine(machine.home)
    assert other.is_on
    assert other.hardware == machine.hardware
    other.power_off()
    assert not machine.is_on


def test_a_qemu_that_ends_by_itself_is_off(machine: QemuMachine, serial: SerialLog) -> None:
    machine.power_on()
    process = processes.find(machine.pid_file)
    assert process is not None
    process.kill()
    assert processes.wait(process, SECONDS)
    assert not machine.is_on
    machine.power_on()
    serial.wait("<disk>", SECONDS)


def test_uefi_starts(tmp_path: Path) -> None:
    machine = make_machine(tmp_path / "machine", firmware="uefi")
    assert machine.setup.boot_mode == "UEFI"
    try:
        machine.power_on()
        SerialLog(machine.home / "serial.log").wait("BdsDxe: loading Boot000", SECONDS)
    finally:
        machine.power_off()


@pytest.mark.parametrize("firmware", ["uefi", "secure-boot"])
def test_uefi_variables_outlive_the_power(tmp_path: Path, firmware: Firmware) -> None:
    uefi_arguments(firmware, tmp_path)
    variables = tmp_path / VARIABLES
    assert variables.stat().st_size > 0
    variables.write_bytes(b"changed by the firmware")
    uefi_arguments(firmware, tmp_path)
    assert variables.read_bytes() == b"changed by the firmware"


def test_what_qemu_says_is_in_the_error(machine: QemuMachine) -> None:
    (machine.home / "disk.qcow2").unlink()
    with pytest.raises(LabError, match=r"disk.qcow2.*No such file"):
        machine.power_on()
    assert not machine.is_on


def test_a_machine_that_is_off_takes_no_orders(machine: QemuMachine) -> None:
    machine.reset()
    machine.press_power_button()
    machine.interrupt()
    machine.shut_down_and_power_on()
    assert not machine.is_on


def test_an_nmi_and_a_power_button_reach_the_machine(
    machine: QemuMachine, serial: SerialLog
) -> None:
    machine.power_on()
    serial.wait("<disk>", SECONDS)
    machine.interrupt()
    machine.press_power_button()
    assert machine.is_on


def test_a_reset_behind_the_back_of_the_bmc_is_noted(
    machine: QemuMachine, serial: SerialLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.power_on()
    assert machine.last_reset
    serial.wait("<disk>", SECONDS)
    noted = threading.Event()
    monkeypatch.setattr(resets, "note_reset", lambda _: noted.set())
    listener = threading.Thread(target=resets.listen, args=[machine.home])
    listener.start()
    while not noted.wait(1):  # it may not be listening yet
        asyncio.run(_reset_behind_the_back_of_the_bmc(machine))
    machine.power_off()
    listener.join(SECONDS)
    assert not listener.is_alive()


async def _reset_behind_the_back_of_the_bmc(machine: QemuMachine) -> None:
    monitor = QMPClient()
    await monitor.connect(str(machine.home / "qmp.sock"))
    await monitor.execute("system_reset")
    await monitor.disconnect()
