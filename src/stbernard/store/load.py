"""How much there is to do, for `GET /metrics`."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, func, or_, select

from stbernard import clock
from stbernard.store import schema
from stbernard.store.engine import Database

_nodes = schema.nodes.c


class Load(NamedTuple):
    """Nodes in an operation by (operation, provision state), leases by worker, and how many seconds
    the oldest node that is due waits for a worker (0: none does)."""

    operations: dict[tuple[str, str], int]
    leases: dict[str, int]
    overdue: float


def load(database: Database) -> Load:
    """Raises Unavailable."""
    return database.read(_read)


def _read(connection: Connection) -> Load:
    now = clock.now()
    many = func.count()
    operations = (
        select(_nodes.operation, _nodes.provision_state, many)
        .where(_nodes.operation.is_not(None))
        .group_by(_nodes.operation, _nodes.provision_state)
    )
    leases = (
        select(_nodes.lease_owner, many)
        .where(_nodes.lease_owner.is_not(None))
        .group_by(_nodes.lease_owner)
    )
    oldest: Any = connection.scalar(
        select(func.min(_nodes.due_at)).where(
            _nodes.due_at <= now, or_(_nodes.lease_until.is_(None), _nodes.lease_until < now)
        )
    )
    return Load(
        {(name, state): count for name, state, count in connection.execute(operations)},
        {row[0]: row[1] for row in connection.execute(leases)},
        now - oldest if oldest else 0.0,
    )
