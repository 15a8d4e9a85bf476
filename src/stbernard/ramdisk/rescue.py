"""The layer of this project: init, configuration and agent."""

import py_compile
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from stbernard.errors import RamdiskError
from stbernard.ramdisk import pack

AGENT = "stbernard_agent"

PYTHON_PATH = "usr/lib/python3/dist-packages"

FILES = Path(__file__).parent / "files"

LINKS = {
    "etc/issue": "/run/stbernard/issue",
    "usr/bin/vim": "vim.tiny",
    "usr/sbin/halt": "/usr/bin/busybox",
    "usr/sbin/poweroff": "/usr/bin/busybox",
    "usr/sbin/reboot": "/usr/bin/busybox",
}
"""Symbolic links of the layer; kept here because a wheel cannot carry them."""


def sources() -> dict[str, Path]:
    """Every file of the layer, by its path in the ramdisk, sorted."""
    overlay = FILES / "rescue"
    agent = agent_directory()
    found = {str(path.relative_to(overlay)): path for path in overlay.rglob("*") if path.is_file()}
    for path in agent.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            found[f"{PYTHON_PATH}/{AGENT}/{path.relative_to(agent)}"] = path
    return dict(sorted(found.items()))


def agent_directory() -> Path:
    """Where the agent's package is installed. Raises RamdiskError when it is not."""
    spec = find_spec(AGENT)
    if spec is None or not spec.submodule_search_locations:
        raise RamdiskError(f"the package {AGENT} is not installed beside stbernard")
    return Path(spec.submodule_search_locations[0])


def build_rescue_layer(image: Path, *, python: str) -> None:
    """Packs the layer; `python` is the ramdisk's version, such as `3.11`."""
    with tempfile.TemporaryDirectory(dir=image.parent) as scratch:
        tree = Path(scratch) / "tree"
        fill(tree)
        # Byte code of another Python is of no use there; the agent then starts a second later.
        if python == f"{sys.version_info.major}.{sys.version_info.minor}":
            for source in sorted((tree / PYTHON_PATH).rglob("*.py")):
                compile_file(source, Path("/") / source.relative_to(tree))
        for directory in (tree, *(path for path in tree.rglob("*") if path.is_dir())):
            directory.chmod(0o755)
        pack.squashfs(tree, image)


def fill(tree: Path) -> None:
    for name, source in sources().items():
        place_file(source, tree / name)
    for name, target in LINKS.items():
        link = tree / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)


def place_file(source: Path, place: Path) -> None:
    """Copies a file; scripts become executable, whatever mode a checkout or wheel left them."""
    place.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    place.write_bytes(content)
    place.chmod(0o755 if content.startswith(b"#!") else 0o644)


def compile_file(source: Path, shown_as: Path) -> None:
    """Byte code that never looks at the time of its source, with the path that tracebacks show."""
    py_compile.compile(
        str(source),
        dfile=str(shown_as),
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
