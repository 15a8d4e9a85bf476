"""The time as all processes on one database agree on it, in seconds since the epoch.

Taken once from the database and counted on by the monotonic clock: a host's clock that jumps, or is
wrong, harms nobody's leases and deadlines (docs/decisions/0083-one-clock.md).
"""

import time
from collections.abc import Callable

STEP = 0.1  # seconds by which `follow` corrects at the most, each time
PRECISION = 0.05  # seconds; less is the way to the database and back


class _Clock:
    ahead = time.time() - time.monotonic()


def now() -> float:
    return time.monotonic() + _Clock.ahead


def start(read: Callable[[], float]) -> None:
    """Take the time from there."""
    _Clock.ahead += _difference(read)


def follow(read: Callable[[], float]) -> None:
    """Correct a drift, little by little; to be called every few seconds. Follows no jump."""
    difference = _difference(read)
    if abs(difference) > PRECISION:
        _Clock.ahead += max(-STEP, min(STEP, difference))


def _difference(read: Callable[[], float]) -> float:
    before = now()
    theirs = read()
    return theirs - (before + now()) / 2
