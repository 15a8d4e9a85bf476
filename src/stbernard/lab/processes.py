"""Programs that go on running after the one that started them, found again by pid files.

A pid alone may meanwhile belong to somebody else: a process counts only if its command line names
the directory its pid file lies in.
"""

import contextlib
import os
import select
from pathlib import Path

import psutil

GRACE_SECONDS = 10


def find(pid_file: Path) -> psutil.Process | None:
    """The running process of this pid file, or None."""
    try:
        process = psutil.Process(int(pid_file.read_text()))
        ours = any(str(pid_file.parent) in argument for argument in process.cmdline())
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.ZombieProcess):
        return None
    return process if ours else None


def wait(process: psutil.Process, seconds: float) -> bool:
    """Wait until `process` has ended; False when it has not within `seconds`.

    psutil's own wait also waits for its parent, here process 1, to take notice: up to 2 s.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def end(pid_file: Path) -> None:
    """End the process of this pid file, by force after GRACE_SECONDS, and remove the file."""
    process = find(pid_file)
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            if not wait(process, GRACE_SECONDS):
                process.kill()
                wait(process, GRACE_SECONDS)
    pid_file.unlink(missing_ok=True)
