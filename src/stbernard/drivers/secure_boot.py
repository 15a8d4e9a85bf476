"""Secure Boot: a server that has it on boots nothing that is not signed."""

from pathlib import Path

from stbernard.drivers.base import Task
from stbernard.drivers.capabilities import wanted_secure_boot
from stbernard.errors import ImageError
from stbernard.images import head
from stbernard.images.pe import HEAD, is_signed
from stbernard.nodes import Node


def is_expected(node: Node) -> bool:
    """Whether the node is known to have it on, or has `secure_boot:true` in its capabilities."""
    return node.secure_boot or wanted_secure_boot(node)


def is_on(task: Task) -> bool:
    """Whether it is expected, or the BMC says so. Raises BMCError."""
    return is_expected(task.node) or bool(task.driver.management.get_secure_boot(task))


def check_kernel(task: Task, kernel: Path) -> None:
    """Before the server is touched, and the BMC is asked too.

    Raises ImageError if the server would not boot this kernel; BMCError."""
    if is_on(task):
        with kernel.open("rb") as file:
            _check_start(task.node, file.read(HEAD))


def probe_kernel(task: Task, kernel: str) -> None:
    """Of a kernel that is not fetched, by its href, and without the BMC. Raises ImageError."""
    if is_expected(task.node):
        _check_start(task.node, head(kernel, task.settings, HEAD))


def _check_start(node: Node, start: bytes) -> None:
    if not is_signed(start):
        raise ImageError(
            f"Node {node.uuid} has Secure Boot on, and the rescue kernel is not signed: the server "
            "would refuse it. Build the ramdisk with Debian's kernel, which is signed (stbernard "
            "ramdisk build), or switch Secure Boot off: openstack baremetal node secure boot off "
            "NODE"
        )
