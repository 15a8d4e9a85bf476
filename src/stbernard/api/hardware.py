"""Threads for requests that wait for a BMC, apart from all others.

A BMC that is away lets its request wait for most of a minute. However many of them wait, a
heartbeat never waits for one."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from stbernard.api.parts import Parts
from stbernard.api.patience import patiently

T = TypeVar("T")

_WAITING = CapacityLimiter(20)


async def wait_for(work: Callable[[], T]) -> T:
    """Run it in one of these threads."""
    return await to_thread.run_sync(work, limiter=_WAITING)


async def wait_for_change(parts: Parts, work: Callable[[], T]) -> T:
    """The same for what needs a node that no operation holds: wait for that first, on no thread.

    Raises NodeLocked."""
    return await patiently(parts, partial(wait_for, work))
