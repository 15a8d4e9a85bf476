"""The boot interface `ipxe`: a rescue script for each network card, served over HTTP.

Below [deploy]http_root:
    boot.ipxe                where every machine starts (DHCP points there)
    pxelinux.cfg/<mac>       the script of a node, a hard link for each port; dashes, lower case
    <node uuid>/             script, rescue_kernel, rescue_ramdisk (hard links into the image cache)
"""

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stbernard.drivers.base import Task
from stbernard.drivers.netboot.script import BOOT_SCRIPT, kernel_arguments, rescue_script
from stbernard.errors import HardwareError, ImageError, InvalidDriverInfo, SettingsError
from stbernard.files import link_or_copy, write_atomically
from stbernard.images import ImageCache, check_href, probe
from stbernard.nodes import BootDevice, Port, ports_for_boot
from stbernard.settings import Settings

IMAGES = ("rescue_kernel", "rescue_ramdisk")

_PROPERTIES = {
    "rescue_kernel": "URL (file, http, https) of the kernel of the rescue ramdisk. "
    "Defaults to [conductor]rescue_kernel.",
    "rescue_ramdisk": "URL (file, http, https) of the rescue ramdisk. "
    "Defaults to [conductor]rescue_ramdisk.",
    "rescue_kernel_checksum": "SHA-256 or SHA-512 of the kernel in hexadecimal digits. Optional.",
    "rescue_ramdisk_checksum": "SHA-256 or SHA-512 of the ramdisk in hexadecimal digits. Optional.",
    "kernel_append_params": "Kernel arguments instead of [pxe]kernel_append_params; "
    "%default% stands for those.",
    "force_persistent_boot_device": "Always to set the boot device for every boot, "
    "Never or Default to set it once.",
}


def write_boot_script(settings: Settings) -> None:
    """Have the script there that DHCP points every machine at. Raises SettingsError."""
    try:
        settings.http_root.mkdir(parents=True, exist_ok=True)
        write_atomically(settings.http_root / "boot.ipxe", BOOT_SCRIPT.encode())
    except OSError as error:
        raise SettingsError(
            f"[deploy]http_root: {settings.http_root} cannot be written to: {error.strerror}. "
            "Give the service's user the right to, or name another folder."
        ) from error


class IPXEBoot:
    def __init__(self, settings: Settings) -> None:
        pass

    def properties(self) -> Mapping[str, str]:
        return _PROPERTIES

    def validate(self, task: Task) -> None:
        node = task.node
        if not task.ports:
            raise InvalidDriverInfo(f"Node {node.uuid} does not have any port associated with it")
        if not ports_for_boot(task.ports):
            raise InvalidDriverInfo(
                f"Node {node.uuid} does not have any port with pxe_enabled: "
                "set it on the port that boots from the network."
            )
        for href in _hrefs(task).values():
            try:
                check_href(href, task.settings)
            except ImageError as error:
                raise InvalidDriverInfo(f"Node {node.uuid}: {error}") from error
        kernel_arguments(node, task.settings.pxe.kernel_append_params, {})

    def check_ramdisk(self, task: Task) -> None:
        self.validate(task)
        for name, href in _hrefs(task).items():
            ImageCache(task.settings).get(href, task.node.driver_info.get(f"{name}_checksum"))

    def probe_ramdisk(self, task: Task) -> None:
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda href: probe(href, task.settings), _hrefs(task).values()))

    def prepare_ramdisk(self, task: Task, params: Mapping[str, str]) -> BootDevice:
        node, settings = task.node, task.settings
        arguments = kernel_arguments(node, settings.pxe.kernel_append_params, params)
        cache = ImageCache(settings)
        images = {name: cache.kept(href) for name, href in _hrefs(task).items()}
        self.clean_up_ramdisk(task)  # of an earlier try, perhaps with other ports
        write_boot_script(settings)
        folder = _folder(task)
        try:
            folder.mkdir()
            for name, image in images.items():
                link_or_copy(image, folder / name)
            script = rescue_script(node, f"{settings.http_url}/{node.uuid}", arguments)
            write_atomically(folder / "script", script.encode())
            _scripts(settings).mkdir(exist_ok=True)
            for port in ports_for_boot(task.ports):
                link_or_copy(folder / "script", _scripts(settings) / _file_name(port))
        except OSError as error:
            raise ImageError(
                f"The rescue ramdisk of node {node.uuid} cannot be offered below "
                f"{settings.http_root}: {error.strerror}. Check its space and rights."
            ) from error
        return BootDevice("pxe", _always(node.driver_info.get("force_persistent_boot_device")))

    def clean_up_ramdisk(self, task: Task) -> None:
        folder, scripts = _folder(task), _scripts(task.settings)
        try:
            for port in task.ports:
                (scripts / _file_name(port)).unlink(missing_ok=True)
            if (folder / "script").exists():
                _remove_links(scripts, (folder / "script").stat().st_ino)
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise HardwareError(
                f"The boot files of node {task.node.uuid} cannot be removed from "
                f"{task.settings.http_root}: {error.strerror}. Check its rights."
            ) from error


def _hrefs(task: Task) -> dict[str, str]:
    """Kernel and ramdisk, both from the node or both from the settings: they belong together.

    Raises InvalidDriverInfo that lists what is missing."""
    of_node = {name: task.node.driver_info.get(name) for name in IMAGES}
    settings = task.settings.conductor
    if not any(of_node.values()):
        of_node = {
            "rescue_kernel": settings.rescue_kernel,
            "rescue_ramdisk": settings.rescue_ramdisk,
        }
    hrefs = {name: str(href) for name, href in of_node.items() if href}
    if missing := [name for name in IMAGES if name not in hrefs]:
        raise InvalidDriverInfo(
            f"Node {task.node.uuid} cannot boot a rescue ramdisk. Some parameters were missing in "
            f"node's driver_info and configuration. Missing are: {missing}"
        )
    return hrefs


def _folder(task: Task) -> Path:
    return task.settings.http_root / task.node.uuid


def _scripts(settings: Settings) -> Path:
    return settings.http_root / "pxelinux.cfg"


def _file_name(port: Port) -> str:
    """What `${mac:hexhyp}` is in the boot script."""
    return port.address.lower().replace(":", "-")


def _remove_links(folder: Path, inode: int) -> None:
    """Remove every name of this file: ports may have gone, or got other addresses."""
    if folder.exists():
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.inode() == inode:
                    Path(entry.path).unlink(missing_ok=True)


def _always(value: object) -> bool:
    return str(value).lower() in ("always", "true", "1", "yes")
