"""Steps that more than one operation is made of. Each may be called again at any time."""

from stbernard.drivers.base import InternalInfo, Task
from stbernard.errors import HardwareError
from stbernard.nodes import Agent, BootDevice, Power
from stbernard.operations.outcome import Next, Outcome, Retry

POLL = 0.5  # seconds between two looks at the power state
ASK_AGAIN = 20  # polls after which a BMC that did nothing is asked once more


def look_at_power(task: Task) -> Outcome:
    return Next(power_state=task.driver.power.get_power_state(task))


def power_at_the_end(task: Task) -> Outcome:
    """The last undo."""
    return Next(power_state=_power_at_the_end(task))


def _power_at_the_end(task: Task) -> str | None:
    """Where something is not restored, what the BMC says, or None, not known: the node goes into
    maintenance, and there no power sync looks at it."""
    if not task.node.not_restored:
        return task.node.power_state
    try:
        return task.driver.power.get_power_state(task)
    except HardwareError:
        return None


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
    """Offer no ramdisk any more, and boot from where the server booted before the rescue.

    A medium that stays in its drive must not keep the boot device from being put back."""
    try:
        task.driver.boot.clean_up_ramdisk(task)
    finally:
        _boot_as_before(task)
    return Next()


def _boot_as_before(task: Task) -> None:
    before, management = task.node.before_rescue, task.driver.management
    if before:
        management.set_boot_device(task, BootDevice(before.boot_device, before.persistent))
        if before.boot_mode and before.boot_mode != management.get_boot_mode(task):
            management.set_boot_mode(task, before.boot_mode)


def leave_tenant_networks(task: Task) -> Outcome:
    task.driver.network.leave_tenant_networks(task)
    return Next()


def join_tenant_networks(task: Task) -> Outcome:
    task.driver.network.join_tenant_networks(task)
    return Next()


def join_rescuing_network(task: Task) -> Outcome:
    return _noting(task.driver.network.join_rescuing_network(task))


def leave_rescuing_network(task: Task) -> Outcome:
    return _noting(task.driver.network.leave_rescuing_network(task))


def _noting(info: InternalInfo) -> Next:
    return Next(internal_info=info) if info else Next()


def forget_the_rescue(task: Task) -> Outcome:
    """Keep nothing of the rescue; how it was stays known while something is not restored."""
    before = task.node.before_rescue if task.node.not_restored else None
    power = _power_at_the_end(task)
    return Next(agent=Agent(), login=None, before_rescue=before, power_state=power)
