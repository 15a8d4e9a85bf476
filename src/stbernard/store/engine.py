"""Connections and transactions: `read` and `write`, for SQLite and PostgreSQL alike.

SQLite: WAL, synchronous=FULL, and one writer thread that commits what has queued up in one
transaction (group commit), so that many small writes cost one fsync. A lock file refuses a second
process. PostgreSQL: one transaction a write, from a pool of connections.
"""

import fcntl
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from stbernard.errors import SettingsError, Unavailable

T = TypeVar("T")
Work = Callable[[Connection], T]

GROUP = 64  # writes in one commit at the most
BUSY_TIMEOUT = 10_000  # milliseconds
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
    """One database. `read` and `write` run a function in a transaction and return its value.

    Raises Unavailable when the database cannot be reached or cannot write."""

    def __init__(self, url: str) -> None:
        self.url = _checked(url)
        self._lock: Any = None
        self._writer: _Writer | None = None
        self._reading: Engine
        if self.is_sqlite:
            self._open_sqlite()
        else:
            self.engine = _postgresql_engine(self.url)
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
        self.engine = self._reading = _sqlite_engine(self.url, begin="BEGIN")
        self._writer = _Writer(_sqlite_engine(self.url, begin="BEGIN IMMEDIATE"))

    def read(self, work: Work[T]) -> T:
        with _answering(), self._reading.connect() as connection:
            return work(connection)

    def write(self, work: Work[T]) -> T:
        if self._writer:
            return self._writer.do(work)
        with _answering(), self.engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        self.engine.dispose()
        if self._lock:
            self._lock.close()


@contextmanager
def _answering() -> Iterator[None]:
    """A database that is away, or went away just now, is Unavailable."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if not _is_away(error):
            raise
        raise _unavailable(error) from error


def _is_away(error: SQLAlchemyError) -> bool:
    if isinstance(error, (OperationalError, InterfaceError, PoolTimeout)):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _unavailable(error: SQLAlchemyError) -> Unavailable:
    reason = " ".join(str(getattr(error, "orig", error)).split())
    return Unavailable(f"The database does not answer: {reason}. Try again.")


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


def _postgresql_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args={name: value for name, value in _NETWORK.items() if name not in url.query},
        pool_pre_ping=True,
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=PATIENCE,
        hide_parameters=True,
    )

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


def _sqlite_engine(url: Any, begin: str) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # this module says BEGIN itself
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def say_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


class _Writer:
    """The thread that does all writes of a SQLite database, some at a time in one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def do(self, work: Work[T]) -> T:
        future: Future[T] = Future()
        self._queue.put((work, future))
        return future.result()

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        with self._engine.connect() as connection:
            while group := self._next_group():
                self._commit(connection, group)

    def _next_group(self) -> list[tuple[Work[Any], Future[Any]]]:
        first = self._queue.get()
        group = [first] if first else []
        while group and len(group) < GROUP and not self._queue.empty():
            following = self._queue.get()
            if following is None:
                self._queue.put(None)
                break
            group.append(following)
        return group

    def _commit(self, connection: Connection, group: list[tuple[Work[Any], Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        try:
            with connection.begin():
                for work, future in group:
                    try:
                        with connection.begin_nested():
                            done.append((future, work(connection)))
                    except OperationalError:
                        raise
                    except Exception as error:  # noqa: BLE001 (it is the caller's, told below)
                        future.set_exception(error)
        except OperationalError as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(_unavailable(error))
            return
        for future, value in done:
            future.set_result(value)


def is_duplicate(error: IntegrityError, column: str) -> bool:
    """Whether a UNIQUE constraint on this column refused the write (both databases)."""
    text = str(error.orig)
    return f".{column}" in text or f"({column})" in text
