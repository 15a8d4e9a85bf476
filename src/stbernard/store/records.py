"""Tables of records: create, find, list, change, delete, the same for each kind.

What is special about a kind is a subclass (nodes.py, parts.py).
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from stbernard.errors import Conflict, NotFound
from stbernard.nodes import Record
from stbernard.store.engine import Database, is_duplicate
from stbernard.store.pages import Page, list_rows

R = TypeVar("R", bound=Record)

_UNIQUE = {"uuid": "UUID", "name": "name", "address": "MAC address"}


class Records(Generic[R]):
    """The records of one kind. Every `ident` is a UUID or, where the kind has names, a name.

    `name` is what errors call one of them."""

    def __init__(self, database: Database, kind: type[R], table: Table, name: str) -> None:
        self._database = database
        self._kind = kind
        self._table = table
        self._name = name

    def create(self, record: R) -> R:
        """Raises Conflict if something that must be unique is taken."""

        def work(connection: Connection) -> R:
            self._before_create(connection, record)
            new = insert(self._table).values(**self._columns(record)).returning(self._table.c.id)
            created = msgspec.structs.replace(record, id=connection.scalar(new))
            self._after_create(connection, created)
            return created

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise self._duplicate(error, msgspec.structs.asdict(record)) from error

    def add(self, records: Sequence[R]) -> None:
        """Many in one transaction, without a look at anything else. Raises Conflict."""
        rows = [self._columns(record) for record in records]
        try:
            self._database.write(lambda connection: connection.execute(insert(self._table), rows))
        except IntegrityError as error:
            raise self._duplicate(error, {}) from error

    def get(self, ident: str) -> R:
        """Raises NotFound."""
        return self._database.read(lambda connection: self._find(connection, ident))

    def list(self, page: Page) -> tuple[R, ...]:
        """One page. Raises NotFound if the marker is none of them."""
        rows = self._database.read(
            lambda connection: list_rows(connection, self._table, page, self._name)
        )
        return tuple(self._record(row) for row in rows)

    def rows(self, page: Page, columns: Iterable[str]) -> Sequence[Any]:
        """One page with only these columns, as attributes: for lists that show no more."""
        return self._database.read(
            lambda connection: list_rows(connection, self._table, page, self._name, columns)
        )

    def change(self, ident: str, changes: Mapping[str, Any]) -> R:
        """Set these fields. Raises NotFound, Conflict."""

        def work(connection: Connection) -> R:
            record = self._find(connection, ident, hold=True)
            self._before(connection, record)
            self._before_change(connection, record, changes)
            connection.execute(
                update(self._table)
                .where(self._table.c.id == record.id)
                .values(**changes, updated_at=time.time())
            )
            return self._find(connection, record.uuid)

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise self._duplicate(error, changes) from error

    def delete(self, ident: str) -> None:
        """Raises NotFound, Conflict."""

        def work(connection: Connection) -> None:
            record = self._find(connection, ident, hold=True)
            self._before(connection, record)
            self._before_delete(connection, record)
            connection.execute(delete(self._table).where(self._table.c.id == record.id))

        self._database.write(work)

    def delete_all(self) -> None:
        self._database.write(lambda connection: connection.execute(delete(self._table)))

    # What a kind may have of its own.

    def _before_create(self, connection: Connection, record: R) -> None:
        """Raise if there must be no such record now."""

    def _after_create(self, connection: Connection, record: R) -> None:
        """What else is written in the same transaction."""

    def _before(self, connection: Connection, record: R) -> None:
        """Raise if this record must not be changed or deleted now."""

    def _before_change(self, connection: Connection, record: R, changes: Mapping[str, Any]) -> None:
        """Change what hangs on these fields; or raise."""

    def _before_delete(self, connection: Connection, record: R) -> None:
        """Delete, or set free, what hangs on it; or raise."""

    def _record(self, row: Row[Any]) -> R:
        return self._kind(**row._mapping)

    def _columns(self, record: R) -> dict[str, Any]:
        values = msgspec.structs.asdict(record)
        del values["id"]
        return values

    def _duplicate(self, error: IntegrityError, values: Mapping[str, Any]) -> Exception:
        for column, label in _UNIQUE.items():
            if is_duplicate(error, column):
                return Conflict(f"A {self._name} with {label} {values.get(column)} already exists.")
        return error

    def _find(self, connection: Connection, ident: str, *, hold: bool = False) -> R:
        """`hold`: as it is until this transaction ends."""
        row = connection.execute(by_ident(self._table, hold=hold), {"ident": ident}).first()
        if row is None:
            raise NotFound(f"{self._name.capitalize()} {ident} could not be found.")
        return self._record(row)


@cache
def by_ident(table: Table, *, hold: bool = False) -> Select[Any]:
    """The query for one record by UUID or name (`ident`), held till the transaction's end or not.

    Made once: making it anew, with its key in SQLAlchemy's cache, costs five times the query."""
    ident: BindParameter[str] = bindparam("ident")
    found = table.c.uuid == ident
    if "name" in table.c:
        found = or_(found, table.c.name == ident)
    query = select(table).where(found)
    return query.with_for_update() if hold else query
