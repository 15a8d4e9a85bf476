"""Ports: create, find, list, change, delete."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from stbernard.errors import Conflict, NodeLocked, NotFound
from stbernard.nodes import Port
from stbernard.store import schema
from stbernard.store.engine import Database, is_duplicate
from stbernard.store.nodes import Page, find, list_rows, ports_of

_ports = schema.ports


class Ports:
    """The ports. Each belongs to a node; its MAC address (lower case) is unique."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, port: Port) -> Port:
        """Raises NotFound (no such node), Conflict (UUID or address taken), NodeLocked."""

        def work(connection: Connection) -> Port:
            _unlocked(connection, port.node_uuid)
            values = msgspec.structs.asdict(port)
            del values["id"]
            new = insert(_ports).values(**values).returning(_ports.c.id)
            return msgspec.structs.replace(port, id=connection.scalar(new))

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise _duplicate(error, msgspec.structs.asdict(port)) from error

    def get(self, uuid: str) -> Port:
        """Raises NotFound."""
        return self._database.read(lambda connection: _find(connection, uuid))

    def of_node(self, node_uuid: str) -> tuple[Port, ...]:
        return self._database.read(lambda connection: ports_of(connection, node_uuid))

    def list(self, page: Page) -> tuple[Port, ...]:
        """One page. Raises BadRequest if the marker is no port."""
        rows = self._database.read(lambda connection: list_rows(connection, _ports, page))
        return tuple(_to_port(row) for row in rows)

    def change(self, uuid: str, changes: Mapping[str, Any]) -> Port:
        """Raises NotFound, Conflict, NodeLocked (an operation holds its node)."""

        def work(connection: Connection) -> Port:
            port = _find(connection, uuid)
            _unlocked(connection, port.node_uuid)
            connection.execute(
                update(_ports)
                .where(_ports.c.id == port.id)
                .values(**changes, updated_at=time.time())
            )
            return _find(connection, uuid)

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise _duplicate(error, changes) from error

    def delete(self, uuid: str) -> None:
        """Raises NotFound, NodeLocked."""

        def work(connection: Connection) -> None:
            port = _find(connection, uuid)
            _unlocked(connection, port.node_uuid)
            connection.execute(delete(_ports).where(_ports.c.id == port.id))

        self._database.write(work)


def _find(connection: Connection, uuid: str) -> Port:
    row = connection.execute(select(_ports).where(_ports.c.uuid == uuid)).first()
    if row is None:
        raise NotFound(f"Port {uuid} could not be found.")
    return _to_port(row)


def _unlocked(connection: Connection, node_uuid: str) -> None:
    node = find(connection, node_uuid)
    if node.operation:
        raise NodeLocked(node_uuid, node.operation, node.lease_owner)


def _to_port(row: Row[Any]) -> Port:
    return Port(**row._mapping)


def _duplicate(error: IntegrityError, values: Mapping[str, Any]) -> Exception:
    if is_duplicate(error, "address"):
        return Conflict(f"A port with MAC address {values.get('address')} already exists.")
    if is_duplicate(error, "uuid"):
        return Conflict(f"A port with UUID {values.get('uuid')} already exists.")
    return error
