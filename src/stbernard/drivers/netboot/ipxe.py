"""The boot interfaces `ipxe` and `http-ipxe`: iPXE, and a script for each network card.

DHCP points iPXE at `boot.ipxe` in http_root, where every machine starts; the script of a node is
`pxelinux.cfg/<mac>` there, with dashes, in lower case. Firmware that is not iPXE loads it first:
over TFTP for `ipxe`, over HTTP for `http-ipxe`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from stbernard.drivers.base import BootOption, Task
from stbernard.drivers.netboot.boot import BOOT_FILE, NetworkBoot, by_arch
from stbernard.drivers.netboot.loaders import write_boot_script
from stbernard.drivers.netboot.script import rescue_script
from stbernard.nodes import BootDevice, Port
from stbernard.settings import Settings


class IPXEBoot(NetworkBoot):
    def loader(self, task: Task, mode: str) -> str:
        pxe = task.settings.pxe
        name = pxe.uefi_ipxe_bootfile_name if mode == "uefi" else pxe.ipxe_bootfile_name
        return by_arch(task, pxe.ipxe_bootfile_name_by_arch, name)

    def options(self, settings: Settings, loader: str) -> Sequence[BootOption]:
        script = BootOption(BOOT_FILE, f"{settings.http_url}/boot.ipxe", "ipxe")
        return (*super().options(settings, loader), script)

    def script(self, task: Task, arguments: str) -> str:
        node = task.node
        return rescue_script(node, f"{task.settings.http_url}/{node.uuid}", arguments)

    def scripts(self, settings: Settings) -> Path:
        return settings.http_root / "pxelinux.cfg"

    def script_name(self, port: Port) -> str:
        """What `${mac:hexhyp}` is in the boot script."""
        return port.address.lower().replace(":", "-")

    def prepare_ramdisk(self, task: Task, params: Mapping[str, str]) -> BootDevice:
        write_boot_script(task.settings)
        return super().prepare_ramdisk(task, params)


class HTTPIPXEBoot(IPXEBoot):
    over_http: ClassVar[bool] = True
