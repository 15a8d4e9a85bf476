"""manage and adopt: is the server what the node says it is?"""

from stbernard.drivers.base import Task
from stbernard.nodes import Power
from stbernard.operations.operation import Operation, Step
from stbernard.operations.outcome import Failed, Next, Outcome


def verify_power(task: Task) -> Outcome:
    """The BMC is reachable, takes our credentials and knows the power state."""
    task.driver.power.validate(task)
    task.driver.management.validate(task)
    state = task.driver.power.get_power_state(task)
    if state == Power.ERROR:
        return Failed("The BMC reports a power error. Check the server's power supply.")
    return Next(
        power_state=state,
        boot_mode=task.driver.management.get_boot_mode(task),
        secure_boot=task.driver.management.get_secure_boot(task),
    )


def verify_interfaces(task: Task) -> Outcome:
    """Everything a server with an instance needs is configured."""
    task.driver.boot.validate(task)
    task.driver.network.validate(task)
    return Next()


MANAGE = Operation(name="manage", steps=(Step(verify_power),))
ADOPT = Operation(name="adopt", steps=(Step(verify_power), Step(verify_interfaces)))
