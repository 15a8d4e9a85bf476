"""The unrescue: the server leaves the ramdisk and boots its instance again."""

from msgspec import structs

from stbernard.drivers.base import Task
from stbernard.nodes import Agent
from stbernard.operations.operation import Operation, Step, with_any_driver, without_networks
from stbernard.operations.outcome import Next, Outcome
from stbernard.operations.steps import (
    boot_instance_next,
    join_tenant_networks,
    leave_rescuing_network,
    look_at_power,
    power_at_the_end,
    power_off,
    power_on,
)


def look_for_the_instance(task: Task) -> Outcome:
    """Forget the rescue, but for the addresses: `instance_back.py` looks who answers there."""
    login = task.node.login
    if login and login.addresses:
        return Next(
            agent=Agent(), before_rescue=None, login=structs.replace(login, silent_since=None)
        )
    return Next(agent=Agent(), before_rescue=None, login=None)


UNRESCUE = Operation(
    name="unrescue",
    fault="rescue abort failure",
    steps=(
        Step(look_at_power, undo=power_at_the_end),
        Step(power_off, undo=power_on),
        Step(boot_instance_next),
        Step(leave_rescuing_network, at_once=without_networks),
        Step(join_tenant_networks, at_once=without_networks),
        Step(power_on),
        Step(look_for_the_instance, at_once=with_any_driver),
    ),
)
