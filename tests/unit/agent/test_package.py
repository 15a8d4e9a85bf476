"""What the ramdisk relies on."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import stbernard_agent

PACKAGE = Path(stbernard_agent.__file__).parent


def test_one_version() -> None:
    assert importlib.metadata.version("stbernard-agent") == stbernard_agent.__version__


def test_the_lease_script_can_be_run() -> None:
    script = PACKAGE / "lease.sh"
    assert os.access(script, os.X_OK)
    subprocess.run(["busybox", "sh", "-n", script], check=True)


def test_only_the_standard_library_is_imported() -> None:
    """An isolated interpreter without site-packages can import every module."""
    modules = [
        f"stbernard_agent.{path.stem}" for path in PACKAGE.glob("*.py") if path.stem[0] != "_"
    ]
    program = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
    program += "\n".join(f"import {module}" for module in modules)
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)
