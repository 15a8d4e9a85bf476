"""Nodes: create, find, list, change, delete. What the engine does to them is in leases.py."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from stbernard.errors import BadRequest, Conflict, InvalidParameter, NodeLocked, NotFound
from stbernard.nodes import Agent, Node, Port
from stbernard.store import schema
from stbernard.store.engine import Database, is_duplicate

_nodes = schema.nodes


@dataclass(frozen=True)
class Page:
    """What part of a list is asked for: `filters` are column → value, all of which must match."""

    filters: Mapping[str, Any] = field(default_factory=dict)
    conditions: tuple[ColumnElement[bool], ...] = ()
    limit: int = 1000
    marker: str | None = None
    sort_key: str = "id"
    sort_dir: str = "asc"


class Nodes:
    """The nodes. Every `ident` is a UUID or a name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, node: Node) -> Node:
        """Raises Conflict if the UUID, the name or the instance is taken."""

        def work(connection: Connection) -> Node:
            new = insert(_nodes).values(**_columns(node)).returning(_nodes.c.id)
            return msgspec.structs.replace(node, id=connection.scalar(new))

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise _duplicate(error, msgspec.structs.asdict(node)) from error

    def get(self, ident: str) -> Node:
        """Raises NotFound."""
        return self._database.read(lambda connection: find(connection, ident))

    def by_addresses(self, addresses: tuple[str, ...]) -> tuple[Node, ...]:
        """The nodes with a port of one of these MAC addresses (lower case)."""
        query = (
            select(_nodes)
            .join(schema.ports, schema.ports.c.node_uuid == _nodes.c.uuid)
            .where(schema.ports.c.address.in_(addresses))
            .distinct()
        )
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return tuple(to_node(row) for row in rows)

    def list(self, page: Page) -> tuple[Node, ...]:
        """One page. Raises BadRequest if the marker is no node."""
        rows = self._database.read(lambda connection: list_rows(connection, _nodes, page))
        return tuple(to_node(row) for row in rows)

    def change(self, ident: str, changes: Mapping[str, Any], *, while_locked: bool = False) -> Node:
        """Set these fields. Raises NotFound, NodeLocked (an operation holds it), Conflict."""

        def work(connection: Connection) -> Node:
            node = find(connection, ident)
            if node.operation and not while_locked:
                raise NodeLocked(ident, node.operation, node.lease_owner)
            connection.execute(
                update(_nodes)
                .where(_nodes.c.id == node.id)
                .values(**changes, updated_at=time.time())
            )
            return find(connection, node.uuid)

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise _duplicate(error, changes) from error

    def delete(self, ident: str) -> None:
        """With its ports; the journal stays. Raises NotFound, NodeLocked."""

        def work(connection: Connection) -> None:
            node = find(connection, ident)
            if node.operation:
                raise NodeLocked(ident, node.operation, node.lease_owner)
            connection.execute(delete(schema.ports).where(schema.ports.c.node_uuid == node.uuid))
            connection.execute(delete(_nodes).where(_nodes.c.id == node.id))

        self._database.write(work)


def find(connection: Connection, ident: str) -> Node:
    """The node with this UUID or name. Raises NotFound."""
    query = select(_nodes).where((_nodes.c.uuid == ident) | (_nodes.c.name == ident))
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"Node {ident} could not be found.")
    return to_node(row)


def ports_of(connection: Connection, node_uuid: str) -> tuple[Port, ...]:
    query = (
        select(schema.ports)
        .where(schema.ports.c.node_uuid == node_uuid)
        .order_by(schema.ports.c.id)
    )
    return tuple(Port(**row._mapping) for row in connection.execute(query))


def list_rows(connection: Connection, table: Any, page: Page) -> list[Row[Any]]:
    """Rows after the marker, in a total order (the id breaks ties), so that pages are stable."""
    if page.sort_key not in table.c:
        raise InvalidParameter(
            f'The sort_key value "{page.sort_key}" is an invalid field for sorting'
        )
    key, ident = table.c[page.sort_key], table.c.id
    backwards = page.sort_dir == "desc"
    order = (
        (key.desc().nulls_last(), ident.desc())
        if backwards
        else (key.asc().nulls_first(), ident.asc())
    )
    query = select(table).order_by(*order).limit(page.limit)
    query = query.where(*page.conditions)
    for column, value in page.filters.items():
        query = query.where(
            table.c[column].is_(value) if value is None else table.c[column] == value
        )
    if page.marker:
        query = query.where(_after(connection, table, page))
    return list(connection.execute(query))


def _after(connection: Connection, table: Any, page: Page) -> ColumnElement[bool]:
    """The condition for what follows the marker; empty values come first (last backwards)."""
    key: ColumnElement[Any] = table.c[page.sort_key]
    ident: ColumnElement[int] = table.c.id
    marker = connection.execute(select(key, ident).where(table.c.uuid == page.marker)).first()
    if marker is None:
        raise BadRequest(f"Marker {page.marker} could not be found.")
    value, marker_id = marker
    backwards = page.sort_dir == "desc"
    later = ident < marker_id if backwards else ident > marker_id
    if value is None:
        same = and_(key.is_(None), later)
        return same if backwards else or_(same, key.is_not(None))
    if backwards:
        return or_(key < value, and_(key == value, later), key.is_(None))
    return or_(key > value, and_(key == value, later))


def to_node(row: Row[Any]) -> Node:
    values = dict(row._mapping)
    agent = Agent(
        token=values.pop("agent_token"),
        url=values.pop("agent_url"),
        verify_ca=values.pop("agent_verify_ca"),
        version=values.pop("agent_version"),
        last_heartbeat=values.pop("agent_last_heartbeat"),
    )
    return Node(**values, agent=agent)


def columns_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a node as columns: `agent` is five of them."""
    columns = dict(changes)
    if agent := columns.pop("agent", None):
        columns |= {f"agent_{name}": value for name, value in msgspec.structs.asdict(agent).items()}
    return columns


def _columns(node: Node) -> dict[str, Any]:
    values = columns_of(msgspec.structs.asdict(node))
    del values["id"]
    return values


def _duplicate(error: IntegrityError, values: Mapping[str, Any]) -> Exception:
    if is_duplicate(error, "uuid"):
        return Conflict(f"A node with UUID {values.get('uuid')} already exists.")
    if is_duplicate(error, "name"):
        return Conflict(f"A node with name {values.get('name')} already exists.")
    if is_duplicate(error, "instance_uuid"):
        return Conflict(
            f"Instance {values.get('instance_uuid')} is already associated with a node, "
            "it cannot be associated with this one too."
        )
    return error
