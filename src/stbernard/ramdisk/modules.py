"""Which kernel modules go into the ramdisk."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from stbernard.errors import RamdiskError
from stbernard.programs import run

MODULES = {
    "virtual machines": (
        "drivers/virtio",
        "drivers/block/virtio_blk",
        "drivers/block/xen-blkfront",
        "drivers/char/hw_random",
        "drivers/firmware/qemu_fw_cfg",
        "drivers/hv",
        "drivers/net/hyperv",
        "drivers/net/virtio_net",
        "drivers/net/vmxnet3",
        "drivers/net/xen-netfront",
    ),
    "network cards": (
        "drivers/net/ethernet",
        "drivers/net/mdio",
        "drivers/net/pcs",
        "drivers/net/phy",
        "drivers/net/usb/ax88179_178a",
        "drivers/net/usb/cdc_ether",  # the BMC's own network on many servers
        "drivers/net/usb/cdc_ncm",
        "drivers/net/usb/r8152",
        "drivers/net/usb/rndis_host",
    ),
    "networks": (
        "drivers/net/bonding",
        "drivers/net/dummy",
        "drivers/net/macvlan",
        "drivers/net/team",
        "drivers/net/tun",
        "drivers/net/veth",
        "drivers/net/vxlan",
        "net/802",
        "net/8021q",
        "net/bridge/bridge",
        "net/packet",
    ),
    "disk controllers": (
        "drivers/ata",
        "drivers/message/fusion",
        "drivers/nvme/host",
        "drivers/pci/controller",
        "drivers/scsi",
        "drivers/acpi/nfit",
        "drivers/nvdimm",
        "drivers/mmc/core",
        "drivers/mmc/host/sdhci-pci",
        "drivers/mmc/host/sdhci-acpi",
    ),
    "disks made of disks": (
        "drivers/block/loop",
        "drivers/block/nbd",
        "drivers/block/zram",
        "drivers/cdrom",
        "drivers/md",
        "drivers/target/iscsi",
    ),
    "file systems": (
        "fs/btrfs",
        "fs/efivarfs",
        "fs/exfat",
        "fs/ext4",
        "fs/f2fs",
        "fs/fat",
        "fs/fuse",
        "fs/isofs",
        "fs/jfs",
        "fs/nfs",
        "fs/nls/nls_ascii",
        "fs/nls/nls_cp437",
        "fs/nls/nls_iso8859-1",
        "fs/nls/nls_utf8",
        "fs/overlayfs",
        "fs/reiserfs",
        "fs/smb/client",
        "fs/squashfs",
        "fs/udf",
        "fs/xfs",
    ),
    "checksums and ciphers": ("arch/x86/crypto", "arch/arm64/crypto", "crypto", "lib"),
    "keyboard, screen, USB": (
        "drivers/gpu/drm/ast",  # the BMC's graphics on most servers
        "drivers/gpu/drm/mgag200",
        "drivers/hid/hid",
        "drivers/hid/hid-generic",
        "drivers/hid/usbhid",
        "drivers/input/evdev",
        "drivers/usb/host",
        "drivers/usb/storage/uas",
        "drivers/usb/storage/usb-storage",
    ),
    "the server's management": (
        "drivers/acpi/button",
        "drivers/char/ipmi",
        "drivers/char/tpm",
        "drivers/watchdog/iTCO_wdt",
    ),
}
"""A directory or a module (without `.ko`) below the kernel's module tree. A kernel
that lacks one is no error: the cloud kernel has few of them, and some are built in."""

LAYER_MODULES = ("drivers/block/loop", "fs/squashfs", "fs/overlayfs")
"""What the initramfs must load to see the layers."""

Dependencies = Mapping[str, tuple[str, ...]]
"""Module to the modules it needs, paths below the version's folder (`kernel/fs/xfs/xfs.ko`)."""


def read_dependencies(version: Path) -> Dependencies:
    """Reads `modules.dep` (depmod(8)) of one kernel version's module directory."""
    lines = (line.partition(":") for line in (version / "modules.dep").read_text().splitlines())
    return {module: tuple(needed.split()) for module, _, needed in lines}


def select(dependencies: Dependencies, wanted: Iterable[str]) -> list[str]:
    """The wanted modules and everything they need, each after what it needs."""
    prefixes = tuple(wanted)
    chosen: dict[str, None] = {}

    def add(module: str) -> None:
        # modules.dep lists the whole closure, nearest first.
        chosen.update(dict.fromkeys([*reversed(dependencies[module]), module]))

    for module in sorted(dependencies):
        path = module.removeprefix("kernel/")
        if any(path == f"{prefix}.ko" or path.startswith(f"{prefix}/") for prefix in prefixes):
            add(module)
    return list(chosen)


def copy_modules(version: Path, tree: Path) -> None:
    """Copies the selected modules of a kernel version's directory into a tree and indexes them."""
    target = tree / "usr/lib/modules" / version.name
    wanted = (path for paths in MODULES.values() for path in paths)
    for module in select(read_dependencies(version), wanted):
        place = target / module
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(version / module, place)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copyfile(version / name, target / name)
    run("depmod", "--basedir", tree / "usr", version.name)


def copy_layer_modules(version: Path, folder: Path) -> None:
    """Copies what the initramfs loads, named in loading order. Built-in ones need no file."""
    folder.mkdir()
    modules = select(read_dependencies(version), LAYER_MODULES)
    builtin = (version / "modules.builtin").read_text()
    for wanted in LAYER_MODULES:
        if not any(f"kernel/{wanted}" in place for place in (*modules, builtin)):
            raise RamdiskError(f"kernel {version.name} has no module {wanted}")
    for number, module in enumerate(modules):
        shutil.copyfile(version / module, folder / f"{number:02}-{Path(module).name}")
