"""The layer of Debian packages for another architecture than the host's. Nothing of it is run."""

import shutil
import tempfile
from pathlib import Path

from stbernard.errors import RamdiskError
from stbernard.programs import run
from stbernard.ramdisk import debian, host, pack
from stbernard.ramdisk.packages import LEFT_OUT

MERGED = ("bin", "lib", "sbin")
"""Directories that are links into `usr`."""

MADE_BY_SCRIPTS = ("etc", "home", "root")
"""What maintainer scripts make (accounts, PAM, alternatives, certificates), the same everywhere."""

UNPACK = (
    'dpkg-deb --fsys-tarfile "$1" | '
    'tar --extract --preserve-permissions --same-owner --keep-directory-symlink --directory "$2"'
)


def apt_options(cache: Path, architecture: str) -> tuple[str, ...]:
    """The host's apt, looking at another architecture by package lists of its own.

    They are fetched when the host's are newer, so that `apt-get update` on the host renews both.
    """
    lists = cache.resolve() / f"apt-{architecture}"
    options = (
        *("--option", f"APT::Architecture={architecture}"),
        *("--option", f"APT::Architectures={architecture}"),
        *("--option", f"Dir::State::lists={lists}"),
        *("--option", "Dir::State::status=/dev/null"),
        *("--option", "Dir::Cache::pkgcache="),
        *("--option", "Dir::Cache::srcpkgcache="),
        *("--option", "APT::Sandbox::User=root"),
    )
    stamp = lists / "fetched"
    newest = max(path.stat().st_mtime for path in host.APT_LISTS.glob("*_Packages*"))
    if not stamp.exists() or stamp.stat().st_mtime < newest:
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        run("apt-get", *options, "--quiet=2", "update")
        if not any(lists.glob(f"*binary-{architecture}_Packages*")):
            raise RamdiskError(f"the host's apt sources have no packages for {architecture}")
        stamp.touch()
    return options


def build_foreign_layer(
    names: tuple[str, ...], native: Path, options: tuple[str, ...], folder: Path
) -> None:
    """Writes `debian.squashfs` and `busybox` as `debian.build_debian_layer` does.

    `native`: the squashfs of the same packages for the host; `options`: `apt_options`.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="unpacked-") as scratch:
        tree, archives = Path(scratch) / "tree", Path(scratch) / "archives"
        (archives / "partial").mkdir(parents=True)
        run(
            *("apt-get", *options, "--option", f"Dir::Cache::archives={archives.resolve()}"),
            *("--quiet=2", "--download-only", "--no-install-recommends", "--yes"),
            *("install", "?essential", *names),
        )
        for name in MERGED:
            (tree / "usr" / name).mkdir(parents=True)
            (tree / name).symlink_to(f"usr/{name}")
        for archive in sorted(archives.glob("*.deb")):
            run("sh", "-e", "-c", UNPACK, "sh", archive, tree)
        take_over(native, Path(scratch) / "native", tree)
        for pattern in LEFT_OUT:
            debian.remove(tree, pattern.lstrip("/"))
        debian.clean(tree)
        debian.compile_python(tree, native=False)
        shutil.copyfile(tree / "usr/bin/busybox", folder / "busybox")
        pack.squashfs(tree, folder / "debian.squashfs", keep_owners=True)


def take_over(native: Path, unpacked: Path, tree: Path) -> None:
    """What the host's maintainer scripts have made, and the links of its alternatives."""
    run("unsquashfs", "-no-progress", "-quiet", "-dest", unpacked, native)
    for name in MADE_BY_SCRIPTS:
        run("cp", "--archive", unpacked / name, tree)
    (tree / "etc/ld.so.cache").unlink(missing_ok=True)  # of the host's libraries
    for link in sorted(unpacked.glob("usr/*bin/*")):
        if link.is_symlink() and str(link.readlink()).startswith("/etc/alternatives/"):
            place = tree / link.relative_to(unpacked)
            place.unlink(missing_ok=True)
            place.symlink_to(link.readlink())
