"""The journal's clean-up: what ended long ago goes, an operation that goes on stays."""

from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, or_, select

from stbernard.store import schema
from stbernard.store.engine import Database
from stbernard.store.journal import HISTORY

_journal = schema.journal
_nodes = schema.nodes


def trim(database: Database, *, keep: int, before: float, most: int) -> int:
    """Delete what is older than `before` (seconds since the epoch), but for the last `keep`
    operations of each node; all of that of deleted nodes. Returns how many operations went.

    It goes node by node, and ends with the node at which `most` is reached."""
    trimmed = 0
    for node_uuid, many, known in database.read(
        lambda at: at.execute(_too_many(keep, before)).all()
    ):
        if trimmed >= most:
            break
        trimmed += many - keep if known else many
        last = _ended(node_uuid, before).offset(keep if known else 0).limit(1)
        database.write(lambda at, uuid=node_uuid, last=last: _delete(at, uuid, last))  # type: ignore[misc]
    return trimmed


def _too_many(keep: int, before: float) -> Select[Any]:
    """Nodes, how many of their operations ended, and whether the nodes are there still."""
    known = exists().where(_nodes.c.uuid == _journal.c.node_uuid)
    ended = func.count(_journal.c.id)
    return (
        select(_journal.c.node_uuid, ended, known.label("known"))
        .where(_journal.c.event.in_(HISTORY), _journal.c.at < before)
        .group_by(_journal.c.node_uuid)
        .having(or_(ended > keep, ~known))
    )


def _ended(node_uuid: str, before: float) -> Select[Any]:
    """The ends of a node's operations, the last first."""
    return (
        select(_journal.c.id)
        .where(
            _journal.c.node_uuid == node_uuid,
            _journal.c.event.in_(HISTORY),
            _journal.c.at < before,
        )
        .order_by(_journal.c.id.desc())
    )


def _delete(connection: Connection, node_uuid: str, last: Select[Any]) -> None:
    goes_on = select(_nodes.c.operation_id).where(_nodes.c.uuid == node_uuid).scalar_subquery()
    connection.execute(
        delete(_journal).where(
            _journal.c.node_uuid == node_uuid,
            _journal.c.id <= last.scalar_subquery(),
            or_(
                _journal.c.operation_id.is_(None),
                goes_on.is_(None),
                _journal.c.operation_id != goes_on,
            ),
        )
    )
