"""The journal: what happened to a node, when, for how long. It is the timeline shown to people."""

import uuid
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select

from stbernard import clock
from stbernard.errors import NotFound
from stbernard.nodes import Node
from stbernard.store import schema
from stbernard.store.engine import Database
from stbernard.store.prepared import Prepared

_journal = schema.journal
_WRITE = Prepared(insert(_journal).inline())


class Event(StrEnum):
    """What an entry says. The first group ends an operation and is the node's history."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"

    ACCEPTED = "accepted"
    STEP_DONE = "done"
    STEP_FAILED = "step failed"
    WAITING = "waiting"
    RETRYING = "retrying"
    UNDONE = "undone"
    NOT_UNDONE = "not undone"
    SEEN = "seen"


HISTORY = (Event.SUCCEEDED, Event.FAILED, Event.ABORTED)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal; `seconds` is how long the step or the operation took."""

    id: int = 0
    uuid: str = msgspec.field(default_factory=lambda: str(uuid.uuid4()))
    node_uuid: str
    at: float = msgspec.field(default_factory=lambda: clock.now())  # noqa: PLW0108 (tests turn it)
    operation: str | None
    operation_id: str | None
    step: str | None = None
    event: str
    detail: str | None = None
    seconds: float | None = None
    worker: str | None = None
    provision_state: str | None = None
    target_provision_state: str | None = None


def entry(node: Node, event: Event, **values: Any) -> Entry:
    """An entry about the operation that the node is in."""
    about: dict[str, Any] = {
        "node_uuid": node.uuid,
        "operation": node.operation,
        "operation_id": node.operation_id,
        "step": node.step,
        "worker": node.lease_owner,
        "provision_state": node.provision_state,
        "target_provision_state": node.target_provision_state,
    }
    return Entry(event=event, **(about | values))


class Journal:
    """Append and read. Entries are written in the transaction of what they tell of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, line: Entry) -> None:
        self._database.write(lambda connection: write(connection, line))

    def timeline(self, node_uuid: str, operation_id: str | None = None) -> tuple[Entry, ...]:
        """Everything about a node, oldest first; of one operation if its id is given."""
        query = select(_journal).where(_journal.c.node_uuid == node_uuid).order_by(_journal.c.id)
        if operation_id:
            query = query.where(_journal.c.operation_id == operation_id)
        return self._entries(query)

    def last_rescue(self, node_uuid: str) -> tuple[Entry, ...]:
        """A node's last rescue and, if it has begun, the unrescue after it, oldest first."""
        accepted = select(func.max(_journal.c.id)).where(
            _journal.c.node_uuid == node_uuid,
            _journal.c.operation == "rescue",
            _journal.c.event == Event.ACCEPTED,
        )
        query = (
            select(_journal)
            .where(
                _journal.c.node_uuid == node_uuid,
                _journal.c.id >= accepted.scalar_subquery(),
                _journal.c.operation.in_(("rescue", "unrescue")),
            )
            .order_by(_journal.c.id)
        )
        return self._entries(query)

    def history(self, node: Node) -> tuple[Entry, ...]:
        """How each operation ended, oldest first; not those of a deleted node of this UUID."""
        query = (
            select(_journal)
            .where(_journal.c.node_uuid == node.uuid, _journal.c.event.in_(HISTORY))
            .where(_journal.c.at >= node.created_at)
            .order_by(_journal.c.id)
        )
        return self._entries(query)

    def history_event(self, node: Node, event_uuid: str) -> Entry:
        """Raises NotFound."""
        for line in self.history(node):
            if line.uuid == event_uuid:
                return line
        raise NotFound(f"Node history record {event_uuid} could not be found.")

    def _entries(self, query: Any) -> tuple[Entry, ...]:
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return tuple(Entry(**row._mapping) for row in rows)


def write(connection: Connection, *lines: Entry) -> None:
    rows = [msgspec.structs.asdict(line) for line in lines]
    for row in rows:
        del row["id"]
    if rows:
        _WRITE.many(connection, rows)
