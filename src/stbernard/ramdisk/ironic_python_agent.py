"""The layer of the real ironic-python-agent, unmodified from PyPI: it takes our agent's place."""

import sys
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from stbernard.errors import RamdiskError
from stbernard.programs import run
from stbernard.ramdisk import pack
from stbernard.ramdisk.rescue import FILES, place_file

REQUIREMENTS = Path(__file__).with_name("ironic-python-agent.txt")
PACKAGES = ("hdparm", "lshw", "psmisc")
"""What it calls besides the tools that are in every ramdisk; without lshw it does not start."""
OVERLAY = FILES / "ironic-python-agent"
PLACE = "opt/ironic-python-agent"


class Agent(StrEnum):
    """Which agent a ramdisk runs."""

    STBERNARD = "stbernard"
    IRONIC = "ironic-python-agent"


def sources() -> Iterator[Path]:
    """Every file that the layer is made of, in order."""
    yield Path(__file__)
    yield REQUIREMENTS
    yield from sorted(path for path in OVERLAY.rglob("*") if path.is_file())


def build_agent_layer(python: str, folder: Path) -> None:
    """Writes `agent.squashfs` into the folder; `python` is the ramdisk's version, such as `3.11`.

    Raises RamdiskError, ProgramError."""
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python != mine:
        raise RamdiskError(
            f"the ramdisk's Python is {python} and this one {mine}: ironic-python-agent is put in "
            "by pip, which needs the same; build on the Debian release that the ramdisk is made of"
        )
    with tempfile.TemporaryDirectory(dir=folder, prefix="unpacked-") as scratch:
        tree = Path(scratch) / "tree"
        for file in sorted(path for path in OVERLAY.rglob("*") if path.is_file()):
            place_file(file, tree / file.relative_to(OVERLAY))
        run(
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps"),
            *("--disable-pip-version-check", "--root-user-action=ignore"),
            *("--target", tree / PLACE, "--requirement", REQUIREMENTS),
        )
        # As for Debian's: byte code that does not look at times.
        run(
            *("env", f"SOURCE_DATE_EPOCH={pack.EPOCH}", sys.executable, "-m", "compileall", "-qq"),
            *("--invalidation-mode", "unchecked-hash", "-s", tree, "-p", "/", tree / PLACE),
        )
        for directory in (tree, *(path for path in tree.rglob("*") if path.is_dir())):
            directory.chmod(0o755)
        pack.squashfs(tree, folder / "agent.squashfs")
