"""Nodes: create, find, list, change, delete. What the engine does to them is in leases.py."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from stbernard import clock
from stbernard.errors import BadRequest, Conflict, NodeLocked, NotFound
from stbernard.nodes import Agent, Node
from stbernard.store import schema
from stbernard.store.conditions import of_project
from stbernard.store.engine import Database, is_duplicate
from stbernard.store.records import Records, by_ident
from stbernard.store.secrets import Secrets

_nodes = schema.nodes
# interned, as the names of a Struct's fields are: one that is not takes it five times as long
_COLUMNS = tuple(sys.intern(str(column.key)) for column in _nodes.c)
_allocations = schema.allocations
_PARTS = (
    *(schema.volume_targets, schema.volume_connectors, schema.ports, schema.portgroups),
    _allocations,
)


class Nodes(Records[Node]):
    """The nodes. They are changed, and deleted, only while no operation holds them."""

    SECRET = ("driver_info", "instance_info", "agent_token")

    def __init__(self, database: Database, secrets: Secrets) -> None:
        super().__init__(database, Node, _nodes, "node", secrets)

    def revealed(self, record: Node) -> Node:
        fields = {name: getattr(record, name) for name in ("driver_info", "instance_info")}
        clear = self.opened(fields | {"agent_token": record.agent.token})
        agent = msgspec.structs.replace(record.agent, token=clear.pop("agent_token"))
        return msgspec.structs.replace(record, **clear, agent=agent)

    def columns_of(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """`agent` is six of them."""
        columns = dict(fields)
        if agent := columns.pop("agent", None):
            known = msgspec.structs.asdict(agent)
            columns |= {f"agent_{name}": value for name, value in known.items()}
        return super().columns_of(columns)

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

    def uuids(self, idents: Iterable[str]) -> dict[str, str]:
        """The UUIDs of the nodes with these UUIDs or names, by what they were asked for by."""
        wanted = list(idents)
        columns = (_nodes.c.uuid, _nodes.c.name)
        found = _nodes.c.uuid.in_(wanted) | _nodes.c.name.in_(wanted)
        query = select(*columns).where(found)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return {ident: uuid for uuid, name in rows for ident in (uuid, name) if ident in wanted}

    def shards(self) -> tuple[tuple[str | None, int], ...]:
        """The shards (None: in no shard) and how many nodes are in each, large ones first."""
        count = func.count()
        query = select(_nodes.c.shard, count).group_by(_nodes.c.shard).order_by(count.desc())
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return tuple((shard, number) for shard, number in rows)

    def children(self, uuid: str, project: str | None = None) -> tuple[str, ...]:
        """The UUIDs of the nodes whose parent this is; of a project, if one is given."""
        query = select(_nodes.c.uuid).where(_nodes.c.parent_node == uuid).order_by(_nodes.c.id)
        if project is not None:
            query = query.where(of_project(project))
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return tuple(child for (child,) in rows)

    def set_traits(self, ident: str, chosen: Callable[[tuple[str, ...]], Iterable[str]]) -> Node:
        """The traits that `chosen` makes of those there are. Raises NotFound, NodeLocked."""

        def work(connection: Connection) -> Node:
            node = self._find(connection, ident, hold=True)
            self._before(connection, node)
            traits = tuple(sorted(set(chosen(node.traits))))
            connection.execute(update(_nodes).where(_nodes.c.id == node.id).values(traits=traits))
            return msgspec.structs.replace(node, traits=traits)

        return self._database.write(work)

    def maintain(self, uuid: str, changes: Mapping[str, Any]) -> None:
        """Set these fields also while an operation holds the node. Raises NotFound."""
        change = update(_nodes).where(_nodes.c.uuid == uuid)
        change = change.values(**changes, updated_at=clock.now())
        if not self._database.write(lambda connection: connection.execute(change).rowcount):
            raise NotFound(f"Node {uuid} could not be found.")

    def _before(self, connection: Connection, record: Node) -> None:  # noqa: ARG002
        if record.operation:
            raise NodeLocked(record.name or record.uuid, record.operation, record.lease_owner)

    def _before_change(
        self, connection: Connection, record: Node, changes: Mapping[str, Any]
    ) -> None:
        """A chassis is there; an instance is not replaced by another one, and takes its allocation
        with it."""
        _check_chassis(connection, changes.get("chassis_uuid"))
        if "instance_uuid" not in changes:
            return
        if changes["instance_uuid"] and record.instance_uuid:
            raise Conflict(
                f"Node {record.uuid} is associated with instance {record.instance_uuid}."
            )
        if record.allocation_uuid and not changes["instance_uuid"]:
            connection.execute(delete(_allocations).where(_allocations.c.node_uuid == record.uuid))
            freed = update(_nodes).where(_nodes.c.id == record.id).values(allocation_uuid=None)
            connection.execute(freed)

    def _before_create(self, connection: Connection, record: Node) -> None:
        _check_chassis(connection, record.chassis_uuid)

    def _before_delete(self, connection: Connection, record: Node) -> None:
        """Its parts and its allocation go with it; the journal stays."""
        for table in _PARTS:
            connection.execute(delete(table).where(table.c.node_uuid == record.uuid))

    def _record(self, row: Sequence[Any]) -> Node:
        return to_node(row)

    def _duplicate(self, error: IntegrityError, values: Mapping[str, Any]) -> Exception:
        if is_duplicate(error, "instance_uuid"):
            return Conflict(
                f"Instance {values.get('instance_uuid')} is already associated with a node, "
                "it cannot be associated with this one too."
            )
        return super()._duplicate(error, values)


def _check_chassis(connection: Connection, uuid: str | None) -> None:
    """Raises BadRequest if there is none such; it stays as long as this transaction."""
    query = select(schema.chassis.c.id).where(schema.chassis.c.uuid == uuid)
    if uuid and connection.execute(query.with_for_update(read=True)).first() is None:
        raise BadRequest(f"Chassis {uuid} could not be found.")


def find(connection: Connection, ident: str, *, hold: bool = False) -> Node:
    """The node with this UUID or name; `hold`: as it is until this transaction ends.

    Raises NotFound."""
    row = by_ident(_nodes, hold=hold).first(connection, ident=ident)
    if row is None:
        raise NotFound(f"Node {ident} could not be found.")
    return to_node(row)


def to_node(row: Sequence[Any]) -> Node:
    """The node of a whole row."""
    values = dict(zip(_COLUMNS, row, strict=True))  # a third of what row._mapping takes
    agent = Agent(
        token=values.pop("agent_token"),
        token_hash=values.pop("agent_token_hash"),
        url=values.pop("agent_url"),
        verify_ca=values.pop("agent_verify_ca"),
        version=values.pop("agent_version"),
        last_heartbeat=values.pop("agent_last_heartbeat"),
    )
    return Node(**values, agent=agent)
