"""The interfaces of kinds that do nothing here: Ironic's `no-*` and `noop`."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NoReturn

from stbernard.drivers.base import Seen, Task
from stbernard.errors import InvalidDriverInfo
from stbernard.nodes import Login
from stbernard.settings import Settings

_IMAGES = ("image_source", "boot_iso")  # what of instance_info asks for an image
_INSTALLED = "preinstalled_image"


class Noop:
    """An interface without methods that suits every node."""

    def __init__(self, settings: Settings) -> None:
        pass

    def properties(self) -> Mapping[str, str]:
        return {}

    def validate(self, task: Task) -> None:
        pass


class _NotSupported(Noop):
    """An interface that says the node cannot do this."""

    kind: ClassVar[str]

    def validate(self, task: Task) -> None:
        self._refuse(task)

    def _refuse(self, task: Task) -> NoReturn:
        raise InvalidDriverInfo(
            f"Driver {task.node.driver} does not support {self.kind} "
            f"(disabled or not implemented): the {self.kind}_interface of node {task.node.uuid} "
            f"is '{task.node.interface(self.kind)}'."
        )


class NoBIOS(_NotSupported):
    kind = "bios"


class NoConsole(_NotSupported):
    kind = "console"


class NoFirmware(_NotSupported):
    kind = "firmware"


class NoInspect(_NotSupported):
    kind = "inspect"

    def inspect_hardware(self, task: Task) -> None:
        self._refuse(task)


class NoRAID(_NotSupported):
    kind = "raid"


class NoVendor(_NotSupported):
    kind = "vendor"


class NoDeploy(Noop):
    """The deploy interface `noop`: an instance is what the server's disks hold already.

    Compute names an image with each instance: it has to be the one that the operator says the
    disks hold."""

    def properties(self) -> Mapping[str, str]:
        return {
            _INSTALLED: "UUID of the image that the disks hold already: the one that instances may "
            "name with the deploy interface 'noop'."
        }

    def validate(self, task: Task) -> None:
        node = task.node
        image = next((key for key in _IMAGES if node.instance_info.get(key)), None)
        if image and node.instance_info[image] != node.driver_info.get(_INSTALLED):
            raise InvalidDriverInfo(
                f"The deploy interface 'noop' of node {node.uuid} writes no image: it boots "
                "what is on the disks. Deployment of images is not offered for the hardware type "
                f"'{node.driver}'; remove instance_info/{image} to boot from the disks, or say "
                f"that the disks hold it: driver_info/{_INSTALLED} = {node.instance_info[image]}."
            )

    def tear_down(self, task: Task) -> None:
        pass


class NoImages(NoDeploy):
    """`direct` and `ramdisk`: nodes that come from Ironic have them, and can be rescued."""

    def validate(self, task: Task) -> None:
        raise InvalidDriverInfo(
            f"The deploy interface '{task.node.deploy_interface}' of node {task.node.uuid} cannot "
            "be used: deployment of images is not offered. To boot what is on the disks: "
            "openstack baremetal node set --deploy-interface noop NODE"
        )


class NoRescue(_NotSupported):
    """The rescue interface of a node that must not be rescued."""

    kind = "rescue"
    needs_ramdisk = False

    def meet(self, task: Task) -> Login:
        self._refuse(task)

    def open_login(self, task: Task, password_hash: str) -> None:
        self._refuse(task)

    def prove_login(self, task: Task) -> NoReturn:
        self._refuse(task)

    def look(self, logins: Sequence[Login]) -> Sequence[Mapping[str, Seen]]:
        return [{} for _ in logins]
