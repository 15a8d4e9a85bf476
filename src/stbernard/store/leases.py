"""Who works on a node: accept a request, claim a node, save under the fence, wake it up.

A node with an `operation` belongs to the engine. Accepting is one guarded UPDATE: the lock and the
durable promise in one. Claiming grows the `fence`; each later write carries it, so that a worker
that lost its lease can write nothing.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, case, delete, func, or_, select, update

from stbernard.errors import BadRequest, InvalidState, NodeLocked
from stbernard.nodes import Node
from stbernard.store import schema
from stbernard.store.engine import Database
from stbernard.store.journal import Entry, Event, Journal, entry, write
from stbernard.store.news import News
from stbernard.store.nodes import columns_of, find, to_node

log = structlog.get_logger()

_nodes = schema.nodes
LEASE = 30.0  # seconds


class LeaseLost(Exception):
    """Another worker has the node now, or its operation was aborted: write nothing more."""


@dataclass(frozen=True)
class Request:
    """A request as it is accepted. `states`: those the node must be in still; `interrupts`: those
    in which it takes the place of an operation that waits, whose last `lines` it brings along;
    `fence`: the one the node must have still, so that nothing was done to it meanwhile.

    `within`, `all_within`: seconds for the first step, and for the operation as a whole."""

    operation: str
    operation_id: str
    first_step: str
    within: float | None
    all_within: float | None = None
    states: tuple[str, ...] = ()
    interrupts: tuple[str, ...] = ()
    lines: tuple[Entry, ...] = ()
    fence: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)


class Leases:
    def __init__(self, database: Database, journal: Journal, news: News) -> None:
        self._database = database
        self._journal = journal
        self._news = news

    def accept(self, node_uuid: str, request: Request) -> Node:
        """Take a request for a node. Raises NotFound, NodeLocked, InvalidState (it moved on)."""
        now = time.time()
        accepted = (
            update(_nodes)
            .where(_nodes.c.uuid == node_uuid, _free_for(request))
            .values(
                fence=_nodes.c.fence + 1,
                operation=request.operation,
                operation_id=request.operation_id,
                arguments=dict(request.arguments),
                step=request.first_step,
                attempt=0,
                undoing=False,
                failure=None,
                not_restored=(),
                started_at=now,
                due_at=now,
                deadline=now + request.within if request.within else None,
                operation_deadline=now + request.all_within if request.all_within else None,
                lease_owner=None,
                lease_until=None,
                updated_at=now,
                **request.changes,
            )
        )
        if request.fence is not None:
            accepted = accepted.where(_nodes.c.fence == request.fence)
        if request.states:
            accepted = accepted.where(_nodes.c.provision_state.in_(request.states))

        def work(connection: Connection) -> Node:
            taken = connection.execute(accepted).rowcount
            node = find(connection, node_uuid)
            if not taken:
                _explain_refusal(node, request)
            for line in (*request.lines, entry(node, Event.ACCEPTED, step=None)):
                write(connection, line)
            return node

        node = self._database.write(work)
        log.info("accepted", node=node.uuid, operation=node.operation, run=node.operation_id)
        self._news.tell()
        return node

    def claim(self, owner: str, most: int) -> tuple[Node, ...]:
        """Take up to so many nodes that are due and free, oldest first."""
        now = time.time()
        due = (
            select(_nodes.c.id)
            .where(
                _nodes.c.due_at <= now,
                or_(_nodes.c.lease_until.is_(None), _nodes.c.lease_until < now),
            )
            .order_by(_nodes.c.due_at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        claimed = (
            update(_nodes)
            .where(_nodes.c.id.in_(due.scalar_subquery()))
            .values(lease_owner=owner, lease_until=now + LEASE, fence=_nodes.c.fence + 1)
            .returning(_nodes)
        )
        rows = self._database.write(lambda connection: connection.execute(claimed).all())
        return tuple(to_node(row) for row in rows)

    def next_due(self) -> float | None:
        """When the next free node is due, in seconds since the epoch."""
        query = select(func.min(_nodes.c.due_at)).where(_nodes.c.lease_until.is_(None))
        value: float | None = self._database.read(lambda connection: connection.scalar(query))
        return value

    def save(
        self, node: Node, changes: Mapping[str, Any], lines: Iterable[Entry], *, release: bool
    ) -> Node:
        """Write what a step did and its journal lines, in one transaction, under the fence.

        When it is released to wait, an event that came meanwhile is not lost: the node is due at
        once. Raises LeaseLost."""
        columns = columns_of(changes)
        if release:
            columns |= {"lease_owner": None, "lease_until": None}
        if columns.get("due_at") is not None:
            columns["due_at"] = case(
                (_nodes.c.wakeups == node.wakeups, columns["due_at"]), else_=time.time()
            )
        saved = (
            update(_nodes)
            .where(
                _nodes.c.id == node.id,
                _nodes.c.fence == node.fence,
                _nodes.c.operation_id == node.operation_id,
            )
            .values(**columns)
            .returning(_nodes)
        )

        def work(connection: Connection) -> Node:
            row = connection.execute(saved).first()
            if row is None:
                raise LeaseLost(node.uuid)
            if node.allocation_uuid and row.allocation_uuid is None:  # it goes with its instance
                allocations = schema.allocations
                gone = allocations.c.uuid == node.allocation_uuid
                connection.execute(delete(allocations).where(gone))
            for line in lines:
                write(connection, line)
            return to_node(row)

        after = self._database.write(work)
        if release:
            self._news.tell()
        return after

    def renew(self, owner: str, node_ids: Iterable[int]) -> None:
        """Keep the leases of the nodes that this worker has in hand."""
        renewed = (
            update(_nodes)
            .where(_nodes.c.id.in_(list(node_ids)), _nodes.c.lease_owner == owner)
            .values(lease_until=time.time() + LEASE)
        )
        self._database.write(lambda connection: connection.execute(renewed))

    def take_back(self, owner: str) -> int:
        """After this worker's own death: free what it had, due at once. Returns how many."""
        freed = (
            update(_nodes)
            .where(_nodes.c.lease_owner == owner)
            .values(lease_owner=None, lease_until=None, due_at=time.time())
        )
        return self._database.write(lambda connection: connection.execute(freed).rowcount)

    def take_over(self, node: Node, changes: Mapping[str, Any], lines: Iterable[Entry]) -> bool:
        """Turn an operation that waits, as it is in `node`, elsewhere; False if it went on.

        Whoever has the node in hand loses it, by the fence."""
        turned = (
            update(_nodes)
            .where(
                _nodes.c.id == node.id,
                _nodes.c.operation_id == node.operation_id,
                _nodes.c.step == node.step,
                _nodes.c.undoing == node.undoing,
            )
            .values(
                **{"due_at": time.time()} | columns_of(changes),
                lease_owner=None,
                lease_until=None,
                fence=_nodes.c.fence + 1,
            )
        )

        def work(connection: Connection) -> bool:
            done = connection.execute(turned).rowcount == 1
            for line in lines if done else ():
                write(connection, line)
            return done

        done = self._database.write(work)
        self._news.tell()
        return done

    def heartbeat(self, node_uuid: str, token: str, values: Mapping[str, Any]) -> bool:
        """An agent's call: one UPDATE, which also wakes the node. False if the token is wrong.

        `values` are columns `agent_*`."""
        now = time.time()
        beaten = (
            update(_nodes)
            .where(_nodes.c.uuid == node_uuid, _nodes.c.agent_token == token)
            .values(
                **values,
                agent_last_heartbeat=now,
                wakeups=_nodes.c.wakeups + 1,
                due_at=case((_nodes.c.operation.is_not(None), now), else_=None),
            )
        )
        beaten = beaten.returning(_nodes.c.operation)
        row = self._database.write(lambda connection: connection.execute(beaten).first())
        if row and row.operation:  # else there is nothing that a worker could go on with
            self._news.tell()
        return row is not None

    def give_token(self, node_uuid: str, token: str) -> bool:
        """Set the agent's token if there is none yet; False if somebody has it."""
        given = (
            update(_nodes)
            .where(_nodes.c.uuid == node_uuid, _nodes.c.agent_token.is_(None))
            .values(agent_token=token)
        )
        return self._database.write(lambda connection: connection.execute(given).rowcount == 1)


def _free_for(request: Request) -> ColumnElement[bool]:
    free = _nodes.c.operation.is_(None)
    if request.interrupts:
        return or_(free, _nodes.c.provision_state.in_(request.interrupts))
    return free


def _explain_refusal(node: Node, request: Request) -> None:
    if node.operation:
        raise NodeLocked(node.name or node.uuid, node.operation, node.lease_owner)
    if request.states:
        raise InvalidState(
            f'The requested action "{request.operation}" can not be performed on node '
            f'"{node.uuid}" while it is in state "{node.provision_state}".'
        )
    raise BadRequest(f"Node {node.uuid} did not accept '{request.operation}'.")
