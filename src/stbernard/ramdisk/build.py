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
from stbernard.ramdisk import (
    debian,
    foreign,
    host,
    ironic_python_agent,
    kernel,
    modules,
    pack,
    packages,
    rescue,
)
from stbernard.ramdisk.host import Architecture
from stbernard.ramdisk.ironic_python_agent import Agent
from stbernard.ramdisk.kernel import Kernel

OUTPUTS = ("kernel", "ramdisk", "packages.txt", "manifest.json")


@dataclass(frozen=True)
class Inputs:
    """Everything a ramdisk is made of; equal inputs give equal bytes."""

    names: tuple[str, ...]
    packages: tuple[host.Package, ...]
    kernel: host.Package
    agent: Agent = Agent.STBERNARD
    architecture: Architecture = Architecture.AMD64
    apt: tuple[str, ...] = ()
    """Options of apt, for another architecture than the host's; and the same of the host's own:"""
    native: "Inputs | None" = None

    @property
    def debian_key(self) -> str:
        code = [read_code(module.__file__) for module in (debian, packages, pack, host)]
        if self.native:
            code += [read_code(foreign.__file__), self.native.debian_key.encode()]
        return host.digest(["debian", str(pack.EPOCH), *map(str, self.packages), *code])

    @property
    def kernel_key(self) -> str:
        code = (read_code(module.__file__) for module in (kernel, modules, pack, host))
        return host.digest(["kernel", str(pack.EPOCH), str(self.kernel), *code])

    @property
    def agent_key(self) -> str:
        """Of the layer that another agent than ours needs."""
        files = [path.read_bytes() for path in ironic_python_agent.sources()]
        return host.digest(["agent", str(pack.EPOCH), self.python, *files])

    @property
    def key(self) -> str:
        """Names the whole ramdisk."""
        parts: list[str | bytes] = [self.debian_key, self.kernel_key]
        parts += [read_code(__file__), read_code(rescue.__file__)]
        parts += [(rescue.FILES / "initramfs-init").read_bytes(), repr(rescue.LINKS)]
        for name, source in rescue.sources().items():
            parts += [name, source.read_bytes()]
        if self.agent != Agent.STBERNARD:
            parts.append(self.agent_key)
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


def resolve_inputs(
    which: Kernel,
    extra: Sequence[str] = (),
    agent: Agent = Agent.STBERNARD,
) -> Inputs:
    """What a ramdisk built now would be made of, as the host's apt lists say. Takes about 3 s."""
    theirs = ironic_python_agent.PACKAGES if agent == Agent.IRONIC else ()
    names = tuple(sorted({*packages.PACKAGES, *extra, *theirs}))
    mine = host.architecture()
    linux = kernel.resolve_kernel(which, mine)
    return Inputs(names, tuple(host.resolve(names)), linux, agent, mine)


def foreign_inputs(
    native: Inputs, which: Kernel, architecture: Architecture, cache: Path
) -> Inputs:
    """The same for another architecture than the host's."""
    if native.agent != Agent.STBERNARD:
        raise RamdiskError(f"{native.agent} is put in by pip: build it on a host of {architecture}")
    apt = foreign.apt_options(cache, architecture)
    found = tuple(host.resolve(native.names, apt))
    linux = kernel.resolve_kernel(which, architecture, apt)
    return Inputs(native.names, found, linux, native.agent, architecture, apt, native)


def ensure_ramdisk(
    cache: Path,
    which: Kernel | str = Kernel.CLOUD,
    extra: Sequence[str] = (),
    agent: Agent = Agent.STBERNARD,
    *,
    architecture: Architecture | None = None,
) -> Path:
    """The directory of an up-to-date ramdisk (`kernel`, `ramdisk`, …) below `cache`.

    Built if it is missing; two at once build once. `architecture`: the host's own, unless said.
    Raises RamdiskError, ProgramError.
    """
    host.require_host()
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "ramdisk.lock"):
        inputs = resolve_inputs(Kernel(which), extra, agent)
        if architecture not in {None, inputs.architecture}:
            inputs = foreign_inputs(inputs, Kernel(which), architecture, cache)
        return cached(
            cache, f"ramdisk-{inputs.key}", lambda folder: assemble(inputs, cache, folder)
        )


def build(
    output: Path,
    cache: Path,
    which: Kernel = Kernel.CLOUD,
    extra: Sequence[str] = (),
    agent: Agent = Agent.STBERNARD,
    *,
    architecture: Architecture | None = None,
) -> None:
    """Puts a ramdisk's four files into `output`. Raises RamdiskError, ProgramError."""
    ready = ensure_ramdisk(cache, which, extra, agent, architecture=architecture)
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
    base = debian_layer(inputs, cache)
    parts = cached(
        cache,
        f"kernel-{inputs.kernel_key}",
        lambda to: kernel.build_kernel_parts(inputs.kernel, to, inputs.apt),
    )
    layers = {
        "1-debian": base / "debian.squashfs",
        "2-modules": parts / "modules.squashfs",
        "3-rescue": folder / "rescue.squashfs",
    }
    rescue.build_rescue_layer(layers["3-rescue"], python=inputs.python)
    if inputs.agent != Agent.STBERNARD:
        layers["4-agent"] = agent_layer(inputs, cache)
    pack_ramdisk(base / "busybox", parts / "initramfs-modules", layers, folder / "ramdisk")
    layers["3-rescue"].unlink()
    shutil.copyfile(parts / "kernel", folder / "kernel")
    listing = "".join(f"{package}\n" for package in sorted((*inputs.packages, inputs.kernel)))
    (folder / "packages.txt").write_text(listing)
    (folder / "manifest.json").write_text(describe(inputs, folder))


def debian_layer(inputs: Inputs, cache: Path) -> Path:
    """The directory with `debian.squashfs` and `busybox`."""

    def fill(folder: Path) -> None:
        if inputs.native:
            image = debian_layer(inputs.native, cache) / "debian.squashfs"
            foreign.build_foreign_layer(inputs.names, image, inputs.apt, folder)
        else:
            debian.build_debian_layer(inputs.names, folder)

    return cached(cache, f"debian-{inputs.debian_key}", fill)


def agent_layer(inputs: Inputs, cache: Path) -> Path:
    folder = cached(
        cache,
        f"agent-{inputs.agent_key}",
        lambda to: ironic_python_agent.build_agent_layer(inputs.python, to),
    )
    return folder / "agent.squashfs"


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
        "architecture": inputs.architecture,
        "kernel_package": str(inputs.kernel),
        "packages_asked_for": inputs.names,
        "agent": inputs.agent,
        "files": made,
    }
    return json.dumps(manifest, indent=2) + "\n"
