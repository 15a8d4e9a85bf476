"""The rescue ramdisk as every boot interface offers it: kernel, ramdisk and kernel arguments."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stbernard.drivers.base import Task
from stbernard.errors import ImageError, InvalidDriverInfo
from stbernard.images import ImageCache, check_href, probe
from stbernard.nodes import Node

IMAGES = ("rescue_kernel", "rescue_ramdisk")

PROPERTIES = {
    "rescue_kernel": "URL (file, http, https, glance), or UUID in the Image service, of the kernel "
    "of the rescue ramdisk. "
    "Defaults to [conductor]rescue_kernel.",
    "rescue_ramdisk": "URL (file, http, https, glance), or UUID in the Image service, of the "
    "rescue ramdisk. "
    "Defaults to [conductor]rescue_ramdisk.",
    "rescue_kernel_checksum": "SHA-256 or SHA-512 of the kernel in hexadecimal digits. Optional.",
    "rescue_ramdisk_checksum": "SHA-256 or SHA-512 of the ramdisk in hexadecimal digits. Optional.",
    "force_persistent_boot_device": "Always to set the boot device for every boot, "
    "Never or Default to set it once.",
}

# What iPXE or the shape of a line would understand as something else than a kernel argument.
_NOT_AN_ARGUMENT = re.compile(r"[^\x20-\x7e]|\$\{|(?:^|\s)(?:\|\||&&)(?:\s|$)")


def hrefs(task: Task) -> dict[str, str]:
    """Kernel and ramdisk, both from the node, both for its processor from the settings, or both for
    any: they belong together.

    Raises InvalidDriverInfo that lists what is missing."""
    of_node = {name: task.node.driver_info.get(name) for name in IMAGES}
    settings, arch = task.settings.conductor, str(task.node.properties.get("cpu_arch"))
    if not any(of_node.values()):
        of_node = {
            "rescue_kernel": settings.rescue_kernel_by_arch.get(arch),
            "rescue_ramdisk": settings.rescue_ramdisk_by_arch.get(arch),
        }
    if not any(of_node.values()):
        of_node = {
            "rescue_kernel": settings.rescue_kernel,
            "rescue_ramdisk": settings.rescue_ramdisk,
        }
    found = {name: str(href) for name, href in of_node.items() if href}
    if missing := [name for name in IMAGES if name not in found]:
        raise InvalidDriverInfo(
            f"Node {task.node.uuid} cannot boot a rescue ramdisk. Some parameters were missing in "
            f"node's driver_info and configuration. Missing are: {missing}"
        )
    return found


def check_hrefs(task: Task, wanted: Mapping[str, str]) -> None:
    """Raise InvalidDriverInfo if one of them names no image that could be had."""
    for href in wanted.values():
        try:
            check_href(href, task.settings)
        except ImageError as error:
            raise InvalidDriverInfo(f"Node {task.node.uuid}: {error}") from error


def fetch(task: Task, wanted: Mapping[str, str]) -> dict[str, Path]:
    """Have the images in the cache, the newest there are, each with its checksum if driver_info
    has one. Raises ImageError."""
    cache, info = ImageCache(task.settings), task.node.driver_info
    return {name: cache.get(href, info.get(f"{name}_checksum")) for name, href in wanted.items()}


def fetched(task: Task, wanted: Mapping[str, str]) -> dict[str, Path]:
    """The images as `fetch` left them a moment ago. Raises ImageError."""
    cache = ImageCache(task.settings)
    return {name: cache.kept(href) for name, href in wanted.items()}


def probe_all(task: Task, wanted: Mapping[str, str]) -> None:
    """Look whether they could be had now; fetches none. Raises ImageError."""
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda href: probe(href, task.settings), wanted.values()))


def kernel_arguments(node: Node, default: str, params: Mapping[str, str]) -> str:
    """The default ones, or driver_info's with `%default%` as their place, and `params`.

    Raises InvalidDriverInfo for what cannot stand on a kernel command line."""
    own = node.driver_info.get("kernel_append_params")
    appended = default if own is None else str(own).replace("%default%", default)
    arguments = " ".join([appended.strip(), *(f"{key}={value}" for key, value in params.items())])
    if _NOT_AN_ARGUMENT.search(arguments):
        raise InvalidDriverInfo(
            f"Node {node.uuid}: kernel_append_params holds a line break, a character that is not "
            "ASCII, '||', '&&' or '${', which iPXE does not pass to the kernel. Take it out."
        )
    return arguments.strip()


def always(node: Node) -> bool:
    """Whether the boot device is to be set for every boot, not for one."""
    value = node.driver_info.get("force_persistent_boot_device")
    return str(value).lower() in ("always", "true", "1", "yes")
