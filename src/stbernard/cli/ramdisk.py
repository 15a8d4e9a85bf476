"""`stbernard ramdisk`: make what a server is rescued with."""

import os
from pathlib import Path
from typing import Annotated

from typer import Option, Typer, echo

from stbernard.cli.options import errors_as_lines
from stbernard.ramdisk.build import OUTPUTS
from stbernard.ramdisk.build import build as write
from stbernard.ramdisk.kernel import Kernel

app = Typer(no_args_is_help=True, help="Build the rescue ramdisk.")

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stbernard"


@app.command()
def build(
    output: Annotated[
        Path, Option(help="Directory for kernel, ramdisk, packages.txt and manifest.json.")
    ],
    kernel: Annotated[
        Kernel, Option(help="cloud: virtual machines; full: real servers too.")
    ] = Kernel.CLOUD,
    package: Annotated[
        list[str] | None, Option(help="One more Debian package; repeatable.")
    ] = None,
    cache: Annotated[Path, Option(help="Where layers are kept between builds.")] = CACHE,
) -> None:
    """Build a ramdisk from Debian packages, taken from this host's own apt sources. Needs root."""
    with errors_as_lines():
        write(output, cache, kernel, package or [])
    for name in OUTPUTS:
        echo(f"{(output / name).stat().st_size / 1e6:8.1f} MB  {output / name}")


@app.callback()
def _group() -> None:
    """Typer makes a command group of it even while there is only one command."""
