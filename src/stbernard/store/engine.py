"""Connections and transactions: `read` and `write`, for SQLite and PostgreSQL alike.

SQLite: WAL, synchronous=FULL, and one writer thread that commits what has queued up in one
transaction (group commit), so that many small writes cost one fsync. A lock file refuses a second
process. PostgreSQL: one transaction a write.
"""

import fcntl
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from stbernard.errors import SettingsError, Unavailable

T = TypeVar("T")
Work = Callable[[Connection], T]

GROUP = 64  # writes in one commit at the most
BUSY_TIMEOUT = 10_000  # milliseconds


class Database:
    """One database. `read` and `write` run a function in a transaction and return its value.

    Raises Unavailable when the database cannot be reached or cannot write."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._lock: Any = None
        self._writer: _Writer | None = None
        if self.url.get_backend_name() == "sqlite":
            self._open_sqlite()
        else:
            self.engine = create_engine(
                self.url, pool_pre_ping=True, pool_size=20, hide_parameters=True
            )

    def _open_sqlite(self) -> None:
        if not self.url.database or self.url.database == ":memory:":
            raise SettingsError(
                "[database]connection: SQLite needs a file, e.g. sqlite:////var/lib/stbernard/db."
            )
        Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self._lock = _only_process(Path(self.url.database + ".lock"))
        self.engine = _sqlite_engine(self.url, begin="BEGIN")
        self._writer = _Writer(_sqlite_engine(self.url, begin="BEGIN IMMEDIATE"))

    def read(self, work: Work[T]) -> T:
        try:
            with self.engine.connect() as connection:
                return work(connection)
        except OperationalError as error:
            raise _unavailable(error) from error

    def write(self, work: Work[T]) -> T:
        if self._writer:
            return self._writer.do(work)
        try:
            with self.engine.begin() as connection:
                return work(connection)
        except OperationalError as error:
            raise _unavailable(error) from error

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        self.engine.dispose()
        if self._lock:
            self._lock.close()


def _unavailable(error: DBAPIError) -> Unavailable:
    return Unavailable(f"The database does not answer: {error.orig}. Try again.")


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
