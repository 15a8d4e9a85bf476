"""Statements of the hot paths: compiled once, then handed to the driver itself.

SQLAlchemy writes the SQL and knows how each column's values are converted. What it does besides for
each execution (events, result objects, a key for its cache) costs three times what SQLite takes
to find a row (docs/decisions/0110-prepared-statements.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.expression import Delete, Insert, Select, Update

Convert = Callable[[Any], Any]
Values = Mapping[str, Any]


@dataclass
class _Plan:
    """A statement for one driver and one set of given values."""

    text: str
    names: tuple[str, ...] | None  # the order of the values; None: by name
    constants: dict[str, Any]
    before: dict[str, Convert]  # how values given are converted
    after: tuple[tuple[int, Convert], ...] | None = None  # … and those of a row, once one is seen


class Prepared:
    """A statement, to be executed again and again. What an INSERT or UPDATE sets are the values
    given with it, besides its own parameters; each set of names is compiled once. It has no IN.

    In the transaction, if any, of the connection given. Raises what the driver raises."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def first(self, connection: Connection, **values: Any) -> tuple[Any, ...] | None:
        rows = self.all(connection, **values)
        return rows[0] if rows else None

    def all(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        plan = self._plan(connection.dialect, values)
        cursor = _driver(connection).execute(plan.text, _bound(plan, values))
        if plan.after is None:
            plan.after = self._conversions(connection.dialect, cursor.description)
        return [_converted(row, plan.after) for row in cursor.fetchall()]

    def count(self, connection: Connection, **values: Any) -> int:
        """How many rows it changed."""
        plan = self._plan(connection.dialect, values)
        changed: int = _driver(connection).execute(plan.text, _bound(plan, values)).rowcount
        return changed

    def many(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Once for each; all with the same names."""
        plan = self._plan(connection.dialect, rows[0])
        cursor = _driver(connection).cursor()
        cursor.executemany(plan.text, [_bound(plan, values) for values in rows])

    def _plan(self, dialect: Dialect, values: Values) -> _Plan:
        key = (dialect.name, *values)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._compiled(dialect, list(values))
        return plan

    def _compiled(self, dialect: Dialect, names: list[str]) -> _Plan:
        reads = isinstance(self._statement, Select)
        compiled: Any = self._statement.compile(
            dialect=dialect, column_keys=None if reads else names
        )
        binds = {name: bound for bound, name in compiled.bind_names.items()}
        before = {
            name: convert
            for name, bound in binds.items()
            if (convert := bound.type.dialect_impl(dialect).bind_processor(dialect))
        }
        constants = {name: bound.value for name, bound in binds.items() if name not in names}
        return _Plan(
            compiled.string,
            tuple(compiled.positiontup) if compiled.positional else None,
            {
                name: before[name](value) if name in before else value
                for name, value in constants.items()
            },
            {name: convert for name, convert in before.items() if name in names},
        )

    def _conversions(
        self, dialect: Dialect, description: Sequence[Sequence[Any]]
    ) -> tuple[tuple[int, Convert], ...]:
        columns = zip(self._statement.exported_columns, description, strict=True)
        found = (
            column.type.dialect_impl(dialect).result_processor(dialect, seen[1])
            for column, seen in columns
        )
        return tuple((at, convert) for at, convert in enumerate(found) if convert)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _bound(plan: _Plan, values: Values) -> Any:
    bound = {**plan.constants, **values}
    for name, convert in plan.before.items():
        bound[name] = convert(bound[name])
    return bound if plan.names is None else [bound[name] for name in plan.names]


def _converted(row: tuple[Any, ...], columns: tuple[tuple[int, Convert], ...]) -> tuple[Any, ...]:
    values = list(row)
    for at, convert in columns:
        values[at] = convert(values[at])
    return tuple(values)
