"""Chassis; one that has nodes stays."""

from sqlalchemy import Connection, select

from stbernard.errors import BadRequest
from stbernard.records import Chassis
from stbernard.store import schema
from stbernard.store.engine import Database
from stbernard.store.records import Records


class AllChassis(Records[Chassis]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, Chassis, schema.chassis, "chassis")

    def _before_delete(self, connection: Connection, record: Chassis) -> None:
        nodes = select(schema.nodes.c.id).where(schema.nodes.c.chassis_uuid == record.uuid)
        if connection.execute(nodes.limit(1)).first():
            raise BadRequest(
                f"Cannot complete the requested action because chassis {record.uuid} contains "
                "nodes. Take them out of it first: "
                "openstack baremetal node unset --chassis-uuid NODE"
            )
