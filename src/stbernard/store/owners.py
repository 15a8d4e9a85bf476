"""Whose a thing is: the few columns that authorisation looks at."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, or_, select

from stbernard.store import schema
from stbernard.store.engine import Database

_nodes = schema.nodes.c


class Ownership(NamedTuple):
    """The projects that a thing belongs to and, if it is a node, is leased to."""

    owner: str | None
    lessee: str | None = None
    public: bool = False


class Owners:
    """Each answer is None if there is no such thing. An `ident` is a UUID or a name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_node(self, ident: str) -> Ownership | None:
        return self._first(_node().where(or_(_nodes.uuid == ident, _nodes.name == ident)))

    def of_part(self, table: str, ident: str) -> Ownership | None:
        """Of the node that a port, portgroup, volume connector or target belongs to."""
        part = schema.metadata.tables[table]
        query = _node().join(part, part.c.node_uuid == _nodes.uuid)
        return self._first(query.where(_named(part.c, ident)))

    def of_allocation(self, ident: str) -> Ownership | None:
        columns = schema.allocations.c
        return self._first(select(columns.owner).where(_named(columns, ident)))

    def of_nodes_allocation(self, ident: str) -> Ownership | None:
        columns = schema.allocations.c
        query = select(columns.owner).join(schema.nodes, _nodes.uuid == columns.node_uuid)
        return self._first(query.where(or_(_nodes.uuid == ident, _nodes.name == ident)))

    def of_runbook(self, ident: str) -> Ownership | None:
        columns = schema.runbooks.c
        found = self._first(select(columns.owner, columns.public).where(_named(columns, ident)))
        return found and Ownership(found[0], None, bool(found[1]))

    def _first(self, query: Select[Any]) -> Ownership | None:
        row = self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else Ownership(*row)


def _node() -> Select[Any]:
    return select(_nodes.owner, _nodes.lessee)


def _named(columns: Any, ident: str) -> ColumnElement[bool]:
    if "name" not in columns:
        return columns.uuid == ident  # type: ignore[no-any-return]
    return or_(columns.uuid == ident, columns.name == ident)
