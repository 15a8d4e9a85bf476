"""Whose turn it is at a BMC: one call at a time, none while it is left alone, and few threads in
all for BMCs that do not answer (docs/decisions/0071-dead-bmcs.md)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from stbernard.drivers.base import Task
from stbernard.errors import BMCError, BMCUnreachable

PAUSES = (1.0, 8.0)  # seconds a BMC that did not answer is left alone: at first, at most
LONGEST_WISH = 60.0  # … and when it says itself for how long (Retry-After)
QUEUE = 5.0  # seconds into a call for which others wait for their turn
SHARE = 4  # one of so many threads may ask BMCs that did not answer last time


@dataclass
class _Bmc:
    turn: Lock = field(default_factory=Lock)
    taken_at: float | None = None  # when its turn was taken; times are time.monotonic()'s
    silence: str | None = None  # the error that began it
    pause: float = 0.0
    until: float = 0.0


class Turns:
    """Of this process, by the BMC's address."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bmcs: dict[str, _Bmc] = {}
        self._asking_silent_ones = 0

    @contextmanager
    def take(self, task: Task, address: str) -> Iterator[None]:
        """The block is a call. Raises BMCUnreachable or BMCError at once if it cannot be made now;
        what the block raises tells whether the BMC answered."""
        with self._lock:
            bmc = self._bmcs.setdefault(address, _Bmc())
        self._queue(bmc, task, address)
        try:
            with self._among_the_silent(bmc, task):
                yield
        except BMCUnreachable as error:
            _leave_alone(bmc, error)
            raise
        except Exception:
            bmc.silence = None
            raise
        else:
            bmc.silence = None
        finally:
            bmc.taken_at = None
            bmc.turn.release()

    def _queue(self, bmc: _Bmc, task: Task, address: str) -> None:
        """A thread waits as long as calls begin and end, not for one that seems to hang."""
        patience = 0.0
        while not bmc.turn.acquire(timeout=patience):
            taken_at = bmc.taken_at  # None: whose turn it is now has not noted the time yet
            under_way = 0.0 if taken_at is None else time.monotonic() - taken_at
            if bmc.silence or under_way >= QUEUE:
                raise BMCError(
                    f"The BMC {address} of node {task.node.uuid} is still at work on another "
                    f"call, for {under_way:.0f} s now."
                )
            patience = QUEUE - under_way
        bmc.taken_at = time.monotonic()

    @contextmanager
    def _among_the_silent(self, bmc: _Bmc, task: Task) -> Iterator[None]:
        """Count the call, if the BMC did not answer last time."""
        if bmc.silence is None:
            yield
            return
        most = max(1, task.settings.conductor.workers_pool_size // SHARE)
        with self._lock:
            wait = max(0.0, bmc.until - time.monotonic())
            if wait or self._asking_silent_ones >= most:
                raise _StillSilent(f"{bmc.silence} It is asked again in {max(wait, 1):.0f} s.")
            self._asking_silent_ones += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking_silent_ones -= 1


class _StillSilent(BMCUnreachable):
    """It was not asked."""


def _leave_alone(bmc: _Bmc, error: BMCUnreachable) -> None:
    if isinstance(error, _StillSilent):
        return
    first = bmc.silence is None
    bmc.pause = PAUSES[0] if first else min(2 * bmc.pause, PAUSES[1])
    wish = min(error.retry_after or 0.0, LONGEST_WISH)
    bmc.silence = str(error)
    bmc.until = time.monotonic() + max(bmc.pause, wish)


turns = Turns()
