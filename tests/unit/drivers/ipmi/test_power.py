"""The power interface, against ipmi_sim."""

import pytest

from stbernard.drivers.base import PowerInterface
from stbernard.drivers.ipmi.power import IpmitoolPower
from stbernard.errors import InvalidDriverInfo
from stbernard.nodes import Power
from tests.unit.drivers.ipmi.conftest import Simulator

_IS_ONE: type[PowerInterface] = IpmitoolPower


def test_on_and_off(simulator: Simulator) -> None:
    task = simulator.task()
    power = task.driver.power
    assert power.get_power_state(task) == Power.OFF
    power.set_power_state(task, Power.ON)
    assert power.get_power_state(task) == Power.ON
    power.set_power_state(task, Power.OFF)
    assert power.get_power_state(task) == Power.OFF


@pytest.mark.parametrize(
    ("target", "done"), [(Power.REBOOT, "reset 1"), (Power.SOFT_OFF, "shutdown 1")]
)
def test_reset_and_shutdown(simulator: Simulator, target: Power, done: str) -> None:
    task = simulator.task()
    task.driver.power.set_power_state(task, target)
    assert simulator.done == [done]


def test_what_ipmi_has_not(simulator: Simulator) -> None:
    task = simulator.task()
    with pytest.raises(InvalidDriverInfo, match="cannot do 'soft rebooting'"):
        task.driver.power.set_power_state(task, Power.SOFT_REBOOT)
