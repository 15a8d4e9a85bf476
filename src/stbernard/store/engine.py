"""Connections and transactions: `read` and `write`, for SQLite and PostgreSQL alike.

SQLite: WAL, synchronous=FULL, and one writer thread that commits what has queued up in one
transaction (group commit), so that many small writes cost one fsync. A lock file refuses a second
process. PostgreSQL: one transaction a write, from a pool of connections.
"""

import asyncio
import fcntl
import time
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from stbernard.errors import SettingsError
from stbernard.store.away import answering
from stbernard.store.writer import Work, Writer

T = TypeVar("T")

BUSY_TIMEOUT = 10_000  # milliseconds
CHECKPOINT = 4000  # pages of WAL (16 MB); at each a page that is written often is copied once
POOL = 20  # connections to PostgreSQL
PATIENCE = 10  # seconds for a connection, for a row's lock, or for a transaction to go on
_NETWORK = {  # how soon a database host that is gone is noticed
    "connect_timeout": PATIENCE,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": PATIENCE * 1000,  # milliseconds
}


class Database:
    """One database. `read` and `write` run a function and return its value: `write` in a
    transaction, `read` without one, so that each of its statements sees what is there by then.

    Raises Unavailable when the database cannot be reached or cannot write."""

    def __init__(self, url: str) -> None:
        self.url = _checked(url)
        self._lock: Any = None
        self._writer: Writer | None = None
        self._reading: Engine
        self._readers: deque[Connection] = deque()  # those of SQLite that nobody reads from now
        if self.is_sqlite:
            self._open_sqlite()
        else:
            self.engine = _postgresql_engine(
                self.url,
                pool_pre_ping=True,
                pool_size=POOL,
                max_overflow=0,
                pool_timeout=PATIENCE,
            )
            self._apart = _postgresql_engine(self.url, poolclass=NullPool)
            # one statement needs no BEGIN and no ROLLBACK around it
            self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def is_sqlite(self) -> bool:
        """Whether this process is the only one on the database."""
        return self.url.get_backend_name() == "sqlite"

    def _open_sqlite(self) -> None:
        if not self.url.database or self.url.database == ":memory:":
            raise SettingsError(
                "[database]connection: SQLite needs a file, e.g. sqlite:////var/lib/stbernard/db."
            )
        Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self._lock = _only_process(Path(self.url.database + ".lock"))
        self.engine = self._reading = _sqlite_engine(self.url)
        self._writer = Writer(_sqlite_engine(self.url, begin="BEGIN IMMEDIATE"))

    def read(self, work: Work[T]) -> T:
        with answering():
            if self._writer:
                return self._read_kept(work)
            with self._reading.connect() as connection:
                return work(connection)

    def _read_kept(self, work: Work[T]) -> T:
        """SQLite's connections are kept: the way through a pool takes as long as finding a row."""
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._reading.connect()
        try:
            value = work(connection)
            connection.rollback()  # of SQLAlchemy's record of one; SQLite has begun none
        except BaseException:
            connection.close()
            raise
        self._readers.append(connection)
        return value

    def write(self, work: Work[T], *, apart: bool = False) -> T:
        """The work may be done more than once until it is committed: it changes nothing else.

        `apart`: on a connection of its own, for what must not wait until one is free."""
        if self._writer:
            return self._writer.do(work)
        engine = self._apart if apart else self.engine
        with answering(), engine.begin() as connection:
            return work(connection)

    def ask(self, work: Work[T]) -> Future[T]:
        """`write`, while nobody waits; on PostgreSQL it is done when this returns."""
        if self._writer:
            return self._writer.ask(work)
        done: Future[T] = Future()
        try:
            done.set_result(self.write(work))
        except Exception as error:  # noqa: BLE001 (for whoever asks for the result)
            done.set_exception(error)
        return done

    async def write_soon(self, work: Work[T]) -> T:
        """`write` for the event loop, with no thread that waits for SQLite's writer."""
        if self._writer:
            return await self._writer.done(work)
        return await asyncio.to_thread(self.write, work)

    def time(self) -> float:
        """The database's clock, in seconds since the epoch."""
        if self.is_sqlite:
            return time.time()
        now = text("SELECT extract(epoch FROM clock_timestamp())::float8")
        with answering(), self._apart.connect() as connection:
            connection.execute(now)  # the first one pays for the connection
            return float(connection.execute(now).scalar_one())

    def own_connection(self) -> Any:
        """A connection of psycopg's, in autocommit, which the caller keeps and closes."""
        with answering():
            pooled = self._apart.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        connection.autocommit = True
        return connection

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        while self._readers:
            self._readers.pop().close()
        self.engine.dispose()
        if self._lock:
            self._lock.close()


def _checked(text: str) -> URL:
    """Raises SettingsError for what is no URL of a database that is offered."""
    try:
        url = make_url(text)
    except SQLAlchemyError:  # which may quote a password
        url = None
    if url is None or url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise SettingsError(
            "[database]connection is wrong: it is to be sqlite:////PATH, or "
            "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE."
        )
    return url


def _postgresql_engine(url: URL, **pool: Any) -> Engine:
    network = {name: value for name, value in _NETWORK.items() if name not in url.query}
    engine = create_engine(url, connect_args=network, hide_parameters=True, **pool)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        """A worker that hangs in a transaction holds nobody else up for long."""
        connection.execute(f"SET lock_timeout = '{PATIENCE}s'")
        connection.execute(f"SET idle_in_transaction_session_timeout = '{PATIENCE}s'")
        connection.commit()

    return engine


def _only_process(path: Path) -> Any:
    """Hold the lock file for as long as this process lives (the kernel frees it after kill -9)."""
    handle = path.open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise SettingsError(
            f"The SQLite database is in use by another process ({path}). SQLite serves one "
            "process; stop the other one, or set [database]connection to a PostgreSQL database."
        ) from None
    return handle


def _sqlite_engine(url: Any, begin: str | None = None) -> Engine:
    """Without `begin` each statement is a transaction of its own, which suffices to read."""
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False},
        pool_size=0,  # as many as there are threads: nobody waits for a connection
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # this module says BEGIN itself
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"wal_autocheckpoint={CHECKPOINT}",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    if begin:

        @event.listens_for(engine, "begin")
        def say_begin(connection: Connection) -> None:
            driver: Any = connection.connection.driver_connection
            driver.execute(begin)

    return engine


def is_duplicate(error: IntegrityError, column: str) -> bool:
    """Whether a UNIQUE constraint on this column refused the write (both databases)."""
    text = str(error.orig)
    return f".{column}" in text or f"({column})" in text
