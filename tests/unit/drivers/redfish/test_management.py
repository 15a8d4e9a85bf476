"""The management interface against the emulator, and against BMCs with ways of their own."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from stbernard.drivers.base import ManagementInterface
from stbernard.drivers.redfish.bmc import system
from stbernard.drivers.redfish.management import RedfishManagement
from stbernard.errors import BMCError, BMCUnreachable, InvalidDriverInfo
from stbernard.nodes import BootDevice
from tests.unit.drivers.redfish.conftest import Bmc

_IS_ONE: type[ManagementInterface] = RedfishManagement


class Picky:
    """A BMC that keeps Boot like the standard says, and refuses what its vendor does not like."""

    def __init__(self, refuses: Callable[[dict[str, Any], dict[str, Any]], bool]) -> None:
        self.boot: dict[str, Any] = {
            "BootSourceOverrideTarget": "Hdd",
            "BootSourceOverrideEnabled": "Continuous",
            "BootSourceOverrideMode": "UEFI",
        }
        self.status = "400 Bad Request"
        self._refuses = refuses

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        status = "200 OK"
        if environ["REQUEST_METHOD"] == "PATCH":
            length = int(environ["CONTENT_LENGTH"])
            wanted = json.loads(environ["wsgi.input"].read(length))["Boot"]
            if self._refuses(wanted, self.boot):
                status = self.status
            else:
                self.boot.update(wanted)
        start_response(status, [("Content-Type", "application/json")])
        error = {"error": {"code": "Base.1.0.GeneralError", "message": "I do not like that."}}
        answer = {"Id": "1", "PowerState": "Off", "Boot": self.boot}
        return [json.dumps(answer if status == "200 OK" else error).encode()]


def a_picky(
    server: Bmc, refuses: Callable[[dict[str, Any], dict[str, Any]], bool] = lambda *_: False
) -> Picky:
    picky = Picky(refuses)
    server.answer = picky
    return picky


@pytest.mark.parametrize("device", ["pxe", "disk", "cdrom"])
def test_a_boot_device_is_set_and_read(server: Bmc, device: str) -> None:
    task = server.task()
    management = task.driver.management
    management.validate(task)
    assert device in management.supported_boot_devices(task)
    management.set_boot_device(task, BootDevice(device, False))
    # The emulator says Continuous whatever was asked for.
    assert management.get_boot_device(task) == BootDevice(device, True)


@pytest.mark.parametrize("mode", ["bios", "uefi"])
def test_a_boot_mode_is_set_and_read(server: Bmc, mode: str) -> None:
    task = server.task()
    task.driver.management.set_boot_mode(task, mode)
    assert task.driver.management.get_boot_mode(task) == mode


def test_what_does_not_exist_is_refused(server: Bmc) -> None:
    task = server.task()
    with pytest.raises(InvalidDriverInfo, match=r"Boot device 'tape' is not supported .*'pxe'"):
        task.driver.management.set_boot_device(task, BootDevice("tape", False))
    with pytest.raises(InvalidDriverInfo, match=r"Boot mode 'cp/m' is not supported .*'uefi'"):
        task.driver.management.set_boot_mode(task, "cp/m")
    assert server.requests == []


@pytest.mark.parametrize(
    "device",
    [
        BootDevice("pxe", False),
        BootDevice("disk", True),
        BootDevice("uefihttp", False),
        BootDevice("UefiTarget", True),  # no name of Ironic's, and yet to be put back
        BootDevice(None, None),
    ],
)
def test_what_was_read_can_be_put_back(server: Bmc, device: BootDevice) -> None:
    a_picky(server)
    task = server.task(redfish_system_id="/redfish/v1/Systems/1")
    management = task.driver.management
    management.set_boot_device(task, device)
    assert management.get_boot_device(task) == device
    management.set_boot_device(task, BootDevice("pxe", False))
    management.set_boot_device(task, device)
    assert management.get_boot_device(task) == device


def _wants_only_changes(wanted: dict[str, Any], boot: dict[str, Any]) -> bool:
    key = "BootSourceOverrideEnabled"
    return bool(wanted.get(key) == boot[key])


def _wants_all_of_it(wanted: dict[str, Any], _: dict[str, Any]) -> bool:
    return len(wanted) < 3


def _knows_no_continuous(wanted: dict[str, Any], _: dict[str, Any]) -> bool:
    return wanted.get("BootSourceOverrideEnabled") == "Continuous" or len(wanted) > 2


@pytest.mark.parametrize("way", [_wants_only_changes, _wants_all_of_it, _knows_no_continuous])
def test_bmcs_have_ways_of_their_own(
    server: Bmc, way: Callable[[dict[str, Any], dict[str, Any]], bool]
) -> None:
    picky = a_picky(server, way)
    task = server.task(redfish_system_id="/redfish/v1/Systems/1")
    task.driver.management.set_boot_device(task, BootDevice("cdrom", True))
    assert picky.boot["BootSourceOverrideTarget"] == "Cd"


def test_a_boot_mode_is_said_with_the_device_where_the_bmc_wants_that(server: Bmc) -> None:
    picky = a_picky(server, _wants_all_of_it)
    task = server.task(redfish_system_id="/redfish/v1/Systems/1")
    task.driver.management.set_boot_mode(task, "bios")
    assert picky.boot["BootSourceOverrideMode"] == "Legacy"


def test_the_bmcs_own_words_are_passed_on(server: Bmc) -> None:
    a_picky(server, lambda *_: True)
    task = server.task(redfish_system_id="/redfish/v1/Systems/1")
    with pytest.raises(BMCError, match=r"answered HTTP 400: I do not like that\.") as caught:
        task.driver.management.set_boot_device(task, BootDevice("pxe", False))
    assert not isinstance(caught.value, BMCUnreachable)
    assert not caught.value.final


def test_a_bmc_in_trouble_is_asked_once(server: Bmc) -> None:
    picky = a_picky(server, lambda *_: True)
    picky.status = "503 Service Unavailable"
    task = server.task(redfish_system_id="/redfish/v1/Systems/1")
    with pytest.raises(BMCError, match="HTTP 503"):
        task.driver.management.set_boot_device(task, BootDevice("pxe", False))
    assert sum(request.startswith("PATCH") for request in server.requests) == 1


def test_a_bmc_that_says_nothing_about_booting(server: Bmc) -> None:
    server.answers("200 OK", b'{"Id": "1"}')
    task = server.task(redfish_system_id="/redfish/v1/Systems/1")
    assert task.driver.management.get_boot_mode(task) is None
    with pytest.raises(InvalidDriverInfo, match="offers no boot override"):
        task.driver.management.get_boot_device(task)


def test_an_nmi(server: Bmc) -> None:
    task = server.task()
    server.answers("204 No Content", b"", to="POST /redfish/v1/Systems")  # the emulator has none
    task.driver.management.inject_nmi(task)
    assert server.requests[-1].endswith("/Actions/ComputerSystem.Reset")


def test_a_bmc_without_an_nmi(server: Bmc) -> None:
    reset = {"target": "/reset", "ResetType@Redfish.AllowableValues": ["On", "ForceOff"]}
    actions = {"Id": "1", "Actions": {"#ComputerSystem.Reset": reset}}
    server.answers("200 OK", json.dumps(actions).encode())
    task = server.task(redfish_system_id="/redfish/v1/Systems/1")
    with pytest.raises(InvalidDriverInfo, match="offers no NMI"):
        task.driver.management.inject_nmi(task)
    assert "POST /reset" not in server.requests


@pytest.mark.parametrize("component", ["system", "chassis"])
@pytest.mark.parametrize("state", ["on", "off", "blinking"])
def test_an_led_is_set_and_read(server: Bmc, component: str, state: str) -> None:
    task = server.task()
    management = task.driver.management
    (name,) = management.indicators(task)[component]
    management.set_indicator(task, component, name, state)
    assert management.get_indicator(task, component, name) == state


@pytest.mark.parametrize("component", ["system", "moon"])
def test_an_led_that_does_not_exist(server: Bmc, component: str) -> None:
    task = server.task()
    with pytest.raises(InvalidDriverInfo, match=f"has no indicator moon@{component}"):
        task.driver.management.get_indicator(task, component, "moon")


def test_secure_boot(server: Bmc) -> None:
    task = server.task()
    for on in (True, False):
        task.driver.management.set_secure_boot(task, on)
        with system(task) as found:
            assert found.secure_boot.enabled is on


def test_a_server_with_nothing_of_this(server: Bmc) -> None:
    server.answers("200 OK", b'{"Id": "1"}')
    task = server.task(redfish_system_id="/redfish/v1/Systems/1")
    with pytest.raises(InvalidDriverInfo, match="offers no Secure Boot"):
        task.driver.management.set_secure_boot(task, on=True)
    assert not any(task.driver.management.indicators(task).values())
