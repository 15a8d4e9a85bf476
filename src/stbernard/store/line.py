"""The line of a process to PostgreSQL, as long as the process lives.

Over it the processes of one database tell each other their news (LISTEN, NOTIFY), and a worker
holds its name (an advisory lock, which ends with the connection, also by kill -9): a second worker
of that name is refused. A line that breaks is put up again; meanwhile everybody looks by himself.
"""

import os
import select
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import structlog

from stbernard.errors import SettingsError, Unavailable
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.news import News

log = structlog.get_logger()

GAP = 0.005  # seconds between two notices: a thousand changes are told at once
AGAIN = 1.0  # seconds until a line that broke is tried again
PATIENCE = 15.0  # seconds in which the database notices that the host of an earlier life is gone
_NOTICE_DEATH = (("idle", 5), ("interval", 2), ("count", 3))  # of this process, by the database
_TRY, _SHARE, _UNLOCK = (
    f"SELECT {function}(hashtextextended(%s, 0))"
    for function in ("pg_try_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_unlock")
)


@contextmanager
def line(store: Store, *, name: str | None, serves: str | None) -> Iterator[bool]:
    """Have the store's news told and heard as long as this lasts; nothing to do with SQLite.

    `name`: the worker's, `serves`: the address of the boot files, each if the process does that.
    Says whether no other process serves these. Raises Unavailable, and SettingsError when another
    worker has the name."""
    if store.database.is_sqlite:
        yield serves is not None
        return
    news = {"stbernard_news": store.news, "stbernard_due": store.due}
    opened = Line(store.database, news, name, serves)
    try:
        yield opened.open()
    finally:
        opened.close()


class Line:
    """`news` by the channel that carries them; what is told with them here is told there."""

    def __init__(
        self,
        database: Database,
        news: Mapping[str, News],
        name: str | None = None,
        serves: str | None = None,
    ) -> None:
        self._database = database
        self._news = news
        self._name = name
        self._serves = serves
        self._origin = uuid.uuid4().hex
        self._to_tell: set[str] = set()
        self._lock = threading.Lock()
        self._woken, self._wake = os.pipe()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self._connection: Any = None
        self._named = name is None

    def open(self) -> bool:
        """Says whether no other process serves. Raises Unavailable, SettingsError."""
        self._connection = connection = self._database.own_connection()
        serves_alone = bool(self._serves) and _lock(connection, f"serves {self._serves}")
        self._prepare(connection)
        if serves_alone:  # from now on it shares that
            connection.execute(_UNLOCK, (f"stbernard serves {self._serves}",))
        deadline = time.monotonic() + PATIENCE
        while not self._take_name(self._connection):
            if time.monotonic() > deadline:
                raise SettingsError(
                    f"A worker named '{self._name}' is at work on this database. Each needs a name "
                    "of its own: set [DEFAULT]host."
                )
            time.sleep(AGAIN)
        for channel, news in self._news.items():
            news.tell_others = partial(self._tell, channel)
        self._thread.start()
        return serves_alone

    def close(self) -> None:
        self._closing = True
        os.write(self._wake, b".")
        if self._thread.is_alive():
            self._thread.join()
        if self._connection:
            self._connection.close()
        os.close(self._wake)
        os.close(self._woken)

    def _tell(self, channel: str) -> None:
        with self._lock:
            waits = bool(self._to_tell)
            self._to_tell.add(channel)
        if not waits:
            os.write(self._wake, b".")

    def _run(self) -> None:
        while not self._closing:
            try:
                if self._connection is None:
                    self._connection = self._connect_again()
                self._talk(self._connection)
            except (psycopg.Error, Unavailable) as error:
                log.warning("the line to the database is broken", error=str(error).strip())
                if self._connection:
                    self._connection.close()
                self._connection = None
                self._sleep((), AGAIN)

    def _talk(self, connection: Any) -> None:
        """Tell what is to be told, hear what there is, sleep until there is more."""
        while not self._closing:
            with self._lock:
                channels, self._to_tell = self._to_tell, set()
            for channel in channels:
                connection.execute("SELECT pg_notify(%s, %s)", (channel, self._origin))
            heard = {
                notice.channel
                for notice in connection.notifies(timeout=0)
                if notice.payload != self._origin
            }
            for channel in heard:
                self._news[channel].hear()
            if channels:
                time.sleep(GAP)
            self._sleep((connection,), None if self._take_name(connection) else AGAIN)

    def _sleep(self, connections: tuple[Any, ...], seconds: float | None) -> None:
        """Until one of them has something to say, or there is something to tell."""
        watched = select.poll()  # select() refuses descriptors above 1023
        for each in (*connections, self._woken):
            watched.register(each, select.POLLIN)
        readable = watched.poll(None if seconds is None else seconds * 1000)
        if any(descriptor == self._woken for descriptor, _ in readable):
            os.read(self._woken, 1024)

    def _prepare(self, connection: Any) -> None:
        for name, value in _NOTICE_DEATH:
            connection.execute(f"SET tcp_keepalives_{name} = {value}")
        for channel in self._news:
            connection.execute(f"LISTEN {channel}")
        if self._serves:  # who asks whether it is alone has the lock for a moment
            connection.execute(_SHARE, (f"stbernard serves {self._serves}",))

    def _connect_again(self) -> Any:
        """What was told meanwhile is lost, so that everybody looks."""
        connection = self._database.own_connection()
        self._prepare(connection)
        self._named = self._name is None
        log.info("the line to the database is up again")
        for news in self._news.values():
            news.hear()
        return connection

    def _take_name(self, connection: Any) -> bool:
        """Whether the name is this worker's, or is so now."""
        if not self._named:
            self._named = _lock(connection, f"worker {self._name}")
        return self._named


def _lock(connection: Any, what: str) -> bool:
    """Try for a lock, which ends with the connection."""
    return bool(connection.execute(_TRY, (f"stbernard {what}",)).fetchone()[0])
