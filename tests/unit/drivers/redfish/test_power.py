"""The power interface against the emulator."""

import pytest

from stbernard.drivers.base import PowerInterface
from stbernard.drivers.redfish.power import RedfishPower
from stbernard.errors import BMCError, InvalidDriverInfo
from stbernard.nodes import Power
from tests.unit.drivers.redfish.conftest import SYSTEM, Bmc

RESET = f"POST /redfish/v1/Systems/{SYSTEM}/Actions/ComputerSystem.Reset"
SYSTEM_PATH = f"GET /redfish/v1/Systems/{SYSTEM}"

_IS_ONE: type[PowerInterface] = RedfishPower


def test_power_on_and_off(server: Bmc) -> None:
    task = server.task()
    power = task.driver.power
    power.validate(task)
    assert power.get_power_state(task) == Power.OFF
    power.set_power_state(task, Power.ON)
    assert power.get_power_state(task) == Power.ON
    power.set_power_state(task, Power.SOFT_OFF)
    assert power.get_power_state(task) == Power.OFF


@pytest.mark.parametrize("target", [Power.REBOOT, Power.SOFT_REBOOT])
def test_a_reboot_ends_on(server: Bmc, target: Power) -> None:
    task = server.task()
    task.driver.power.set_power_state(task, Power.ON)
    task.driver.power.set_power_state(task, target)
    assert server.requests.count(RESET) == 2
    assert task.driver.power.get_power_state(task) == Power.ON


def test_what_is_so_already_is_not_asked_for(server: Bmc) -> None:
    task = server.task()
    task.driver.power.set_power_state(task, Power.OFF)
    assert RESET not in server.requests


@pytest.mark.parametrize(
    ("redfish", "ours"),
    [
        ("PoweringOn", Power.ON),
        ("PoweringOff", Power.ON),
        ("Paused", Power.ON),
        ("Off", Power.OFF),
        (None, Power.ERROR),
    ],
)
def test_states_in_between(server: Bmc, redfish: str | None, ours: Power) -> None:
    state = f'"PowerState": "{redfish}",' if redfish else ""
    server.answers("200 OK", f'{{{state} "Id": "1"}}'.encode(), to=SYSTEM_PATH)
    task = server.task(redfish_system_id=f"/redfish/v1/Systems/{SYSTEM}")
    assert task.driver.power.get_power_state(task) == ours


def test_a_server_that_is_going_off_is_neither_on_nor_off(server: Bmc) -> None:
    server.answers(
        "200 OK",
        b'{"PowerState": "PoweringOff", "Id": "1", "Actions": {"#ComputerSystem.Reset": '
        b'{"target": "/reset", "ResetType@Redfish.AllowableValues": ["ForceOff", "ForceOn"]}}}',
    )
    task = server.task(redfish_system_id="/redfish/v1/Systems/1")
    task.driver.power.set_power_state(task, Power.ON)
    assert "POST /reset" in server.requests, "it would be off in a moment"
    task.driver.power.set_power_state(task, Power.OFF)
    assert server.requests.count("POST /reset") == 2
    with pytest.raises(BMCError, match=r"cannot do 'soft power off'.*\['ForceOff', 'ForceOn'\]"):
        task.driver.power.set_power_state(task, Power.SOFT_OFF)


def test_a_node_without_an_address_is_refused(server: Bmc) -> None:
    task = server.task(redfish_address="")
    with pytest.raises(InvalidDriverInfo, match=r"Missing the following Redfish .*_address"):
        task.driver.power.validate(task)
    with pytest.raises(InvalidDriverInfo):
        task.driver.power.get_power_state(task)
