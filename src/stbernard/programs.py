"""Runs the host's programs."""

import os
import subprocess
from pathlib import Path

from stbernard.errors import ProgramError


def run(*command: str | Path, stdin: str | None = None, cwd: Path | None = None) -> str:
    """Run `command` to its end and return what it prints on standard output.

    Raises ProgramError with the last lines it printed, also for a program that is not there.
    """
    try:
        done = subprocess.run(
            command,
            input=stdin,
            cwd=cwd,
            env=os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ProgramError(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        complaint = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ProgramError(f"{command[0]} failed with status {done.returncode}:\n{complaint}")
    return done.stdout
