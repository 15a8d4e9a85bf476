"""Reads Ironic's database: MySQL or MariaDB, PostgreSQL, SQLite."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import MetaData, create_engine, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from stbernard.errors import SourceError
from stbernard.importing.kinds import Kind
from stbernard.store import schema

_DRIVERS = {"mysql": "mysql+pymysql", "postgresql": "postgresql+psycopg"}
"""The libraries that are at hand here, whichever Ironic uses."""

_NAMED_BY_ID = {
    "allocation_id": "allocations",
    "chassis_id": "chassis",
    "node_id": "nodes",
    "portgroup_id": "portgroups",
}


class IronicDatabase:
    """The database at this URL of SQLAlchemy's: what ironic.conf has as [database]connection."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            driver = _DRIVERS.get(parsed.get_backend_name(), parsed.drivername)
            self._engine = create_engine(parsed.set(drivername=driver), hide_parameters=True)
            self._connection = self._engine.connect()
            present = inspect(self._connection).get_table_names()
        except (ArgumentError, NoSuchModuleError):
            raise SourceError(
                "The source is neither the address of an API (http://…), nor of a database "
                "(mysql+pymysql://…, postgresql://…, sqlite:///…), nor a configuration file."
            ) from None
        except ModuleNotFoundError as error:
            raise SourceError(
                f"{error}: the library for this database is not installed. Run: "
                f"pip install {error.name}"
            ) from None
        except SQLAlchemyError as error:
            raise _unreadable(error) from None
        if "node_traits" not in present:
            self.close()
            raise SourceError("This is no database of Ironic's: it has no table node_traits.")
        self._tables = MetaData()
        wanted = {*_NAMED_BY_ID.values(), "node_traits", *schema.metadata.tables}
        self._tables.reflect(self._engine, only=[name for name in present if name in wanted])
        self._uuids = {column: self._names(table) for column, table in _NAMED_BY_ID.items()}
        self._traits = self._by_node()

    def rows(self, kind: Kind) -> Iterator[Mapping[str, Any]]:
        table = self._tables.tables.get(kind.table)
        if table is None:
            return
        objects = {
            column.name
            for column in schema.metadata.tables[kind.table].c
            if isinstance(column.type, schema.Json)
        }
        for row in self._read(select(table).order_by(table.c.id)):
            for column, uuids in self._uuids.items():
                if column in row:
                    row[column.replace("_id", "_uuid")] = uuids.get(row.pop(column))
            for name in objects & row.keys():
                row[name] = msgspec.json.decode(row[name]) if row[name] else None
            if kind.table == "nodes":
                row["traits"] = self._traits.get(row["id"], [])
            yield row

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    def _names(self, table: str) -> dict[int, str]:
        """id → UUID."""
        columns = self._tables.tables[table].c
        return {row["id"]: row["uuid"] for row in self._read(select(columns.id, columns.uuid))}

    def _by_node(self) -> dict[int, list[str]]:
        table = self._tables.tables["node_traits"]
        traits: dict[int, list[str]] = {}
        for row in self._read(select(table).order_by(table.c.trait)):
            traits.setdefault(row["node_id"], []).append(row["trait"])
        return traits

    def _read(self, query: Any) -> list[dict[str, Any]]:
        try:
            return [dict(row) for row in self._connection.execute(query).mappings()]
        except SQLAlchemyError as error:
            raise _unreadable(error) from None


def _unreadable(error: SQLAlchemyError) -> SourceError:
    return SourceError(f"The database cannot be read: {getattr(error, 'orig', None) or error}")
