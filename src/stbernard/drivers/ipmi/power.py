"""The power interface `ipmitool` (Chassis Control, IPMI 2.0, 28.3)."""

from collections.abc import Mapping
from contextlib import suppress

from stbernard.drivers.base import Task
from stbernard.drivers.ipmi import ipmitool
from stbernard.drivers.ipmi.driver_info import PROPERTIES
from stbernard.errors import InvalidDriverInfo
from stbernard.nodes import Power
from stbernard.settings import Settings

_CONTROLS = {
    Power.ON: "on",
    Power.OFF: "off",
    Power.REBOOT: "reset",
    Power.SOFT_OFF: "soft",
}


class IpmitoolPower:
    def __init__(self, settings: Settings) -> None:
        pass

    def properties(self) -> Mapping[str, str]:
        return PROPERTIES

    def validate(self, task: Task) -> None:
        ipmitool.check(task)

    def get_power_state(self, task: Task) -> Power:
        said = ipmitool.call(task, "power", "status").lower()
        if "power is on" in said:
            return Power.ON
        return Power.OFF if "power is off" in said else Power.ERROR

    def set_power_state(self, task: Task, target: Power) -> None:
        if target not in _CONTROLS:
            raise InvalidDriverInfo(
                f"IPMI cannot do '{target}' (node {task.node.uuid}): it can {list(_CONTROLS)}."
            )
        # Many BMCs refuse to be asked for what is so already; the caller looks whether it is.
        with suppress(ipmitool.NotNow):
            ipmitool.call(task, "power", _CONTROLS[target])
