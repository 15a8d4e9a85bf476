"""What a node is made of: ports, portgroups, volume connectors and targets.

They are changed only while no operation holds their node.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from stbernard import clock
from stbernard.errors import BadRequest, Conflict, NodeLocked
from stbernard.nodes import Part, Port, Portgroup, VolumeConnector, VolumeTarget
from stbernard.store import schema
from stbernard.store.engine import Database, is_duplicate
from stbernard.store.nodes import find
from stbernard.store.prepared import Prepared
from stbernard.store.records import Records
from stbernard.store.secrets import Secrets

P = TypeVar("P", bound=Part)

_ports, _portgroups = schema.ports, schema.portgroups


class Parts(Records[P]):
    """The parts of one kind."""

    def of_node(self, node_uuid: str) -> tuple[P, ...]:
        return self._database.read(lambda connection: self.in_transaction(connection, node_uuid))

    def in_transaction(self, connection: Connection, node_uuid: str) -> tuple[P, ...]:
        rows = _of_node(self._table).all(connection, node=node_uuid)
        return tuple(self._record(row) for row in rows)

    def _find(self, connection: Connection, ident: str, *, hold: bool = False) -> P:
        """`hold`: its node is held, and first, as by those who delete the node."""
        record = super()._find(connection, ident)
        if not hold:
            return record
        find(connection, record.node_uuid, hold=True)
        return super()._find(connection, ident)

    def _before_create(self, connection: Connection, record: P) -> None:
        self._before(connection, record)

    def _before(self, connection: Connection, record: P) -> None:
        _check_free(connection, record.node_uuid)

    def _before_change(
        self,
        connection: Connection,
        record: P,  # noqa: ARG002
        changes: Mapping[str, Any],
    ) -> None:
        if "node_uuid" in changes:
            _check_free(connection, changes["node_uuid"])


@cache
def _of_node(table: Table) -> Prepared:
    of_node = table.c.node_uuid == bindparam("node")
    return Prepared(select(table).where(of_node).order_by(table.c.id))


class Ports(Parts[Port]):
    """Ports; a MAC address (lower case) belongs to one of them."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, Port, _ports, "port")

    def _before_create(self, connection: Connection, record: Port) -> None:
        super()._before_create(connection, record)
        _check_membership(connection, record)

    def _before_change(
        self, connection: Connection, record: Port, changes: Mapping[str, Any]
    ) -> None:
        super()._before_change(connection, record, changes)
        if changes.keys() & {"node_uuid", "portgroup_uuid", "physical_network"}:
            _check_membership(connection, msgspec.structs.replace(record, **changes))


class Portgroups(Parts[Portgroup]):
    """Portgroups; one that has ports stays, and where it is. Their physical network is one."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, Portgroup, _portgroups, "portgroup")

    def _before_change(
        self, connection: Connection, record: Portgroup, changes: Mapping[str, Any]
    ) -> None:
        super()._before_change(connection, record, changes)
        if "node_uuid" in changes and self._has_ports(connection, record):
            raise BadRequest(
                f"Portgroup {record.uuid} can not be associated with node {changes['node_uuid']} "
                "because there are ports associated with this portgroup."
            )
        if "physical_network" in changes:
            ports = update(_ports).where(_ports.c.portgroup_uuid == record.uuid)
            network = changes["physical_network"]
            connection.execute(ports.values(physical_network=network))

    def _before_delete(self, connection: Connection, record: Portgroup) -> None:
        if self._has_ports(connection, record):
            raise BadRequest(
                "Cannot complete the requested action because portgroup "
                f"{record.uuid} contains ports. Take them out of it first: "
                "openstack baremetal port unset --port-group PORT"
            )

    @staticmethod
    def _has_ports(connection: Connection, record: Portgroup) -> bool:
        query = select(_ports.c.id).where(_ports.c.portgroup_uuid == record.uuid)
        return connection.execute(query.limit(1)).first() is not None


class VolumeConnectors(Parts[VolumeConnector]):
    """Volume connectors; each is there once, whatever the node."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, VolumeConnector, schema.volume_connectors, "volume connector")

    def _duplicate(self, error: IntegrityError, values: Mapping[str, Any]) -> Exception:
        if is_duplicate(error, "uuid"):
            return super()._duplicate(error, values)
        return Conflict(
            "A volume connector of this type and with this connector ID exists already."
        )


class VolumeTargets(Parts[VolumeTarget]):
    """Volume targets; a node has one for each boot index."""

    SECRET = ("properties",)

    def __init__(self, database: Database, secrets: Secrets) -> None:
        super().__init__(database, VolumeTarget, schema.volume_targets, "volume target", secrets)

    def _duplicate(self, error: IntegrityError, values: Mapping[str, Any]) -> Exception:
        if is_duplicate(error, "uuid"):
            return super()._duplicate(error, values)
        return Conflict("A volume target with this boot index for the same node already exists.")


def save_internal_info(
    connection: Connection, node_uuid: str, uuid: str, info: Mapping[str, Any]
) -> None:
    """Of the port or portgroup of this node with this uuid, if there still is one."""
    for table in (_ports, _portgroups):
        saved = update(table).where(table.c.uuid == uuid, table.c.node_uuid == node_uuid)
        connection.execute(saved.values(internal_info=dict(info), updated_at=clock.now()))


def forget_volume_targets(connection: Connection, node_uuid: str) -> None:
    targets = schema.volume_targets
    connection.execute(delete(targets).where(targets.c.node_uuid == node_uuid))


def _check_free(connection: Connection, node_uuid: str) -> None:
    """Raises NotFound, NodeLocked."""
    node = find(connection, node_uuid, hold=True)
    if node.operation:
        raise NodeLocked(node.uuid, node.operation, node.lease_owner)


def _check_membership(connection: Connection, port: Port) -> None:
    """Whether a port may be in its portgroup; the first decides on its physical network.

    Raises BadRequest, Conflict."""
    if port.portgroup_uuid is None:
        return
    query = select(_portgroups.c.node_uuid, _portgroups.c.physical_network)
    query = query.where(_portgroups.c.uuid == port.portgroup_uuid)
    group = connection.execute(query).first()
    if group is None:
        raise BadRequest(f"Portgroup {port.portgroup_uuid} could not be found.")
    if group.node_uuid != port.node_uuid:
        raise BadRequest("Port can not be added to a portgroup belonging to a different node.")
    others = (
        select(_ports.c.physical_network)
        .where(_ports.c.portgroup_uuid == port.portgroup_uuid, _ports.c.uuid != port.uuid)
        .distinct()
    )
    networks = set(connection.scalars(others)) or {group.physical_network} - {None}
    if not networks and port.physical_network:
        first = update(_portgroups).where(_portgroups.c.uuid == port.portgroup_uuid)
        connection.execute(first.values(physical_network=port.physical_network))
    elif networks and port.physical_network not in networks:
        raise Conflict(
            f"Port with physical network {port.physical_network} cannot become a member of port "
            f"group {port.portgroup_uuid} which has ports in physical network "
            f"{', '.join(sorted(map(str, networks)))}."
        )
