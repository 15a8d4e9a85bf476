"""What it means that the database does not answer: one error, whoever noticed it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from stbernard.errors import Unavailable

_DRIVERS = (sqlite3.OperationalError, psycopg.OperationalError, psycopg.InterfaceError)
_OURS = (OperationalError, InterfaceError, PoolTimeout, *_DRIVERS)


@contextmanager
def answering() -> Iterator[None]:
    """A database that is away, or went away just now, is Unavailable."""
    try:
        yield
    except (DBAPIError, PoolTimeout, *_DRIVERS) as error:
        if not is_away(error):
            raise
        raise unavailable(error) from error


def is_away(error: Exception) -> bool:
    """By SQLAlchemy, or by the driver itself (`prepared.py`)."""
    if isinstance(error, _OURS):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def unavailable(error: Exception) -> Unavailable:
    reason = " ".join(str(getattr(error, "orig", error)).split())
    return Unavailable(f"The database does not answer: {reason}. Try again.")
