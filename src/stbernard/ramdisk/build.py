"""Builds the rescue ramdisk from its layers, each cached on what it is made of."""

import fcntl
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stbernard.errors import RamdiskError
from stbernard.ramdisk import debian, host, kernel, modules, pack, packages, rescue
from stbernard.ramdisk.kernel import Kernel

OUTPUTS = ("kernel", "ramdisk", "packages.txt", "manifest.json")


@dataclass(frozen=True)
class Inputs:
    """Everything a ramdisk is made of; equal inputs give equal bytes."""

    names: tuple[str, ...]
    packages: tuple[host.Package, ...]
    kernel: host.Package

    @property
    def debian_key(self) -> str:
        code = (read_code(module.__file__) for module in (debian, packages, pack, host))
        return host.digest(["debian", str(pack.EPOCH), *map(str, self.packages), *code])

    @property
    def kernel_key(self) -> str:
        code = (read_code(module.__file__) for module in (kernel, modules, pack, host))
        return host.digest(["kernel", str(pack.EPOCH), str(self.kernel), *code])

    @property
    def key(self) -> str:
        """Names the whole ramdisk."""
        parts: list[str | bytes] = [self.debian_key, self.kernel_key]
        parts += [read_code(__file__), read_code(rescue.__file__)]
        parts += [(rescue.FILES / "initramfs-init").read_bytes(), repr(rescue.LINKS)]
        for name, source in rescue.sources().items():
            parts += [name, source.read_bytes()]
        return host.digest(parts)

    @property
    def python(self) -> str:
        """The ramdisk's Python, such as `3.11`."""
        for package in self.packages:
            if match := re.fullmatch(r"python(3\.\d+)", package.name):
                return match[1]
        raise RamdiskError("apt resolved no python3.N package")


def read_code(file: str | None) -> bytes:
    assert file is not None  # noqa: S101 - modules of this package are files
    return Path(file).read_bytes()


def resolve_inputs(which: Kernel, extra: Sequence[str] = ()) -> Inputs:
    """What a ramdisk built now would be made of, as the host's apt lists say. Takes about 3 s."""
    names = tuple(sorted({*packages.PACKAGES, *extra}))
    return Inputs(names, tuple(host.resolve(names)), kernel.resolve_kernel(which))


def ensure_ramdisk(
    cache: Path, which: Kernel | str = Kernel.CLOUD, extra: Sequence[str] = ()
) -> Path:
    """The directory of an up-to-date ramdisk (`kernel`, `ramdisk`, …) below `cache`.

    Built if it is missing; two at once build once. Raises RamdiskError, ProgramError.
    """
    host.require_host()
    inputs = resolve_inputs(Kernel(which), extra)
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "ramdisk.lock"):
        return cached(
            cache, f"ramdisk-{inputs.key}", lambda folder: assemble(inputs, cache, folder)
        )


def build(
    output: Path, cache: Path, which: Kernel = Kernel.CLOUD, extra: Sequence[str] = ()
) -> None:
    """Puts a ramdisk's four files into `output`. Raises RamdiskError, ProgramError."""
    ready = ensure_ramdisk(cache, which, extra)
    output.mkdir(parents=True, exist_ok=True)
    for name in OUTPUTS:
        shutil.copyfile(ready / name, output / name)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on a file."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cached(cache: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """The directory `cache/name`, filled aside and renamed: there as a whole or not at all."""
    ready = cache / name
    if not ready.exists():
        with tempfile.TemporaryDirectory(dir=cache, prefix=f"{name}.") as scratch:
            folder = Path(scratch) / name
            folder.mkdir()
            fill(folder)
            folder.rename(ready)
    return ready


def assemble(inputs: Inputs, cache: Path, folder: Path) -> None:
    """Builds the layers that are missing and puts the outputs into the folder."""
    base = cached(
        cache, f"debian-{inputs.debian_key}", lambda to: debian.build_debian_layer(inputs.names, to)
    )
    parts = cached(
        cache,
        f"kernel-{inputs.kernel_key}",
        lambda to: kernel.build_kernel_parts(inputs.kernel, to),
    )
    layers = {
        "1-debian": base / "debian.squashfs",
        "2-modules": parts / "modules.squashfs",
        "3-rescue": folder / "rescue.squashfs",
    }
    rescue.build_rescue_layer(layers["3-rescue"], python=inputs.python)
    pack_ramdisk(base / "busybox", parts / "initramfs-modules", layers, folder / "ramdisk")
    layers["3-rescue"].unlink()
    shutil.copyfile(parts / "kernel", folder / "kernel")
    listing = "".join(f"{package}\n" for package in sorted((*inputs.packages, inputs.kernel)))
    (folder / "packages.txt").write_text(listing)
    (folder / "manifest.json").write_text(describe(inputs, folder))


def pack_ramdisk(busybox: Path, modules: Path, layers: Mapping[str, Path], archive: Path) -> None:
    """Packs the initramfs and the layers it stacks, the lowest first by name, into one cpio."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        tree = Path(scratch) / "tree"
        for name in ("bin", "dev", "layers", "proc", "ram"):
            (tree / name).mkdir(parents=True)
        rescue.place_file(rescue.FILES / "initramfs-init", tree / "init")
        shutil.copyfile(busybox, tree / "bin/busybox")
        (tree / "bin/busybox").chmod(0o755)
        shutil.copytree(modules, tree / "modules")
        for name, image in layers.items():
            # A copy, no hard link: the archive would tell how many links the file has.
            shutil.copyfile(image, tree / "layers" / name)
            (tree / "stack" / name).mkdir(parents=True)
        pack.cpio(tree, archive)


def describe(inputs: Inputs, folder: Path) -> str:
    """The manifest: what came out (bytes, SHA-256) and what it was made of."""
    made = {}
    for name in OUTPUTS[:-1]:
        with (folder / name).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        made[name] = {"bytes": (folder / name).stat().st_size, "sha256": sha256}
    manifest = {
        "key": inputs.key,
        "source_date_epoch": pack.EPOCH,
        "kernel_package": str(inputs.kernel),
        "packages_asked_for": inputs.names,
        "files": made,
    }
    return json.dumps(manifest, indent=2) + "\n"
