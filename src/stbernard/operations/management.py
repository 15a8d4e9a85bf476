"""What is asked of a server's management: boot device and mode, Secure Boot, NMI, LEDs, media."""

import msgspec

from stbernard.drivers.base import Task, VirtualMediaInterface
from stbernard.errors import HardwareError, InvalidDriverInfo
from stbernard.nodes import BootDevice
from stbernard.operations.operation import Operation, Step
from stbernard.operations.outcome import Failed, Next, Outcome


def set_boot_device(task: Task) -> Outcome:
    device = msgspec.convert(task.node.arguments, BootDevice)
    task.driver.management.set_boot_device(task, device)
    return Next()


def set_boot_mode(task: Task) -> Outcome:
    mode = task.node.arguments["boot_mode"]
    task.driver.management.set_boot_mode(task, mode)
    return Next(boot_mode=mode)


def set_secure_boot(task: Task) -> Outcome:
    on = task.node.arguments["secure_boot"]
    task.driver.management.set_secure_boot(task, on)
    return Next(secure_boot=on)


def inject_nmi(task: Task) -> Outcome:
    """Tried once: another NMI could disturb the dump that the first has begun."""
    try:
        task.driver.management.inject_nmi(task)
    except HardwareError as error:
        return Failed(str(error))
    return Next()


def set_indicator(task: Task) -> Outcome:
    task.driver.management.set_indicator(task, **task.node.arguments)
    return Next()


def attach_virtual_media(task: Task) -> Outcome:
    wanted = task.node.arguments
    _virtual_media(task).attach_virtual_media(task, wanted["device_type"], wanted["image_url"])
    return Next()


def detach_virtual_media(task: Task) -> Outcome:
    _virtual_media(task).detach_virtual_media(task, tuple(task.node.arguments["device_types"]))
    return Next()


def check_virtual_media(task: Task) -> None:
    """Raises InvalidDriverInfo if the node's management interface has none."""
    _virtual_media(task)


def _virtual_media(task: Task) -> VirtualMediaInterface:
    management = task.driver.management
    if not isinstance(management, VirtualMediaInterface):
        raise InvalidDriverInfo(
            f"Driver {task.node.driver} does not support attach_virtual_media (disabled or not "
            f"implemented): the management_interface of node {task.node.uuid} is "
            f"'{task.node.management_interface}'."
        )
    return management


MANAGEMENT = (
    Operation("set boot device", (Step(set_boot_device),)),
    Operation("set boot mode", (Step(set_boot_mode),)),
    Operation("set secure boot", (Step(set_secure_boot),)),
    Operation("inject nmi", (Step(inject_nmi),)),
    Operation("set indicator", (Step(set_indicator),)),
    Operation("attach virtual media", (Step(attach_virtual_media),)),
    Operation("detach virtual media", (Step(detach_virtual_media),)),
)
