"""`stbernard` that kills itself at a save: `python -m tests.crash.killed_service FOLDER serve …`.

FOLDER is shared by all the processes of a test. Each save of a step by a worker has a number, in
the order in which they are made by any of them. The file `die` says at which number the one that
makes it ends, and how: SIGKILL `before` the transaction (the effect happened, nobody knows) or
`after` it (the next step has not begun), or SIGSTOP before it (`freeze`).
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from stbernard.cli import app
from stbernard.drivers.fake import FakeHardware
from stbernard.store.leases import Leases

SAVES, DIE = "saves", "die"


def number_of_this_save(folder: Path) -> int:
    """One more than the saves before it; a byte is appended for each."""
    with (folder / SAVES).open("ab") as saves:
        saves.write(b".")
        saves.flush()
        return saves.tell()


def how_to_die(folder: Path, number: int) -> str | None:
    try:
        at, how = (folder / DIE).read_text().split()
    except FileNotFoundError:
        return None
    return how if number == int(at) else None


def die_in(folder: Path) -> None:
    save = Leases.save_soon

    def killed_save(self: Leases, *args: Any, **kwargs: Any) -> Any:
        how = how_to_die(folder, number_of_this_save(folder))
        if how == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        saved = save(self, *args, **kwargs)
        if how == "after":
            saved.result()
            os.kill(os.getpid(), signal.SIGKILL)
        return saved

    Leases.save_soon = killed_save  # type: ignore[method-assign]


if __name__ == "__main__":
    FakeHardware.needs_ramdisk = True
    die_in(Path(sys.argv[1]))
    app(sys.argv[2:])
