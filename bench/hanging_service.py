"""`stbernard` whose fake BMCs take their time to answer: `SECONDS serve --config-file …`."""

import sys
import time

from stbernard.cli import app
from stbernard.drivers.base import Task
from stbernard.drivers.fake import FakeHardware
from stbernard.nodes import Power


def hang(seconds: float) -> None:
    get = FakeHardware.get_power_state

    def get_slowly(self: FakeHardware, task: Task) -> Power:
        time.sleep(seconds)
        return get(self, task)

    FakeHardware.get_power_state = get_slowly  # type: ignore[method-assign]


if __name__ == "__main__":
    hang(float(sys.argv[1]))
    app(sys.argv[2:])
