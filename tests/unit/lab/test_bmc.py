"""The BMC as the service's own library, sushy, sees it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from typing import Any

import bcrypt
import pytest
import requests
import sushy
from tests.unit.lab.conftest import bootable_iso, make_machine
from werkzeug.serving import make_server

from stbernard.lab.bmc import application
from stbernard.lab.machine import QemuMachine
from stbernard.lab.resets import LAST_RESET
from stbernard.lab.serial import SerialLog

SECONDS = 60
USERNAME = "admin"
PASSWORD = "correct"


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def lab_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("lab")
    digest = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds=4)).decode()
    (directory / "bmc.htpasswd").write_text(f"{USERNAME}:{digest}\n")
    make_machine(directory / "machines/machine-1")
    return directory


@pytest.fixture(scope="module")
def address(lab_dir: Path) -> Iterator[str]:
    # One emulator for all tests here: sushy-tools has one application in a process.
    server = make_server("127.0.0.1", 0, application(lab_dir), threaded=True)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def machine(lab_dir: Path) -> Iterator[QemuMachine]:
    machine = QemuMachine(lab_dir / "machines/machine-1")
    yield machine
    machine.power_off()
    machine.change_setup(boot_device="Hdd", boot_once=None, boot_mode="Legacy", cd=None)


@pytest.fixture
def system(address: str, machine: QemuMachine) -> Any:
    root = sushy.Sushy(address, username=USERNAME, password=PASSWORD)
    return root.get_system(f"/redfish/v1/Systems/{machine.hardware.uuid}")


@pytest.fixture
def image_url(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "boot.iso").write_bytes(bootable_iso("<cd>"))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}/boot.iso"


def test_power(system: Any, machine: QemuMachine) -> None:
    assert system.power_state == sushy.PowerState.OFF
    system.reset_system(sushy.ResetType.ON)
    system.refresh(force=True)
    assert system.power_state == sushy.PowerState.ON
    SerialLog(machine.home / "serial.log").wait("<disk>", SECONDS)
    for reset in (sushy.ResetType.NMI, sushy.ResetType.FORCE_RESTART):
        system.reset_system(reset)
    system.reset_system(sushy.ResetType.FORCE_OFF)
    system.refresh(force=True)
    assert system.power_state == sushy.PowerState.OFF


def test_what_is_in_it(system: Any, machine: QemuMachine) -> None:
    assert system.name == "machine-1"
    assert [nic.mac_address for nic in system.ethernet_interfaces.get_members()] == [
        machine.hardware.mac
    ]


@pytest.mark.parametrize("target", [sushy.BootSource.PXE, sushy.BootSource.HDD])
def test_boot_device_persists(system: Any, machine: QemuMachine, target: Any) -> None:
    enabled = sushy.BootSourceOverrideEnabled.CONTINUOUS
    system.set_system_boot_options(target=target, enabled=enabled)
    system.refresh(force=True)
    assert (system.boot.target, system.boot.enabled) == (target, enabled)


def test_http_boot_is_not_pxe(system: Any, machine: QemuMachine) -> None:
    system.set_system_boot_options(mode=sushy.BootSourceOverrideMode.UEFI)
    system.refresh(force=True)  # in UEFI mode only it is offered
    system.set_system_boot_options(
        target=sushy.BootSource.UEFI_HTTP, enabled=sushy.BootSourceOverrideEnabled.ONCE
    )
    system.refresh(force=True)
    assert system.boot.target == sushy.BootSource.UEFI_HTTP
    assert system.boot.mode == sushy.BootSourceOverrideMode.UEFI
    assert "name=opt/org.tianocore/IPv4PXESupport,string=n" in machine._command(machine.setup)


def test_boot_device_once(system: Any, machine: QemuMachine) -> None:
    enabled = sushy.BootSourceOverrideEnabled.ONCE
    system.set_system_boot_options(target=sushy.BootSource.PXE, enabled=enabled)
    system.refresh(force=True)
    assert (system.boot.target, system.boot.enabled) == (sushy.BootSource.PXE, enabled)
    assert machine.setup.boot_device == "Hdd"
    system.reset_system(sushy.ResetType.ON)
    system.refresh(force=True)
    assert system.boot.target == sushy.BootSource.HDD
    assert system.boot.enabled == sushy.BootSourceOverrideEnabled.CONTINUOUS


def test_a_new_continuous_device_ends_a_pending_once(system: Any, machine: QemuMachine) -> None:
    for target, enabled in (
        (sushy.BootSource.PXE, sushy.BootSourceOverrideEnabled.ONCE),
        (sushy.BootSource.HDD, sushy.BootSourceOverrideEnabled.CONTINUOUS),
    ):
        system.set_system_boot_options(target=target, enabled=enabled)
    assert machine.setup.boot_once is None


def test_boot_mode(system: Any, machine: QemuMachine) -> None:
    assert system.boot.mode == sushy.BootSourceOverrideMode.LEGACY
    system.set_system_boot_options(
        target=sushy.BootSource.PXE, mode=sushy.BootSourceOverrideMode.LEGACY
    )
    system.refresh(force=True)
    assert system.boot.mode == sushy.BootSourceOverrideMode.LEGACY


def test_virtual_media(system: Any, machine: QemuMachine, image_url: str) -> None:
    serial = SerialLog(machine.home / "serial.log")
    serial.skip()
    [cd] = system.virtual_media.get_members()
    assert not cd.inserted
    cd.insert_media(image_url)
    cd.refresh(force=True)
    assert (cd.inserted, cd.image) == (True, image_url)
    system.set_system_boot_options(
        target=sushy.BootSource.CD, enabled=sushy.BootSourceOverrideEnabled.ONCE
    )
    system.reset_system(sushy.ResetType.ON)
    serial.wait("<cd>", SECONDS)
    cd.eject_media()
    cd.refresh(force=True)
    assert not cd.inserted
    assert machine.setup.cd is None


def test_an_image_that_is_not_there(system: Any, machine: QemuMachine, image_url: str) -> None:
    [cd] = system.virtual_media.get_members()
    with pytest.raises(sushy.exceptions.BadRequestError):
        cd.insert_media(image_url + ".not")
    assert machine.setup.cd is None


def test_a_wrong_password_is_401(address: str, machine: QemuMachine) -> None:
    url = f"{address}/redfish/v1/Systems/{machine.hardware.uuid}"
    assert requests.get(url, auth=(USERNAME, "wrong"), timeout=SECONDS).status_code == 401
    assert requests.get(url, timeout=SECONDS).status_code == 401
    with pytest.raises(sushy.exceptions.AccessError):
        sushy.Sushy(address, username=USERNAME, password="wrong").get_system(url[len(address) :])


def test_an_unknown_system_is_404(address: str, machine: QemuMachine) -> None:
    url = f"{address}/redfish/v1/Systems/nobody"
    answer = requests.get(url, auth=(USERNAME, PASSWORD), timeout=SECONDS)
    assert answer.status_code == 404


def test_a_machine_is_found_by_its_name(address: str, machine: QemuMachine) -> None:
    url = f"{address}/redfish/v1/Systems/machine-1"
    answer = requests.get(url, auth=(USERNAME, PASSWORD), timeout=SECONDS)
    assert answer.json()["UUID"] == machine.hardware.uuid


def test_a_machine_that_cannot_start_is_an_error_with_the_reason(
    system: Any, machine: QemuMachine
) -> None:
    disk = machine.home / "disk.qcow2"
    disk.rename(machine.home / "away")
    try:
        with pytest.raises(sushy.exceptions.ServerSideError, match="No such file"):
            system.reset_system(sushy.ResetType.ON)
    finally:
        (machine.home / "away").rename(disk)


def test_when_it_was_reset_last(system: Any, machine: QemuMachine) -> None:
    (machine.home / LAST_RESET).unlink(missing_ok=True)
    system.refresh(force=True)
    assert "LastResetTime" not in system.json
    system.reset_system(sushy.ResetType.ON)
    system.refresh(force=True)
    on = datetime.fromisoformat(system.json["LastResetTime"])
    assert abs(datetime.now(UTC) - on) < timedelta(minutes=5)
