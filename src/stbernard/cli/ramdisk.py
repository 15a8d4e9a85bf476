"""`stbernard ramdisk`: make what a server is rescued with."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from typer import Option, Typer, echo

from stbernard.cli.options import errors_as_lines
from stbernard.errors import ImageError
from stbernard.images import iso as media
from stbernard.ramdisk.build import OUTPUTS
from stbernard.ramdisk.build import build as write
from stbernard.ramdisk.host import Architecture
from stbernard.ramdisk.ironic_python_agent import Agent
from stbernard.ramdisk.kernel import Kernel

app = Typer(no_args_is_help=True, help="Build the rescue ramdisk.")

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stbernard"


@app.command()
def build(
    *,
    output: Annotated[
        Path, Option(help="Directory for kernel, ramdisk, packages.txt and manifest.json.")
    ],
    kernel: Annotated[
        Kernel, Option(help="cloud: virtual machines; full: real servers too.")
    ] = Kernel.CLOUD,
    package: Annotated[
        list[str] | None, Option(help="One more Debian package; repeatable.")
    ] = None,
    agent: Annotated[
        Agent, Option(help="stbernard: ours; ironic-python-agent: the real one, from PyPI.")
    ] = Agent.STBERNARD,
    arch: Annotated[
        Architecture | None, Option(help="The servers' processors. [default: this host's own]")
    ] = None,
    cache: Annotated[Path, Option(help="Where layers are kept between builds.")] = CACHE,
) -> None:
    """Build a ramdisk from Debian packages, taken from this host's own apt sources. Needs root."""
    with errors_as_lines():
        write(output, cache, kernel, package or [], agent, architecture=arch)
    for name in OUTPUTS:
        echo(f"{(output / name).stat().st_size / 1e6:8.1f} MB  {output / name}")


@app.command()
def iso(
    output: Annotated[Path, Option(help="The ISO to write.")],
    ramdisk: Annotated[Path, Option(help="Directory with kernel and ramdisk, as built.")],
    arguments: Annotated[
        str, Option(help="Kernel arguments; ipa-api-url=… has to be one of them.")
    ],
) -> None:
    """Make a `rescue_iso` of a ramdisk, for BIOS and UEFI. Nothing secret is in it."""
    with errors_as_lines():
        if missing := media.missing_packages():
            raise ImageError(f"programs are missing: apt-get install {' '.join(missing)}")
        images = {name: ramdisk / name for name in ("kernel", "ramdisk")}
        with TemporaryDirectory(dir=output.parent) as name:
            folder = Path(name)
            loaders = media.ensure_loaders(folder)
            (folder / "made").mkdir()
            media.write_iso(folder / "made", loaders, images, arguments, b"").replace(output)
    echo(f"{output.stat().st_size / 1e6:8.1f} MB  {output}")
