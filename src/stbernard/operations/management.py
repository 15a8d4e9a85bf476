"""Boot mode and virtual media by request."""

from stbernard.drivers.base import Task, VirtualMediaInterface
from stbernard.errors import InvalidDriverInfo
from stbernard.operations.operation import Operation, Step
from stbernard.operations.outcome import Next, Outcome


def set_boot_mode(task: Task) -> Outcome:
    mode = task.node.arguments["boot_mode"]
    task.driver.management.set_boot_mode(task, mode)
    return Next(boot_mode=mode)


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


BOOT_MODE = Operation("set boot mode", (Step(set_boot_mode),))
ATTACH_MEDIA = Operation("attach virtual media", (Step(attach_virtual_media),))
DETACH_MEDIA = Operation("detach virtual media", (Step(detach_virtual_media),))
