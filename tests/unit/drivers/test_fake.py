"""Fake hardware: what was done to it, what takes time, what fails."""

import json
from pathlib import Path
from typing import cast

import pytest

from stbernard.drivers import fake as module
from stbernard.drivers.base import (
    BootInterface,
    ManagementInterface,
    PowerInterface,
    RescueInterface,
    Task,
)
from stbernard.drivers.fake import FakeHardware
from stbernard.errors import BMCUnreachable, HardwareError, SettingsError
from stbernard.nodes import BootDevice, Login, Node, Power
from stbernard.settings import Fake, Settings
from tests.factories import a_node
from tests.unit.drivers.tasks import a_task, all_enabled

# The one object plays them all.
_POWER: type[PowerInterface] = FakeHardware
_MANAGEMENT: type[ManagementInterface] = FakeHardware
_BOOT: type[BootInterface] = FakeHardware
_RESCUE: type[RescueInterface] = FakeHardware


class Clock:
    """A time that goes on when a test says so."""

    now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def a_fake(node: Node, **fake: str) -> tuple[FakeHardware, Task]:
    task = a_task(all_enabled(fake=Fake(**fake)), node)
    return cast(FakeHardware, task.driver.power), task


@pytest.mark.parametrize(
    ("asked", "ends"),
    [
        (Power.OFF, Power.OFF),
        (Power.SOFT_OFF, Power.OFF),
        (Power.REBOOT, Power.ON),
        (Power.SOFT_REBOOT, Power.ON),
    ],
)
def test_power_changes_at_once_without_a_delay(asked: Power, ends: Power) -> None:
    hardware, task = a_fake(a_node())
    assert hardware.get_power_state(task) == Power.ON
    hardware.set_power_state(task, asked)
    assert hardware.get_power_state(task) == ends


def test_a_server_starts_as_its_node_says() -> None:
    hardware, task = a_fake(a_node(power_state="power off"))
    assert hardware.get_power_state(task) == Power.OFF


def test_power_and_boot_device_change_after_their_delay(clock: Clock) -> None:
    hardware, task = a_fake(a_node(), power_delay="3", management_delay="2,2")
    hardware.set_power_state(task, Power.OFF)
    hardware.set_boot_device(task, BootDevice("pxe", False))
    assert hardware.get_power_state(task) == Power.ON
    assert hardware.get_boot_device(task) == BootDevice("disk", True)
    clock.now += 2
    assert hardware.get_boot_device(task) == BootDevice("pxe", False)
    assert hardware.get_power_state(task) == Power.ON
    clock.now += 1
    assert hardware.get_power_state(task) == Power.OFF


def test_a_slow_login_says_look_again(clock: Clock) -> None:
    node = a_node()
    hardware, task = a_fake(node, rescue_delay="6")
    for _ in range(2):
        with pytest.raises(HardwareError, match="still busy") as caught:
            hardware.open_login(task, "$5$secret")
        assert not caught.value.final
        clock.now += 3
    hardware.open_login(task, "$5$secret")
    assert hardware.record(node).login_open
    assert hardware.record(node).effects == ["open_login"]


def test_the_login_ends_with_the_power(clock: Clock) -> None:
    node = a_node()
    hardware, task = a_fake(node, rescue_delay="6")
    for target in (Power.OFF, Power.REBOOT):
        with pytest.raises(HardwareError, match="still busy"):
            hardware.open_login(task, "$5$secret")
        clock.now += 6
        hardware.open_login(task, "$5$secret")
        hardware.set_power_state(task, target)
        assert not hardware.record(node).login_open


def test_everything_that_was_done_is_on_record_and_no_secret() -> None:
    node = a_node()
    hardware, task = a_fake(node)
    hardware.validate(task)
    hardware.check_ramdisk(task)
    assert hardware.prepare_ramdisk(task, {"ipa-api-url": "http://x"}) == BootDevice("pxe", False)
    hardware.set_boot_device(task, BootDevice("pxe", False))
    hardware.set_boot_mode(task, "bios")
    hardware.set_power_state(task, Power.ON)
    assert hardware.meet(task) == Login()
    hardware.open_login(task, "$5$secret")
    assert "no login" in hardware.prove_login(task)[1]
    hardware.clean_up_ramdisk(task)
    assert hardware.get_boot_mode(task) == "bios"
    assert hardware.supported_boot_devices(task) == ("pxe",)
    assert hardware.record(node).effects == [
        "prepare_ramdisk",
        "set_boot_device pxe",
        "set_boot_mode bios",
        "set_power_state power on",
        "open_login",
        "clean_up_ramdisk",
    ]


def test_the_record_stays_small() -> None:
    node = a_node()
    hardware, task = a_fake(node)
    for _ in range(module.REMEMBERED_EFFECTS + 5):
        hardware.clean_up_ramdisk(task)
    assert len(hardware.record(node).effects) == module.REMEMBERED_EFFECTS


def test_a_fault_strikes_as_often_as_asked() -> None:
    node = a_node()
    hardware, task = a_fake(node)
    hardware.fail(node, "set_power_state", BMCUnreachable("gone"), times=2)
    for _ in range(2):
        with pytest.raises(BMCUnreachable, match="gone"):
            hardware.set_power_state(task, Power.OFF)
    hardware.set_power_state(task, Power.OFF)
    assert hardware.record(node).effects == ["set_power_state power off"]


def test_a_folder_of_records_outlives_the_process(tmp_path: Path) -> None:
    node, folder = a_node(), str(tmp_path / "fake")
    first, task = a_fake(node, state_dir=folder)
    first.set_power_state(task, Power.OFF)
    second, task = a_fake(node, state_dir=folder)
    assert second.get_power_state(task) == Power.OFF
    second.set_power_state(task, Power.ON)
    on_disk = json.loads((tmp_path / "fake" / f"{node.uuid}.json").read_text())
    assert on_disk["effects"] == ["set_power_state power off", "set_power_state power on"]


def test_a_test_injects_faults_by_file(tmp_path: Path) -> None:
    node = a_node()
    faults = {"get_power_state": [1, "BMCUnreachable", "the cable is out"]}
    (tmp_path / f"{node.uuid}.faults.json").write_text(json.dumps(faults))
    hardware, task = a_fake(node, state_dir=str(tmp_path))
    with pytest.raises(BMCUnreachable, match="the cable is out"):
        hardware.get_power_state(task)
    assert hardware.get_power_state(task) == Power.ON


@pytest.mark.parametrize("delay", ["soon", "1,later"])
def test_a_delay_that_is_none_is_named(delay: str) -> None:
    with pytest.raises(SettingsError, match=r"\[fake\]boot_delay is wrong: .*" + delay):
        FakeHardware(Settings(fake=Fake(boot_delay=delay)))


def test_a_range_is_a_random_delay(clock: Clock) -> None:
    hardware, task = a_fake(a_node(), power_delay="1,5")
    hardware.set_power_state(task, Power.OFF)
    clock.now += 0.9
    assert hardware.get_power_state(task) == Power.ON
    clock.now += 4.2
    assert hardware.get_power_state(task) == Power.OFF
