"""Runs the host's programs."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stbernard.errors import ProgramError


def run(
    *command: str | Path,
    stdin: str = "",
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run `command` to its end and return what it prints on stdout.

    `environment` comes on top of this process's. Raises ProgramError, also for one that is missing.
    """
    try:
        done = subprocess.run(
            command,
            input=stdin,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ProgramError(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise ProgramError(f"{command[0]} ended with {done.returncode}:\n{tail}")
    return done.stdout
