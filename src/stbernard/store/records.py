"""Tables of records: create, find, list, change, delete, the same for each kind.

What is special about a kind is a subclass (nodes.py, parts.py).
"""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Table,
    Update,
    bindparam,
    delete,
    insert,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert

from stbernard import clock
from stbernard.errors import Conflict, NotFound
from stbernard.nodes import Record
from stbernard.store.engine import Database, is_duplicate
from stbernard.store.pages import Page, list_rows
from stbernard.store.prepared import Prepared
from stbernard.store.schema import Json, JsonText
from stbernard.store.secrets import Secrets

R = TypeVar("R", bound=Record)

_UNIQUE = {"uuid": "UUID", "name": "name", "address": "MAC address"}


class Records(Generic[R]):
    """The records of one kind. Every `ident` is a UUID or, where the kind has names, a name.

    `name` is what errors call one of them; the columns `SECRET` are sealed by `secrets`."""

    SECRET: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        database: Database,
        kind: type[R],
        table: Table,
        name: str,
        secrets: Secrets | None = None,
    ) -> None:
        self._database = database
        self._kind = kind
        self._table = table
        self._name = name
        self._secrets = secrets or Secrets()

    def create(self, record: R) -> R:
        """Raises Conflict if something that must be unique is taken."""

        def work(connection: Connection) -> R:
            self._before_create(connection, record)
            ident = connection.scalar(_new(self._table), self._columns(record))
            created = msgspec.structs.replace(record, id=ident)
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

    def rows(self, page: Page, columns: tuple[str, ...], unread: frozenset[str]) -> Sequence[Any]:
        """One page with only these columns, as attributes: for lists that show no more.

        JSON that is `unread` comes as the text it is kept as (`msgspec.Raw`)."""
        wanted = _some(self._table, columns, unread)
        rows = self._database.read(
            lambda connection: list_rows(connection, self._table, page, self._name, wanted)
        )
        return list(map(_with(columns)._make, rows))

    def row(self, ident: str, columns: tuple[str, ...], unread: frozenset[str]) -> Any:
        """One of `rows`. Raises NotFound."""
        query = _some_of_one(self._table, columns, unread)
        row = self._database.read(lambda connection: query.first(connection, ident=ident))
        if row is None:
            raise self._not_found(ident)
        return _with(columns)._make(row)

    def change(self, ident: str, changes: Mapping[str, Any]) -> R:
        """Set these fields. Raises NotFound, Conflict."""
        columns = self.columns_of(changes)

        def work(connection: Connection) -> R:
            record = self._find(connection, ident, hold=True)
            self._before(connection, record)
            self._before_change(connection, record, changes)
            given = {**columns, "updated_at": clock.now(), "of": record.id}
            connection.execute(_changed(self._table), given)
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

    def opened(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """These fields with their secrets in clear. Raises InvalidDriverInfo."""
        return dict(fields) | self._secrets.opened(
            {name: fields[name] for name in self.SECRET if name in fields}
        )

    def revealed(self, record: R) -> R:
        """The record with its secrets in clear. Raises InvalidDriverInfo."""
        secret = {name: getattr(record, name) for name in self.SECRET}
        return msgspec.structs.replace(record, **self.opened(secret))

    def seal(self) -> int:
        """Seal every record's secrets with the first key. Returns how many records there are."""
        query = select(self._table.c.id).order_by(self._table.c.id)
        ids = self._database.read(lambda connection: connection.scalars(query).all())
        for ident in ids:
            self._database.write(partial(self._seal, ident))
        return len(ids)

    def _seal(self, ident: int, connection: Connection) -> None:
        this = self._table.c.id == ident
        columns = [self._table.c[name] for name in self.SECRET]
        row = connection.execute(select(*columns).where(this).with_for_update()).first()
        if row:  # else it was deleted meanwhile
            fields = self.opened(dict(zip(self.SECRET, row, strict=True)))
            sealed = update(self._table).where(this).values(**self.columns_of(fields))
            connection.execute(sealed)

    def columns_of(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields as they are written."""
        secret = {name: fields[name] for name in self.SECRET if name in fields}
        return {**fields, **self._secrets.sealed(secret)} if secret else dict(fields)

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

    def _record(self, row: Sequence[Any]) -> R:
        return self._kind(**dict(zip(self._table.c.keys(), row, strict=True)))

    def _columns(self, record: R) -> dict[str, Any]:
        values = msgspec.structs.asdict(record)
        del values["id"]
        return self.columns_of(values)

    def _duplicate(self, error: IntegrityError, values: Mapping[str, Any]) -> Exception:
        for column, label in _UNIQUE.items():
            if is_duplicate(error, column):
                return Conflict(f"A {self._name} with {label} {values.get(column)} already exists.")
        return error

    def _find(self, connection: Connection, ident: str, *, hold: bool = False) -> R:
        """`hold`: as it is until this transaction ends."""
        row = by_ident(self._table, hold=hold).first(connection, ident=ident)
        if row is None:
            raise self._not_found(ident)
        return self._record(row)

    def _not_found(self, ident: str) -> NotFound:
        return NotFound(f"{self._name.capitalize()} {ident} could not be found.")


# Statements are made once for each table: making one anew, with its key in SQLAlchemy's cache,
# costs five times its execution. What an INSERT or UPDATE sets are the columns given with it.


@lru_cache(maxsize=512)
def _with(columns: tuple[str, ...]) -> type[Any]:
    """Rows of their own: an attribute of SQLAlchemy's takes ten times as long."""
    return namedtuple("Row", columns)


@cache
def _new(table: Table) -> ReturningInsert[Any]:
    return insert(table).returning(table.c.id)


@cache
def _changed(table: Table) -> Update:
    return update(table).where(table.c.id == bindparam("of"))


@cache
def by_ident(table: Table, *, hold: bool = False) -> Prepared:
    """One record by UUID or name (`ident`), held till the transaction's end or not."""
    query = select(table).where(_is(table))
    return Prepared(query.with_for_update() if hold else query)


@lru_cache(maxsize=512)
def _some_of_one(table: Table, columns: tuple[str, ...], unread: frozenset[str]) -> Prepared:
    return Prepared(select(*_some(table, columns, unread)).where(_is(table)))


@lru_cache(maxsize=512)
def _some(
    table: Table, columns: tuple[str, ...], unread: frozenset[str]
) -> tuple[ColumnElement[Any], ...]:
    return tuple(
        type_coerce(column, JsonText())
        if column.name in unread and isinstance(column.type, Json)
        else column
        for column in (table.c[name] for name in columns)
    )


def _is(table: Table) -> ColumnElement[bool]:
    ident: BindParameter[str] = bindparam("ident")
    found = table.c.uuid == ident
    return or_(found, table.c.name == ident) if "name" in table.c else found
