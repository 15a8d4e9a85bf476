"""SQLite's one writer: a thread that commits what has queued up in one transaction."""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from stbernard.store.away import is_away, unavailable

T = TypeVar("T")
Work = Callable[[Connection], T]
_Asked = tuple[Callable[[Connection], Any], Future[Any]]

GROUP = 64  # writes in one commit at the most


class Writer:
    """The thread that does all writes of a SQLite database, some at a time in one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._told: _Told | None = None
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def ask(self, work: Work[T]) -> Future[T]:
        """Have it done; what is called when it is done must not take long."""
        future: Future[T] = Future()
        self._queue.put((work, future))
        return future

    def do(self, work: Work[T]) -> T:
        """Have it done, and wait for it."""
        return self.ask(work).result()

    async def done(self, work: Work[T]) -> T:
        """The same for the event loop, which no thread waits for."""
        loop = asyncio.get_running_loop()
        if self._told is None or self._told.loop is not loop:
            self._told = _Told(loop)
        return await self._told.of(self.ask(work))

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        connection: Connection | None = None  # kept: the way through a pool takes as long as BEGIN
        while first := self._queue.get():
            group = [first] if _begun(first) else []
            try:
                connection = connection or self._engine.connect()
                self._commit(connection, group)
            except Exception as error:  # noqa: BLE001 (who waits has to hear, the next may go on)
                told = unavailable(error) if is_away(error) else error
                for _, future in group:
                    if not future.done():
                        future.set_exception(told)
                if connection:
                    with suppress(Exception):  # it failed already, and was told of
                        connection.close()
                connection = None
        if connection:
            connection.close()

    def _take_more(self, group: list[_Asked]) -> None:
        while len(group) < GROUP and not self._queue.empty():
            following = self._queue.get()
            if following is None:
                self._queue.put(None)
                break
            if _begun(following):
                group.append(following)

    def _growing(self, group: list[_Asked]) -> Iterator[_Asked]:
        """The group, and what is asked for while it is being written: one commit for them all."""
        for asked in group:
            yield asked
            self._take_more(group)

    def _commit(self, connection: Connection, group: list[_Asked]) -> None:
        """All in one transaction; if one of them fails, again, each in a savepoint of its own."""
        try:
            with connection.begin():
                values = [work(connection) for work, _ in self._growing(group)]
        except Exception as error:
            if is_away(error):
                raise
            self._commit_each(connection, group)  # whose fault it is, is found out one by one
            return
        for (_, future), value in zip(group, values, strict=True):
            future.set_result(value)

    def _commit_each(self, connection: Connection, group: list[_Asked]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        with connection.begin():
            for work, future in group:
                try:
                    with connection.begin_nested():
                        done.append((future, work(connection)))
                except Exception as error:
                    if is_away(error):
                        raise
                    future.set_exception(error)  # it is the caller's
        for future, value in done:
            future.set_result(value)


class _Told:
    """Tells an event loop which writes are done: it is woken up once for all of a commit."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._lock = threading.Lock()
        self._done: list[tuple[asyncio.Future[Any], Future[Any]]] = []

    async def of(self, asked: Future[T]) -> T:
        """What was asked for. Who does not wait any more calls it off, if it has not begun."""
        awaited: asyncio.Future[T] = self.loop.create_future()
        asked.add_done_callback(lambda done: self._tell(awaited, done))
        try:
            return await awaited
        except asyncio.CancelledError:
            asked.cancel()
            raise

    def _tell(self, awaited: asyncio.Future[Any], done: Future[Any]) -> None:
        """In the writer's thread."""
        with self._lock:
            self._done.append((awaited, done))
            if len(self._done) > 1:
                return
        self.loop.call_soon_threadsafe(self._pass_on)

    def _pass_on(self) -> None:
        with self._lock:
            told, self._done = self._done, []
        for awaited, done in told:
            if awaited.cancelled():
                continue
            if error := done.exception():
                awaited.set_exception(error)
            else:
                awaited.set_result(done.result())


def _begun(asked: _Asked) -> bool:
    """Whether somebody still wants it; from now on nobody can call it off."""
    return asked[1].set_running_or_notify_cancel()
