"""The boot interfaces `pxe` and `http`: GRUB, over TFTP or over UEFI's HTTP boot.

GRUB fetches its configuration from where it came from: `grub/grub.cfg`, where every machine
starts, then `grub/rescue-<mac>.cfg`, then kernel and ramdisk.

`pxe` has all of it over TFTP: in UEFI mode by Debian's signed shim and GRUB, so that Secure Boot
takes it; that GRUB cannot HTTP. `http` has a GRUB that can, made here, and so not signed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from stbernard.drivers.base import BootOption, Task
from stbernard.drivers.netboot.boot import BOOT_FILE, NetworkBoot, by_arch
from stbernard.drivers.netboot.script import grub_script
from stbernard.nodes import Port
from stbernard.settings import Settings


class PXEBoot(NetworkBoot):
    signed: ClassVar[bool] = True
    loads_over_http: ClassVar[bool] = False

    def loader(self, task: Task, mode: str) -> str:
        pxe = task.settings.pxe
        name = pxe.uefi_pxe_bootfile_name if mode == "uefi" else pxe.pxe_bootfile_name
        return by_arch(task, pxe.pxe_bootfile_name_by_arch, name)

    def options(self, settings: Settings, loader: str) -> Sequence[BootOption]:
        # A network card whose own firmware is iPXE is to load GRUB, too.
        return (*super().options(settings, loader), BootOption(BOOT_FILE, loader, "ipxe"))

    def script(self, task: Task, arguments: str) -> str:
        return grub_script(task.node, f"/{task.node.uuid}", arguments)

    def scripts(self, settings: Settings) -> Path:
        return settings.tftp_root / "grub"

    def script_name(self, port: Port) -> str:
        """What `$net_default_mac` is in GRUB."""
        return f"rescue-{port.address.lower()}.cfg"


class HTTPBoot(PXEBoot):
    signed: ClassVar[bool] = False
    over_http: ClassVar[bool] = True
    loads_over_http: ClassVar[bool] = True

    def loader(self, task: Task, mode: str) -> str:
        return task.settings.pxe.uefi_http_bootfile_name

    def script(self, task: Task, arguments: str) -> str:
        url = urlsplit(f"{task.settings.http_url}/{task.node.uuid}")
        return grub_script(task.node, f"({url.scheme},{url.netloc}){url.path}", arguments)

    def scripts(self, settings: Settings) -> Path:
        return settings.http_root / "grub"
