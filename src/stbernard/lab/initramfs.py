"""The smallest initramfs: busybox, a few kernel modules and a shell script as init."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stbernard.programs import run
from stbernard.ramdisk import modules as kernel_modules
from stbernard.ramdisk import pack as archives

BUSYBOX = Path("/bin/busybox")


def pack(
    init: str, *, target: Path, kernel: Path | None = None, modules: Sequence[str] = ()
) -> None:
    """Write the initramfs `target`, a newc cpio, that runs the shell script `init`.

    `modules` (as in ramdisk.modules) and what they need are taken from the package unpacked in
    `kernel` and lie in `/modules`, named so that `insmod /modules/*.ko` has the right order.
    """
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        for directory in ("bin", "dev", "modules", "mnt", "proc", "sys"):
            (tree / directory).mkdir()
        shutil.copy(BUSYBOX, tree / "bin/busybox")
        (tree / "bin/sh").symlink_to("busybox")
        (tree / "init").write_text(init)
        (tree / "init").chmod(0o755)
        if kernel is not None:
            [version] = (kernel / "lib/modules").iterdir()
            run("depmod", "--basedir", kernel, version.name)
            chosen = kernel_modules.select(kernel_modules.read_dependencies(version), modules)
            for number, module in enumerate(chosen):
                shutil.copy(version / module, tree / f"modules/{number:02}-{Path(module).name}")
        archives.cpio(tree, target)
