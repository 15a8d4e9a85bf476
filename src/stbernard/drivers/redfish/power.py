"""The power interface `redfish` (ComputerSystem.Reset, DSP0268)."""

from collections.abc import Mapping

from sushy import PowerState, ResetType
from sushy.exceptions import AccessError, HTTPError
from sushy.resources.system.system import System

from stbernard.drivers.base import Task
from stbernard.drivers.redfish import driver_info
from stbernard.drivers.redfish.bmc import REFUSED, system
from stbernard.errors import BMCError
from stbernard.nodes import Power
from stbernard.settings import Settings

# A server that is switching off still runs; one that is switching on is as good as on.
_STATES = {
    PowerState.ON: Power.ON,
    PowerState.POWERING_ON: Power.ON,
    PowerState.POWERING_OFF: Power.ON,
    PowerState.PAUSED: Power.ON,
    PowerState.OFF: Power.OFF,
}
_RESETS = {  # the first one that the BMC offers
    Power.ON: (ResetType.ON, ResetType.FORCE_ON),
    Power.OFF: (ResetType.FORCE_OFF,),
    Power.REBOOT: (ResetType.FORCE_RESTART, ResetType.POWER_CYCLE),
    Power.SOFT_OFF: (ResetType.GRACEFUL_SHUTDOWN,),
    Power.SOFT_REBOOT: (ResetType.GRACEFUL_RESTART,),
}


class RedfishPower:
    def __init__(self, settings: Settings) -> None:
        pass

    def properties(self) -> Mapping[str, str]:
        return driver_info.PROPERTIES

    def validate(self, task: Task) -> None:
        driver_info.read(task.node, task.settings)

    def get_power_state(self, task: Task) -> Power:
        with system(task) as server:
            return _STATES.get(server.power_state, Power.ERROR)

    def set_power_state(self, task: Task, target: Power) -> None:
        with system(task) as server:
            if _STATES.get(server.power_state) is target and not _is_leaving(server):
                return  # many BMCs refuse to be asked for what is so already
            allowed = server.get_allowed_reset_system_values()
            reset = next((one for one in _RESETS[target] if one in allowed), None)
            if reset is None:
                raise BMCError(
                    f"The BMC of node {task.node.uuid} cannot do '{target}': "
                    f"it offers {sorted(one.value for one in allowed)}."
                )
            try:
                server.reset_system(reset)
            except HTTPError as error:
                # One that takes a minute to switch off may refuse to be told so again.
                refused = error.status_code in REFUSED and not isinstance(error, AccessError)
                if not (refused and target == Power.OFF and _is_leaving(server)):
                    raise


def _is_leaving(server: System) -> bool:
    return bool(server.power_state is PowerState.POWERING_OFF)
