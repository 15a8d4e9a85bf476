"""`stbernard` with fake hardware that waits for an agent, and notes when the step after it begins.

    python -m bench.heartbeat_service FILE serve --config-file …

A line of FILE is a node and the time by the host's monotonic clock, the same in each process.
"""

import sys
import time
from pathlib import Path

from stbernard.cli import app
from stbernard.drivers.base import Task
from stbernard.drivers.fake import FakeHardware
from stbernard.nodes import Login


def note_in(file: Path) -> None:
    def meet(self: FakeHardware, task: Task) -> Login:  # noqa: ARG001 (it becomes a method)
        now = time.monotonic()
        with file.open("a") as lines:
            lines.write(f"{task.node.uuid} {now}\n")
        return Login()

    FakeHardware.needs_ramdisk = True
    FakeHardware.meet = meet  # type: ignore[method-assign]


if __name__ == "__main__":
    note_in(Path(sys.argv[1]))
    app(sys.argv[2:])
