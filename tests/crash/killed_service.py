"""`stbernard serve` that kills itself: `python -m tests.crash.killed_service N WHEN serve …`.

At the N-th time its worker saves what a step did it dies by SIGKILL, `before` the transaction (the
effect happened, nobody knows) or `after` it (the next step has not begun).
"""

import os
import signal
import sys
from itertools import count
from typing import Any

from stbernard.cli import app
from stbernard.store.leases import Leases


def die_at(number: int, when: str) -> None:
    saves = count(1)
    save = Leases.save

    def killed_save(self: Leases, *args: Any, **kwargs: Any) -> Any:
        last = next(saves) == number
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        saved = save(self, *args, **kwargs)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return saved

    Leases.save = killed_save  # type: ignore[method-assign]


if __name__ == "__main__":
    die_at(int(sys.argv[1]), sys.argv[2])
    app(sys.argv[3:])
