"""Nodes that no operation holds: which they are, and what is seen of them meanwhile."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from stbernard.nodes import Login, Node
from stbernard.store import schema
from stbernard.store.engine import Database
from stbernard.store.journal import Entry, write
from stbernard.store.nodes import find

_nodes = schema.nodes


class IdleNode(NamedTuple):
    """As much of a node as says who looks after it."""

    id: int
    uuid: str
    driver: str
    conductor_group: str


class NodeWithLogin(NamedTuple):
    """As much of a node as it takes to look for its ssh."""

    id: int
    uuid: str
    driver: str
    conductor_group: str
    rescue_interface: str | None
    provision_state: str
    provision_updated_at: float | None
    login: Login


Stay = tuple[int, float | None]
"""A node's id and since when it is in its provision state: what is remembered of one rescue, or
of one search for an instance, says nothing of the next."""


def stay(node: Node | NodeWithLogin) -> Stay:
    return node.id, node.provision_updated_at


class Idle:
    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, after: int, most: int, *, fault: str | None, not_in: tuple[str, ...]
    ) -> tuple[IdleNode, ...]:
        """Up to so many with an id greater than `after`, not in these provision states.

        Those in maintenance with this fault; without one, those not in maintenance."""
        columns = _nodes.c
        query = (
            select(columns.id, columns.uuid, columns.driver, columns.conductor_group)
            .where(
                columns.id > after,
                columns.operation.is_(None),
                columns.target_power_state.is_(None),
                columns.provision_state.not_in(not_in),
                columns.maintenance == (fault is not None),
            )
            .order_by(columns.id)
            .limit(most)
        )
        if fault:
            query = query.where(columns.fault == fault)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return tuple(IdleNode(*row) for row in rows)

    def with_login(
        self, after: int, most: int, states: tuple[str, ...]
    ) -> tuple[NodeWithLogin, ...]:
        """Up to so many with an id greater than `after`, in these provision states."""
        columns = _nodes.c
        query = (
            select(*(columns[name] for name in NodeWithLogin._fields))
            .where(
                columns.id > after,
                columns.login.is_not(None),
                columns.operation.is_(None),
                columns.provision_state.in_(states),
            )
            .order_by(columns.id)
            .limit(most)
        )
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return tuple(NodeWithLogin(*row) for row in rows)

    def again(self, seen: NodeWithLogin) -> Node | None:
        """The node now; None if it is in an operation, or was since: what was seen before tells
        nothing of it. Raises NotFound."""
        node = self._database.read(lambda connection: find(connection, seen.uuid))
        return None if node.operation or stay(node) != stay(seen) else node

    def note(self, node: Node, changes: Mapping[str, Any], line: Entry) -> bool:
        """Write what was seen of a node, or asked, and its line of the journal, if it is as then.

        False if an operation began meanwhile (even one that has ended since), or somebody changed
        provision state, power state, maintenance or fault: what was seen is not true any more."""
        seen = (
            update(_nodes)
            .where(
                _nodes.c.id == node.id,
                _nodes.c.operation.is_(None),
                _nodes.c.fence == node.fence,
                _nodes.c.provision_state == node.provision_state,
                _nodes.c.power_state.is_not_distinct_from(node.power_state),
                _nodes.c.maintenance == node.maintenance,
                _nodes.c.fault.is_not_distinct_from(node.fault),
            )
            .values(**changes)
        )

        def work(connection: Connection) -> bool:
            done = connection.execute(seen).rowcount == 1
            if done:
                write(connection, line)
            return done

        return self._database.write(work)
