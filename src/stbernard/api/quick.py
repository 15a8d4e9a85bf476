"""Handlers that read a record and no more: on SQLite in the event loop itself (decision 86)."""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, TypeVar

from litestar.concurrency import sync_to_thread

from stbernard.api.parts import Parts

T = TypeVar("T")


def quick(handler: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    """A handler that waits for nothing but one row."""

    @wraps(handler)
    async def answered(**given: Any) -> T:
        return await quickly(given["parts"], partial(handler, **given))

    return answered


async def quickly(parts: Parts, work: Callable[[], T]) -> T:
    """Do it here and now; in a thread where the row comes from another host."""
    if parts.store.database.is_sqlite:
        return work()
    return await sync_to_thread(work)
