"""What the boot interfaces over the network have in common.

Below http_root, or tftp_root for a loader that loads over TFTP, lies `<node uuid>/` with
rescue_kernel, rescue_ramdisk (hard links into the image cache) and script; the script has one more
name for each network card that boots, where the loader of the interface looks for it.
"""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from stbernard.drivers import ramdisk, secure_boot
from stbernard.drivers.base import BootOption, Task
from stbernard.drivers.capabilities import wanted_boot_mode
from stbernard.drivers.dhcp import provider
from stbernard.drivers.netboot.loaders import check_loader
from stbernard.errors import HardwareError, ImageError, InvalidDriverInfo
from stbernard.files import link_or_copy, write_atomically
from stbernard.nodes import BootDevice, Port, ports_for_boot
from stbernard.settings import Settings

PROPERTIES = {
    **ramdisk.PROPERTIES,
    "kernel_append_params": "Kernel arguments instead of [pxe]kernel_append_params; "
    "%default% stands for those.",
}

BOOT_FILE, TFTP_SERVER, NEXT_SERVER = 67, 66, 255  # DHCP options
TFTP_SERVER_ADDRESS = 150


class NetworkBoot(ABC):
    """A subclass says by which loader a server starts, and how its script is written."""

    over_http: ClassVar[bool] = False
    """Whether the firmware itself fetches the loader over HTTP, as only UEFI does."""

    signed: ClassVar[bool] = False
    """Whether Secure Boot takes the loader."""

    loads_over_http: ClassVar[bool] = True
    """Whether the loader fetches kernel and ramdisk over HTTP."""

    def __init__(self, settings: Settings) -> None:
        self._dhcp = provider(settings)

    @abstractmethod
    def loader(self, task: Task, mode: str) -> str:
        """The name of the boot file for the firmware in this boot mode."""

    @abstractmethod
    def script(self, task: Task, arguments: str) -> str:
        """What the loader is told: kernel and ramdisk lie in the folder named after the node."""

    @abstractmethod
    def scripts(self, settings: Settings) -> Path:
        """The folder in which the loader looks for it."""

    @abstractmethod
    def script_name(self, port: Port) -> str:
        """The name it looks for, booted from this network card."""

    def options(self, settings: Settings, loader: str) -> Sequence[BootOption]:
        """What DHCP has to say, so that the server loads it."""
        if self.over_http:
            return (BootOption(BOOT_FILE, f"{settings.http_url}/{loader}", "firmware"),)
        server = settings.tftp_server
        return (
            BootOption(BOOT_FILE, loader, "firmware"),
            BootOption(TFTP_SERVER, server),
            BootOption(TFTP_SERVER_ADDRESS, server),
            BootOption(NEXT_SERVER, server),
        )

    def properties(self) -> Mapping[str, str]:
        return PROPERTIES

    def validate(self, task: Task) -> None:
        node = task.node
        if not task.ports:
            raise InvalidDriverInfo(f"Node {node.uuid} does not have any port associated with it")
        if not ports_for_boot(task.ports):
            raise InvalidDriverInfo(
                f"Node {node.uuid} does not have any port with pxe_enabled: "
                "set it on the port that boots from the network."
            )
        ramdisk.check_hrefs(task, ramdisk.hrefs(task))
        ramdisk.kernel_arguments(node, task.settings.pxe.kernel_append_params, {})

    def check_ramdisk(self, task: Task) -> None:
        self.validate(task)
        mode = self._boot_mode(task)
        if self._dhcp.tells:
            settings = task.settings
            root = settings.http_root if self.over_http else settings.tftp_root
            check_loader(task, root, self.loader(task, mode))
        kernel = ramdisk.fetch(task, ramdisk.hrefs(task))["rescue_kernel"]
        if mode == "uefi" and secure_boot.is_on(task):
            self._check_signed(task)
            secure_boot.check_kernel(task, kernel)

    def probe_ramdisk(self, task: Task) -> None:
        hrefs = ramdisk.hrefs(task)
        ramdisk.probe_all(task, hrefs)
        if secure_boot.is_expected(task.node):
            self._check_signed(task)
            secure_boot.probe_kernel(task, hrefs["rescue_kernel"])

    def carries_token(self, task: Task) -> bool:
        return False

    def medium(self, task: Task) -> None:
        return None

    def prepare_ramdisk(self, task: Task, params: Mapping[str, str]) -> BootDevice:
        node, settings = task.node, task.settings
        arguments = ramdisk.kernel_arguments(node, settings.pxe.kernel_append_params, params)
        images = ramdisk.fetched(task, ramdisk.hrefs(task))
        options: Sequence[BootOption] = ()
        if self._dhcp.tells:
            options = self.options(settings, self.loader(task, self._boot_mode(task)))
        self.clean_up_ramdisk(task)  # of an earlier try, perhaps with other ports
        folder, scripts = self._folder(task), self.scripts(settings)
        try:
            folder.mkdir(parents=True)
            for name, image in images.items():
                link_or_copy(image, folder / name)
            write_atomically(folder / "script", self.script(task, arguments).encode())
            scripts.mkdir(parents=True, exist_ok=True)
            for port in ports_for_boot(task.ports):
                link_or_copy(folder / "script", scripts / self.script_name(port))
        except OSError as error:
            raise ImageError(
                f"The rescue ramdisk of node {node.uuid} cannot be offered below "
                f"{error.filename or settings.http_root}: {error.strerror}. "
                "Check its space and rights."
            ) from error
        self._dhcp.send(task, options)
        return BootDevice("uefihttp" if self.over_http else "pxe", ramdisk.always(node))

    def clean_up_ramdisk(self, task: Task) -> None:
        folder, scripts = self._folder(task), self.scripts(task.settings)
        self._dhcp.forget(task)
        try:
            for port in task.ports:
                (scripts / self.script_name(port)).unlink(missing_ok=True)
            if (folder / "script").exists():
                _remove_links(scripts, (folder / "script").stat().st_ino)
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise HardwareError(
                f"The boot files of node {task.node.uuid} cannot be removed from "
                f"{error.filename}: {error.strerror}. Check its rights."
            ) from error

    def _folder(self, task: Task) -> Path:
        settings = task.settings
        root = settings.http_root if self.loads_over_http else settings.tftp_root
        return root / task.node.uuid

    def _check_signed(self, task: Task) -> None:
        """Raise InvalidDriverInfo if the firmware would refuse the loader that it is told."""
        if self._dhcp.tells and not self.signed:
            raise InvalidDriverInfo(
                f"Node {task.node.uuid} has Secure Boot on, and {self.loader(task, 'uefi')} is "
                "not signed: the server would refuse it. Set another boot interface (pxe, "
                "redfish-virtual-media), or switch Secure Boot off: openstack baremetal node "
                "secure boot off NODE"
            )

    def _boot_mode(self, task: Task) -> str:
        """`bios` or `uefi`. Raises InvalidDriverInfo where the loader would be the wrong one."""
        node = task.node
        wanted, found = wanted_boot_mode(node), task.driver.management.get_boot_mode(task)
        if wanted and found and wanted != found:
            raise InvalidDriverInfo(
                f"Node {node.uuid} has boot_mode:{wanted} in its capabilities, but its BMC says "
                f"{found}: it would get a boot file it cannot start. Correct the capabilities, or "
                f"the server's boot mode (openstack baremetal node boot mode set NODE {wanted})."
            )
        mode = wanted or found or task.settings.deploy.default_boot_mode
        if self.over_http and mode != "uefi":
            raise InvalidDriverInfo(
                f"Node {node.uuid} is in boot mode {mode}, and HTTP boot is UEFI's. Set another "
                "boot interface: openstack baremetal node set --boot-interface ipxe NODE"
            )
        return mode


def by_arch(task: Task, names: Mapping[str, str], otherwise: str) -> str:
    """The name for the node's processor, if there is one of its own."""
    return names.get(str(task.node.properties.get("cpu_arch")), otherwise)


def _remove_links(folder: Path, inode: int) -> None:
    """Remove every name of this file: ports may have gone, or got other addresses."""
    if folder.exists():
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.inode() == inode:
                    Path(entry.path).unlink(missing_ok=True)
