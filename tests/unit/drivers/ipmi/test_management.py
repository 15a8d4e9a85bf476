"""The boot flags: against ipmi_sim, and against the lab's BMC, which keeps all of them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stbernard.drivers.base import ManagementInterface, Task
from stbernard.drivers.ipmi import ipmitool
from stbernard.drivers.ipmi.management import IpmitoolManagement
from stbernard.errors import BMCError, InvalidDriverInfo
from stbernard.lab.machine import QemuMachine
from stbernard.nodes import BootDevice
from tests.unit.drivers.ipmi.conftest import PASSWORD, Simulator, a_free_port, ipmi_task
from tests.unit.lab.conftest import make_machine

_IS_ONE: type[ManagementInterface] = IpmitoolManagement

NOTHING = BootDevice(None, None)


class Lab:
    """The lab's BMC for a machine that is never switched on."""

    def __init__(self, folder: Path) -> None:
        self.machine = make_machine(folder / "machines/machine-1")
        self.port = a_free_port()
        (folder / "ipmi.account").write_text(f"admin\n{PASSWORD}\n")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stbernard.lab.ipmi", folder, "127.0.0.1", str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def task(self, **properties: Any) -> Task:
        return ipmi_task(
            properties=properties,
            ipmi_address="127.0.0.1",
            ipmi_port=self.port,
            ipmi_username="admin",
            ipmi_password=PASSWORD,
        )


@pytest.fixture(autouse=True)
def asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by the engine: on a busy machine the lab's BMC takes longer than ipmitool waits, and a
    session that is asked for twice confuses it."""
    run = ipmitool._run

    def run_again(*given: Any) -> subprocess.CompletedProcess[str]:
        for _ in range(8):
            done = run(*given)
            if "Unable to establish" not in done.stderr:
                break
        return done

    monkeypatch.setattr(ipmitool, "_run", run_again)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.stop()


@pytest.fixture
def machine(lab: Lab) -> QemuMachine:
    write(lab.task(), "00 00 00 00 00")
    return lab.machine


def read(task: Task) -> str:
    return ipmitool.call(task, "raw", *["0x00", "0x09", "0x05", "0x00", "0x00"]).strip()[6:]


def write(task: Task, flags: str) -> None:
    data = [f"0x{each}" for each in flags.split()]
    ipmitool.call(task, "raw", "0x00", "0x08", "0x05", *data)


@pytest.mark.parametrize("flags", ["00 00 00 00 00", "c0 08", "e0 08", "80 04", "a0 14", "e0 00"])
@pytest.mark.parametrize("properties", [{}, {"capabilities": "boot_mode:uefi"}])
def test_what_was_set_is_put_back_exactly(
    lab: Lab, machine: QemuMachine, flags: str, properties: dict[str, str]
) -> None:
    """As a rescue does: note, boot from the network once, put back."""
    flags = flags.ljust(14, "x").replace("xxxxxxxxx", " 00 00 00")
    task = lab.task(**properties)
    write(task, flags)
    management = task.driver.management
    device, mode = management.get_boot_device(task), management.get_boot_mode(task)
    management.set_boot_device(task, BootDevice("pxe", False))
    assert machine.setup.boot_once == "Pxe"
    management.set_boot_device(task, device)
    if mode and mode != management.get_boot_mode(task):
        management.set_boot_mode(task, mode)
    assert read(task) == flags


@pytest.mark.parametrize(
    ("properties", "before", "after"),
    [
        ({"capabilities": "boot_mode:bios,hdd:1"}, "00 00 00 00 00", "80 04 00 00 00"),
        ({"capabilities": {"boot_mode": "bios"}}, "e0 08 00 00 00", "80 04 00 00 00"),
        ({"capabilities": "boot_mode:uefi"}, "c0 08 00 00 00", "a0 04 00 00 00"),
        ({}, "c0 08 00 00 00", "80 04 00 00 00"),
        ({}, "00 00 00 00 00", "a0 04 00 00 00"),
    ],
)
def test_the_mode_of_a_boot_device(
    lab: Lab, machine: QemuMachine, properties: dict[str, Any], before: str, after: str
) -> None:
    """The node's capability, else what the flags say, else UEFI."""
    task = lab.task(**properties)
    write(task, before)
    task.driver.management.set_boot_device(task, BootDevice("pxe", False))
    assert read(task) == after
    assert machine.setup.boot_mode == ("UEFI" if after.startswith("a0") else "Legacy")


def test_a_boot_device_for_good(lab: Lab, machine: QemuMachine) -> None:
    task = lab.task()
    task.driver.management.set_boot_device(task, BootDevice("cdrom", True))
    assert (machine.setup.boot_device, machine.setup.boot_once) == ("Cd", None)
    assert task.driver.management.get_boot_device(task) == BootDevice("cdrom", True)


def test_a_boot_that_has_begun_uses_the_flags_up(lab: Lab, machine: QemuMachine) -> None:
    task = lab.task()
    task.driver.management.set_boot_device(task, BootDevice("pxe", False))
    machine.change_setup(boot_once=None)  # as at power on
    assert task.driver.management.get_boot_device(task) == NOTHING
    assert task.driver.management.get_boot_mode(task) is None


def test_a_boot_mode(lab: Lab, machine: QemuMachine) -> None:
    task = lab.task()
    for mode, setup in (("uefi", "UEFI"), ("bios", "Legacy")):
        task.driver.management.set_boot_mode(task, mode)
        assert task.driver.management.get_boot_mode(task) == mode
        assert machine.setup.boot_mode == setup
    with pytest.raises(InvalidDriverInfo, match=r"Supported are \['bios', 'uefi'\]"):
        task.driver.management.set_boot_mode(task, "efi")


def test_devices_without_a_name_of_ironics(lab: Lab, machine: QemuMachine) -> None:
    task = lab.task()
    write(task, "c0 20 00 00 00")
    device = task.driver.management.get_boot_device(task)
    assert device == BootDevice("remote-cdrom", True)
    task.driver.management.set_boot_device(task, BootDevice("disk", True))
    task.driver.management.set_boot_device(task, device)
    assert read(task) == "c0 20 00 00 00"


def test_a_device_that_does_not_exist(lab: Lab, machine: QemuMachine) -> None:
    task = lab.task()
    with pytest.raises(InvalidDriverInfo, match="Supported are"):
        task.driver.management.set_boot_device(task, BootDevice("tape", False))
    with pytest.raises(BMCError, match="failed at 'raw"):  # this BMC knows no such drive
        task.driver.management.set_boot_device(task, BootDevice("floppy", False))


@pytest.mark.parametrize(
    ("said", "kept"), [({}, True), ({"ipmi_disable_boot_timeout": "False"}, False)]
)
def test_flags_are_kept_longer_than_a_minute(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], kept: bool
) -> None:
    calls: list[tuple[str, ...]] = []
    call = ipmitool.call

    def noted(task: Task, *command: str) -> str:
        calls.append(command)
        return call(task, *command)

    monkeypatch.setattr(ipmitool, "call", noted)
    task = simulator.task(**said)
    task.driver.management.set_boot_device(task, BootDevice("pxe", False))
    assert simulator.done == ["boot pxe"]
    assert (("raw", "0x00", "0x08", "0x03", "0x08") in calls) is kept


def test_what_ipmi_has_not(simulator: Simulator) -> None:
    task = simulator.task()
    management = task.driver.management
    assert management.indicators(task) == {}
    for ask in (
        lambda: management.set_secure_boot(task, True),
        lambda: management.get_indicator(task, "system", "led"),
        lambda: management.set_indicator(task, "system", "led", "on"),
    ):
        with pytest.raises(InvalidDriverInfo, match="IPMI has no"):
            ask()
    with pytest.raises(BMCError, match="failed at 'power diag'"):  # ipmi_sim cannot do it
        management.inject_nmi(task)
