"""Requests for a node that an operation holds: they wait a little, on no thread, and ask again."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, TypeVar

from litestar.concurrency import sync_to_thread

from stbernard.api.parts import Parts
from stbernard.errors import NodeLocked
from stbernard.store.news import LOOK_AGAIN, News

T = TypeVar("T")

PAUSE = 0.1  # seconds at least between two looks at a node, however many other nodes have news


def patient(handler: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    """A handler that runs in a thread, and again when there is news, while its node is held.

    As long as [conductor]node_locked_retry_attempts and _interval say; then NodeLocked."""

    @wraps(handler)
    async def asked(**given: Any) -> T:
        return await patiently(given["parts"], partial(sync_to_thread, handler, **given))

    return asked


async def patiently(parts: Parts, work: Callable[[], Awaitable[T]]) -> T:
    """The same for any work. Raises NodeLocked."""
    try:
        return await work()
    except NodeLocked as error:
        conductor = parts.settings.conductor
        pauses = conductor.node_locked_retry_attempts - 1
        seconds = pauses * conductor.node_locked_retry_interval
        return await _ask_again(work, seconds, parts.store.news, error)


async def _ask_again(
    work: Callable[[], Awaitable[T]], seconds: float, news: News, error: NodeLocked
) -> T:
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    ends = loop.time() + seconds
    heard.set()  # the node may have been let go before anybody listened
    with news.listener(lambda: loop.call_soon_threadsafe(heard.set)):
        while (left := ends - loop.time()) > 0:
            await asyncio.sleep(min(PAUSE, left))
            if await _in_time(heard, min(LOOK_AGAIN, ends - loop.time())):
                heard.clear()
            try:
                return await work()
            except NodeLocked as again:
                error = again
    raise error


async def _in_time(event: asyncio.Event, seconds: float) -> bool:
    try:
        return await asyncio.wait_for(event.wait(), max(seconds, 0))
    except TimeoutError:
        return False
