"""Power on, off and reboot by request, hard or soft."""

from stbernard.drivers.base import Task
from stbernard.nodes import Power
from stbernard.operations.compute import tell_compute
from stbernard.operations.operation import Operation, Step
from stbernard.operations.outcome import Next, Outcome, Retry
from stbernard.operations.steps import POLL, power_off, power_on
from stbernard.settings import Settings


def soft_timeout(settings: Settings) -> int:
    return settings.conductor.soft_power_off_timeout


def shut_down(task: Task) -> Outcome:
    """Ask the operating system, and give it the time it needs."""
    state = task.driver.power.get_power_state(task)
    if state == Power.OFF:
        return Next(power_state=Power.OFF, target_power_state=None)
    if task.node.attempt == 0:
        task.driver.power.set_power_state(task, Power.SOFT_OFF)
    return Retry(
        POLL,
        "The operating system did not shut down. Ask for 'power off' to switch it off hard.",
    )


POWER = {
    operation.name: operation
    for operation in (
        Operation("power on", (Step(power_on), Step(tell_compute))),
        Operation("power off", (Step(power_off), Step(tell_compute))),
        Operation("rebooting", (Step(power_off), Step(power_on))),
        Operation("soft power off", (Step(shut_down, within=soft_timeout), Step(tell_compute))),
        Operation("soft rebooting", (Step(shut_down, within=soft_timeout), Step(power_on))),
    )
}
"""The operation for each target of `PUT …/states/power`."""
