"""The VIFs of nodes, kept as Ironic keeps them: in `internal_info` of a port or a portgroup."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, update

from stbernard import clock
from stbernard.nodes import TENANT_VIF, Port, Portgroup, without_vif
from stbernard.store import schema
from stbernard.store.engine import Database
from stbernard.store.nodes import find
from stbernard.store.parts import Portgroups, Ports

Choice = Callable[[tuple[Port, ...], tuple[Portgroup, ...]], Port | Portgroup]


class Vifs:
    """Attaching and detaching: the port is chosen and changed in one transaction."""

    def __init__(self, database: Database, ports: Ports, portgroups: Portgroups) -> None:
        self._database = database
        self._ports = ports
        self._portgroups = portgroups

    def attach(self, node_uuid: str, vif: str, choice: Choice) -> None:
        """Raises what `choice` raises."""

        def work(connection: Connection) -> None:
            part = self._chosen(connection, node_uuid, choice)
            _save(connection, part, internal_info=part.internal_info | {TENANT_VIF: vif})

        self._database.write(work)

    def detach(self, node_uuid: str, choice: Choice) -> None:
        """Raises what `choice` raises."""

        def work(connection: Connection) -> None:
            part = self._chosen(connection, node_uuid, choice)
            extra = {key: value for key, value in part.extra.items() if key != "vif_port_id"}
            _save(connection, part, internal_info=without_vif(part), extra=extra)

        self._database.write(work)

    def _chosen(self, connection: Connection, node_uuid: str, choice: Choice) -> Port | Portgroup:
        find(connection, node_uuid, hold=True)
        ports = self._ports.in_transaction(connection, node_uuid)
        return choice(ports, self._portgroups.in_transaction(connection, node_uuid))


def _save(connection: Connection, part: Port | Portgroup, **columns: Any) -> None:
    table = schema.ports if isinstance(part, Port) else schema.portgroups
    saved = update(table).where(table.c.id == part.id)
    connection.execute(saved.values(**columns, updated_at=clock.now()))
