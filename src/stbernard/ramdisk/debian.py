"""The layer of Debian packages, made by mmdebstrap from the host's own apt sources."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stbernard.errors import RamdiskError
from stbernard.programs import run
from stbernard.ramdisk import host, pack
from stbernard.ramdisk.packages import LEFT_OUT

MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"

REMOVED = (
    "etc/*-",  # passwd-, shadow- …: backups that carry the time of the build
    "etc/hostname",
    "etc/nvme/host*",  # an identity drawn at random
    "etc/resolv.conf",
    "etc/ssh/ssh_host_*",  # every boot makes its own
    "usr/lib/python3*/**/__pycache__",
    "usr/share/python3/**/__pycache__",
    "var/cache/*",
    "var/lib/apt/*",
    "var/lib/systemd/*",
    "var/log/*",
)
"""Left behind by the installation: secrets, caches, logs, and what differs from build to build."""


def build_debian_layer(names: Sequence[str], folder: Path) -> None:
    """Writes `debian.squashfs` and, for the initramfs, `busybox` (static) into the folder."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="unpacked-") as scratch:
        tree = Path(scratch) / "tree"
        install(names, tree)
        clean(tree)
        compile_python(tree)
        shutil.copyfile(tree / "usr/bin/busybox", folder / "busybox")
        pack.squashfs(tree, folder / "debian.squashfs", keep_owners=True)


def install(names: Sequence[str], tree: Path) -> None:
    """Runs mmdebstrap on the package lists the host has already: versions are the resolved ones."""
    lists = host.APT_LISTS
    run(
        *("env", f"SOURCE_DATE_EPOCH={pack.EPOCH}"),
        *("mmdebstrap", "--mode=root", "--variant=essential", "--format=directory"),
        *("--skip=update", f"--hook-dir={MERGED_USR}"),
        f'--setup-hook=mkdir -p "$1{lists}" && cp {lists}/*_* "$1{lists}/"',
        f"--include={','.join(names)}",
        # Locked until the agent has its password; made here, it need not be made at every boot.
        '--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash rescue',
        *(f"--aptopt={line}" for line in host.apt_proxy_options()),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        suite(),
        tree,
        *host.apt_source_files(),
    )


def suite() -> str:
    """The code name of the Debian release this host runs, which is what its apt sources serve."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise RamdiskError("/etc/os-release names no VERSION_CODENAME: build on a Debian release")


def clean(tree: Path) -> None:
    for pattern in REMOVED:
        remove(tree, pattern)
    # Empty, not missing: programs then make one for this boot and none complains.
    (tree / "etc/machine-id").write_text("")


def remove(tree: Path, pattern: str) -> None:
    for path in tree.glob(pattern):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def compile_python(tree: Path, *, native: bool = True) -> None:
    """Byte code that does not look at times: squashfs gives every file the same one.

    By the tree's own Python, or, where this machine cannot run that, by the one that builds. Byte
    code of another version is of no use: then there is none, and the agent starts seconds later."""
    places = sorted(tree.glob("usr/lib/python3*"))
    if native:
        python: tuple[str | Path, ...] = ("chroot", tree, "python3")
        where: tuple[str | Path, ...] = tuple(f"/{place.relative_to(tree)}" for place in places)
    elif (tree / f"usr/lib/python{sys.version_info.major}.{sys.version_info.minor}").exists():
        python, where = (sys.executable,), ("-s", tree, "-p", "/", *places)
    else:
        return
    mode = ("--invalidation-mode", "unchecked-hash")
    run(*python, "-m", "compileall", "-qq", *mode, *where)
