"""The kernel and the layer of its modules, from Debian's kernel package, not installed."""

import re
import shutil
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from stbernard.errors import RamdiskError
from stbernard.programs import run
from stbernard.ramdisk import host, modules, pack
from stbernard.ramdisk.host import Architecture


class Kernel(StrEnum):
    """Which Debian kernel: `cloud` knows virtual machines only, `full` real servers too."""

    CLOUD = "cloud"
    FULL = "full"

    def metapackage(self, architecture: Architecture) -> str:
        return f"linux-image-{'cloud-' if self == Kernel.CLOUD else ''}{architecture}"


def resolve_kernel(
    kernel: Kernel,
    architecture: Architecture = Architecture.AMD64,
    options: Sequence[str] = (),
) -> host.Package:
    """The versioned package that the metapackage stands for today; `options` are apt's."""
    metapackage = kernel.metapackage(architecture)
    return parse_metapackage(run("apt-cache", *options, "--no-all-versions", "show", metapackage))


def parse_metapackage(record: str) -> host.Package:
    """Its one versioned dependency: `Depends: linux-image-… (= …)`."""
    depends = re.search(r"^Depends:.*?(linux-image-\S+) \(= ([^)]+)\)", record, re.MULTILINE)
    architecture = re.search(r"^Architecture: (\S+)", record, re.MULTILINE)
    if depends is None or architecture is None:
        raise RamdiskError("apt's lists name no kernel image; run: apt-get update")
    return host.Package(depends[1], depends[2], architecture[1])


def build_kernel_parts(package: host.Package, folder: Path, options: Sequence[str] = ()) -> None:
    """Writes `kernel`, `modules.squashfs` and `initramfs-modules/` into the folder."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="unpacked-") as scratch:
        unpacked, tree = Path(scratch) / "package", Path(scratch) / "tree"
        unpack(package, Path(scratch), unpacked, options)
        (version,) = (unpacked / "lib/modules").iterdir()
        run("depmod", "--basedir", unpacked, version.name)
        modules.copy_modules(version, tree)
        modules.copy_layer_modules(version, folder / "initramfs-modules")
        pack.squashfs(tree, folder / "modules.squashfs")
        shutil.copyfile(unpacked / f"boot/vmlinuz-{version.name}", folder / "kernel")


def unpack(package: host.Package, scratch: Path, target: Path, options: Sequence[str] = ()) -> None:
    """Fetches the package by the host's apt and unpacks it."""
    run(
        *("apt-get", *options, "--quiet=2", "--option", "APT::Sandbox::User=root"),
        *("download", f"{package.name}={package.version}"),
        cwd=scratch,
    )
    (archive,) = scratch.glob("*.deb")
    run("dpkg-deb", "--extract", archive, target)
