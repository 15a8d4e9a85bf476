"""The smallest initramfs: busybox, a few kernel modules and a shell script as init."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stbernard.programs import run

BUSYBOX = Path("/bin/busybox")


def pack(init: str, *, target: Path, root: Path | None = None, modules: Sequence[str] = ()) -> None:
    """Write the initramfs `target`, a newc cpio packed by zstd, that runs the shell script `init`.

    `modules` and what they depend on are taken from the one kernel unpacked below `root` and lie
    in `/modules`, named so that `insmod /modules/*.ko` loads them in the right order.
    """
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        for directory in ("bin", "dev", "modules", "mnt", "proc", "sys"):
            (tree / directory).mkdir()
        shutil.copy(BUSYBOX, tree / "bin/busybox")
        (tree / "bin/sh").symlink_to("busybox")
        (tree / "init").write_text(init)
        (tree / "init").chmod(0o755)
        if root is not None:
            for number, module in enumerate(_with_dependencies(root, modules)):
                shutil.copy(module, tree / f"modules/{number:02}-{module.name}")
        pipe = 'find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | zstd -q -19 -o "$0"'
        run("sh", "-ec", pipe, target.absolute(), cwd=tree)


def _with_dependencies(root: Path, modules: Sequence[str]) -> list[Path]:
    [version] = (path.name for path in (root / "lib/modules").iterdir())
    run("depmod", "-b", root, version)
    # A dictionary keeps the order and drops what two modules both depend on.
    found: dict[Path, None] = {}
    for module in modules:
        shown = run(
            *("modprobe", "--dirname", root, "--set-version", version),
            *("--ignore-install", "--show-depends", module),
        )
        for line in shown.splitlines():
            kind, _, path = line.strip().partition(" ")
            if kind == "insmod":
                found[Path(path.split()[0])] = None
    return list(found)
