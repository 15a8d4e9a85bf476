"""DMTF's public mockup of a rack server, as sushy carries it: a BMC with much more in it than the
emulator has. Its answers are fixed; what it is asked to change is noted."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sushy

from stbernard.nodes import BootDevice, Power
from tests.unit.drivers.redfish.conftest import Bmc

SAMPLES = Path(sushy.__file__).parent / "tests/unit/json_samples"
NAMES = (
    *("root", "session_service", "system_collection", "system", "secure_boot", "chassis"),
    *("chassis_collection", "storage_collection", "storage", "drive", "drive2", "drive3"),
)
SYSTEM = "/redfish/v1/Systems/437XR1138R2"


class Mockup:
    def __init__(self) -> None:
        samples = (json.loads((SAMPLES / f"{name}.json").read_text()) for name in NAMES)
        self.resources: dict[str, Any] = {each["@odata.id"].rstrip("/"): each for each in samples}
        self.changes: list[tuple[str, str, Any]] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        headers = [("Content-Type", "application/json")]
        if path == "/redfish/v1/SessionService/Sessions":
            location = ("Location", f"{path}/1")
            start("201 Created", [*headers, ("X-Auth-Token", "token"), location])
            return [b"{}"]
        if method == "GET":
            found = self.resources.get(path.rstrip("/"))
            start("200 OK" if found else "404 Not Found", headers)
            return [json.dumps(found or {}).encode()]
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.changes.append((method, path, json.loads(body)))
        start("204 No Content", [])
        return []


@pytest.fixture
def mockup() -> Mockup:
    return Mockup()


@pytest.fixture
def contoso(mockup: Mockup) -> Iterator[Bmc]:
    bmc = Bmc(mockup)
    yield bmc
    bmc.stop()


def test_what_it_says(contoso: Bmc) -> None:
    task = contoso.task()
    driver = task.driver
    assert driver.power.get_power_state(task) == Power.ON
    assert driver.management.get_boot_device(task) == BootDevice("pxe", False)
    assert driver.management.get_boot_mode(task) == "uefi"
    indicators = driver.management.indicators(task)
    assert list(indicators["system"]) == ["38947555-7742-3448-3784-823347823834"]


@pytest.mark.parametrize(
    ("target", "reset"),
    [
        (Power.OFF, "ForceOff"),
        (Power.REBOOT, "ForceRestart"),
        (Power.SOFT_OFF, "GracefulShutdown"),
        (Power.SOFT_REBOOT, "GracefulRestart"),
    ],
)
def test_power(contoso: Bmc, mockup: Mockup, target: Power, reset: str) -> None:
    task = contoso.task()
    task.driver.power.set_power_state(task, target)
    action = f"{SYSTEM}/Actions/ComputerSystem.Reset"
    assert mockup.changes == [("POST", action, {"ResetType": reset})]


@pytest.mark.parametrize(
    ("device", "boot"),
    [
        (
            BootDevice("pxe", False),
            {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"},
        ),
        (
            BootDevice("disk", True),
            {"BootSourceOverrideTarget": "Hdd", "BootSourceOverrideEnabled": "Continuous"},
        ),
        (BootDevice(None, None), {"BootSourceOverrideEnabled": "Disabled"}),
    ],
)
def test_boot_device(
    contoso: Bmc, mockup: Mockup, device: BootDevice, boot: dict[str, str]
) -> None:
    task = contoso.task()
    task.driver.management.set_boot_device(task, device)
    ((method, _, body),) = mockup.changes
    assert method == "PATCH"
    assert body["Boot"] | boot == body["Boot"]


def test_secure_boot(contoso: Bmc, mockup: Mockup) -> None:
    task = contoso.task()
    task.driver.management.set_secure_boot(task, True)
    assert mockup.changes == [("PATCH", f"{SYSTEM}/SecureBoot", {"SecureBootEnable": True})]
