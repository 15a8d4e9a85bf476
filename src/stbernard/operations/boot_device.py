"""Set the boot device by request."""

import msgspec

from stbernard.drivers.base import Task
from stbernard.nodes import BootDevice
from stbernard.operations.operation import Operation, Step
from stbernard.operations.outcome import Next, Outcome


def set_boot_device(task: Task) -> Outcome:
    device = msgspec.convert(task.node.arguments, BootDevice)
    task.driver.management.set_boot_device(task, device)
    return Next()


BOOT_DEVICE = Operation("set boot device", (Step(set_boot_device),))
