"""What a node is made of: ports, portgroups, volume connectors and targets.

They are changed only while no operation holds their node.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from stbernard.errors import Conflict, NodeLocked
from stbernard.nodes import Part, Port, Portgroup, VolumeConnector, VolumeTarget
from stbernard.store import schema
from stbernard.store.engine import Database, is_duplicate
from stbernard.store.nodes import find
from stbernard.store.records import Records

P = TypeVar("P", bound=Part)


class Parts(Records[P]):
    """The parts of one kind."""

    def of_node(self, node_uuid: str) -> tuple[P, ...]:
        query = select(self._table).where(self._table.c.node_uuid == node_uuid)
        query = query.order_by(self._table.c.id)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return tuple(self._record(row) for row in rows)

    def _before_create(self, connection: Connection, record: P) -> None:
        self._before(connection, record)

    def _before(self, connection: Connection, record: P) -> None:
        node = find(connection, record.node_uuid, hold=True)
        if node.operation:
            raise NodeLocked(node.uuid, node.operation, node.lease_owner)


class Ports(Parts[Port]):
    """Ports; a MAC address (lower case) belongs to one of them."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, Port, schema.ports, "port")


class Portgroups(Parts[Portgroup]):
    """Portgroups; one that has ports stays."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, Portgroup, schema.portgroups, "portgroup")

    def _before_delete(self, connection: Connection, record: Portgroup) -> None:
        ports = select(schema.ports.c.uuid).where(schema.ports.c.portgroup_uuid == record.uuid)
        if connection.execute(ports.limit(1)).first():
            raise Conflict(
                f"Portgroup {record.uuid} has ports, so it cannot be deleted. Take them out of it "
                "first: openstack baremetal port unset --portgroup PORT"
            )


class VolumeConnectors(Parts[VolumeConnector]):
    """Volume connectors; each is there once, whatever the node."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, VolumeConnector, schema.volume_connectors, "volume connector")

    def _duplicate(self, error: IntegrityError, values: Mapping[str, Any]) -> Exception:
        if is_duplicate(error, "uuid"):
            return super()._duplicate(error, values)
        return Conflict("A volume connector of this type with this connector_id already exists.")


class VolumeTargets(Parts[VolumeTarget]):
    """Volume targets; a node has one for each boot index."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, VolumeTarget, schema.volume_targets, "volume target")

    def _duplicate(self, error: IntegrityError, values: Mapping[str, Any]) -> Exception:
        if is_duplicate(error, "uuid"):
            return super()._duplicate(error, values)
        return Conflict("The node has a volume target with this boot_index already.")
