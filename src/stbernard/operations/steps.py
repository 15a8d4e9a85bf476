"""Steps that more than one operation is made of. Each may be called again at any time."""

from stbernard.drivers.base import Task
from stbernard.nodes import Agent, BootDevice, Power
from stbernard.operations.outcome import Next, Outcome, Retry

POLL = 0.5  # seconds between two looks at the power state
ASK_AGAIN = 20  # polls after which a BMC that did nothing is asked once more


def power_off(task: Task) -> Outcome:
    return _power(task, Power.OFF)


def power_on(task: Task) -> Outcome:
    return _power(task, Power.ON)


def power_as_it_was(task: Task) -> Outcome:
    before = task.node.before_rescue
    return _power(task, Power.OFF if before and before.power_state == Power.OFF else Power.ON)


def _power(task: Task, target: Power) -> Outcome:
    state = task.driver.power.get_power_state(task)
    if state == target:
        return Next(power_state=target, target_power_state=None)
    if task.node.attempt % ASK_AGAIN == 0:
        task.driver.power.set_power_state(task, target)
        if task.driver.power.get_power_state(task) == target:
            return Next(power_state=target, target_power_state=None)
    return Retry(
        POLL,
        f"The BMC accepted '{target}' but still reports '{state}'. "
        "Check the server's power supply and the BMC's event log.",
    )


def boot_instance_next(task: Task) -> Outcome:
    """Offer no ramdisk any more, and boot from where the server booted before the rescue."""
    task.driver.boot.clean_up_ramdisk(task)
    before = task.node.before_rescue
    if before:
        task.driver.management.set_boot_device(
            task, BootDevice(before.boot_device, before.persistent)
        )
        if before.boot_mode and before.boot_mode != task.driver.management.get_boot_mode(task):
            task.driver.management.set_boot_mode(task, before.boot_mode)
    return Next()


def leave_tenant_networks(task: Task) -> Outcome:
    task.driver.network.leave_tenant_networks(task)
    return Next()


def join_tenant_networks(task: Task) -> Outcome:
    task.driver.network.join_tenant_networks(task)
    return Next()


def join_rescuing_network(task: Task) -> Outcome:
    task.driver.network.join_rescuing_network(task)
    return Next()


def leave_rescuing_network(task: Task) -> Outcome:
    task.driver.network.leave_rescuing_network(task)
    return Next()


def forget_the_rescue(task: Task) -> Outcome:
    """Keep nothing of the rescue; how it was stays known while something is not restored."""
    before = task.node.before_rescue if task.node.not_restored else None
    return Next(agent=Agent(), login=None, before_rescue=before)
