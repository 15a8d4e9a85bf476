"""Who works on a node: accept a request, claim a node, save under the fence, wake it up.

A node with an `operation` belongs to the engine. Accepting is one guarded UPDATE: the lock and the
durable promise in one. Claiming grows the `fence`; each later write carries it, so that a worker
that lost its lease can write nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import structlog
from sqlalchemy import (
    Connection,
    String,
    bindparam,
    case,
    cast,
    delete,
    func,
    not_,
    or_,
    select,
    update,
)

from stbernard import clock
from stbernard.nodes import Node, hash_of_token
from stbernard.store import schema
from stbernard.store.engine import Database
from stbernard.store.journal import Entry, Event, entry, write
from stbernard.store.news import News
from stbernard.store.nodes import Nodes, find, to_node
from stbernard.store.parts import forget_volume_targets, save_internal_info
from stbernard.store.prepared import Prepared
from stbernard.store.requests import Request, accepting, refusal
from stbernard.store.writer import Work

log = structlog.get_logger()

_nodes = schema.nodes
LEASE = 30.0  # seconds
OF_PARTS = frozenset(("internal_info", "volume_targets"))
"""Changes of a node that are none of its row's: of its ports and portgroups, of its volumes."""

# What they set are the columns given when they are executed.
_SAVED = (
    update(_nodes)
    .where(
        _nodes.c.id == bindparam("of"),
        _nodes.c.fence == bindparam("held"),
        _nodes.c.operation_id == bindparam("run"),
    )
    .returning(_nodes)
)
_DUE = (
    select(_nodes.c.id)
    .where(
        _nodes.c.due_at <= bindparam("now"),
        _nodes.c.conductor_group == bindparam("group"),
        or_(_nodes.c.lease_until.is_(None), _nodes.c.lease_until < bindparam("now")),
        # in a text like ",3,14,": an IN would be another statement for each number of ids
        not_(bindparam("in_hand", type_=String).contains("," + cast(_nodes.c.id, String) + ",")),
    )
    .order_by(_nodes.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    # once: a plan that ran it for each row would lock, and claim, more than the limit
    .cte("due")
    .prefix_with("MATERIALIZED")
)
_CLAIM = Prepared(
    update(_nodes)
    .where(_nodes.c.id.in_(select(_DUE.c.id)))
    .values(fence=_nodes.c.fence + 1)
    .returning(_nodes)
)
_NEXT_DUE = Prepared(
    select(func.min(_nodes.c.due_at)).where(
        _nodes.c.lease_until.is_(None), _nodes.c.conductor_group == bindparam("group")
    )
)
_BEAT = Prepared(
    update(_nodes)
    .where(
        _nodes.c.uuid == bindparam("of"),
        _nodes.c.agent_token_hash == bindparam("known"),
        or_(
            _nodes.c.agent_url.is_(None),
            _nodes.c.agent_url
            == func.coalesce(bindparam("same", type_=String), _nodes.c.agent_url),
        ),
    )
    .values(
        wakeups=_nodes.c.wakeups + 1,
        due_at=case((_nodes.c.operation.is_not(None), bindparam("now")), else_=None),
    )
    .returning(_nodes.c.operation)
)
_SAVE = Prepared(_SAVED)
_SAVE_TO_WAIT = Prepared(
    _SAVED.values(
        due_at=case(
            (_nodes.c.wakeups == bindparam("seen"), bindparam("wait_until")), else_=bindparam("now")
        )
    )
)


class LeaseLost(Exception):
    """Another worker has the node now, or its operation was aborted: write nothing more."""


class Leases:
    def __init__(
        self, database: Database, nodes: Nodes, news: News, due: News, lease: float
    ) -> None:
        self._database = database
        self._nodes = nodes
        self._news = news
        self._due = due
        self._lease = lease

    def accept(self, node_uuid: str, request: Request) -> Node:
        """Take a request for a node. Raises NotFound, NodeLocked, InvalidState (it moved on)."""
        now = clock.now()
        columns = self._nodes.columns_of(request.changes) | {
            "of": node_uuid,
            "operation": request.operation,
            "operation_id": request.operation_id,
            "arguments": dict(request.arguments),
            "step": request.first_step,
            "attempt": 0,
            "undoing": False,
            "failure": None,
            "not_restored": (),
            "started_at": now,
            "due_at": now,
            "deadline": now + request.within if request.within else None,
            "operation_deadline": now + request.all_within if request.all_within else None,
            "lease_owner": None,
            "lease_until": None,
            "updated_at": now,
        }
        accepted = accepting(request.states, request.interrupts, fenced=request.fence is not None)
        if request.fence is not None:
            columns["held"] = request.fence

        def work(connection: Connection) -> Node:
            row = accepted.first(connection, **columns)
            if row is None:
                node = find(connection, node_uuid)
                # who held it may have let it go between these two, and then nothing is refused
                row = accepted.first(connection, **columns)
                if row is None:
                    raise refusal(node, request)
            node = to_node(row)
            write(connection, *request.lines, entry(node, Event.ACCEPTED, step=None))
            return node

        node = self._database.write(work)
        log.info("accepted", node=node.uuid, operation=node.operation, run=node.operation_id)
        self._due.tell()
        self._news.hear()
        return node

    def claim(
        self, owner: str, most: int, group: str = "", in_hand: Collection[int] = ()
    ) -> tuple[Node, ...]:
        """Take up to so many nodes of a conductor group that are due and free, oldest first.

        Not those that the worker has in hand still: it had lost the lease, and works on."""
        now = clock.now()
        lease = {"lease_owner": owner, "lease_until": now + self._lease}
        ids = f",{','.join(map(str, in_hand))},"
        given = {"now": now, "most": most, "group": group, "in_hand": ids} | lease
        rows = self._database.write(lambda connection: _CLAIM.all(connection, **given))
        return tuple(to_node(row) for row in rows)

    def next_due(self, group: str = "") -> float | None:
        """When the next free node of a conductor group is due, in seconds since the epoch."""
        row = self._database.read(lambda connection: _NEXT_DUE.first(connection, group=group))
        return row[0] if row else None

    def save(
        self, node: Node, changes: Mapping[str, Any], lines: Iterable[Entry], *, release: bool
    ) -> Node:
        """`save_soon`, and wait for it. Raises LeaseLost, Unavailable."""
        return self.save_soon(node, changes, lines, release=release).result()

    def save_soon(
        self, node: Node, changes: Mapping[str, Any], lines: Iterable[Entry], *, release: bool
    ) -> Future[Node]:
        """Write what a step did and its journal lines, in one transaction, under the fence.

        `internal_info` in the changes is that of the node's ports and portgroups, by uuid; with
        `volume_targets` those of the node are deleted. When
        the node is released to wait, an event that came meanwhile is not lost: it is due at once.
        The node as it is then, or LeaseLost, is the future's."""
        of_parts = changes.get("internal_info", {})
        of_node = {key: changes[key] for key in changes if key not in OF_PARTS}
        columns = self._nodes.columns_of(of_node)
        if release:
            columns |= {"lease_owner": None, "lease_until": None}
        statement = _SAVE
        if columns.get("due_at") is not None:
            statement = _SAVE_TO_WAIT
            columns |= {
                "wait_until": columns.pop("due_at"),
                "seen": node.wakeups,
                "now": clock.now(),
            }
        columns |= {"of": node.id, "held": node.fence, "run": node.operation_id}

        def work(connection: Connection) -> Node:
            row = statement.first(connection, **columns)
            if row is None:
                raise LeaseLost(node.uuid)
            saved = to_node(row)
            if node.allocation_uuid and not saved.allocation_uuid:  # it goes with its instance
                allocations = schema.allocations
                gone = allocations.c.uuid == node.allocation_uuid
                connection.execute(delete(allocations).where(gone))
            for uuid, info in of_parts.items():
                save_internal_info(connection, node.uuid, uuid, info)
            if "volume_targets" in changes:
                forget_volume_targets(connection, node.uuid)
            write(connection, *lines)
            return saved

        saving = self._database.ask(work)
        if release:
            saving.add_done_callback(self._tell_released)
        return saving

    def _tell_released(self, saved: Future[Node]) -> None:
        if not saved.exception():
            self._news.tell()
            self._due.hear()  # this worker is the first to know when it is due again

    def renew(self, owner: str, node_ids: Iterable[int]) -> None:
        """Keep the leases of the nodes that this worker has in hand.

        On a connection of its own: it must not wait until the others are done."""
        renewed = (
            update(_nodes)
            .where(_nodes.c.id.in_(list(node_ids)), _nodes.c.lease_owner == owner)
            .values(lease_until=clock.now() + self._lease)
        )
        self._database.write(lambda connection: connection.execute(renewed), apart=True)

    def take_back(self, owner: str, in_hand: Collection[int] = ()) -> int:
        """Free what this worker has no more in hand, due at once, by its fence. Returns how many.

        After its own death it is all; after a save that failed it is that node."""
        freed = (
            update(_nodes)
            .where(_nodes.c.lease_owner == owner, _nodes.c.id.not_in(in_hand))
            .values(
                lease_owner=None,
                lease_until=None,
                due_at=clock.now(),
                fence=_nodes.c.fence + 1,
            )
        )
        count = self._database.write(lambda connection: connection.execute(freed).rowcount)
        if count:
            self._due.tell()
        return count

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
                **{"due_at": clock.now()} | self._nodes.columns_of(changes),
                lease_owner=None,
                lease_until=None,
                fence=_nodes.c.fence + 1,
            )
        )

        def work(connection: Connection) -> bool:
            done = connection.execute(turned).rowcount == 1
            if done:
                write(connection, *lines)
            return done

        done = self._database.write(work)
        self._due.tell()
        self._news.tell()
        return done

    def heartbeat(self, node_uuid: str, token: str, values: Mapping[str, Any]) -> bool:
        """An agent's call: one UPDATE, which also wakes the node. False if there is no such node,
        the token is wrong, or the agent had another URL before.

        `values` are columns `agent_*`."""
        return self._beaten(self._database.write(_beat(node_uuid, token, values)))

    async def heartbeat_soon(self, node_uuid: str, token: str, values: Mapping[str, Any]) -> bool:
        """The same, for the event loop."""
        return self._beaten(await self._database.write_soon(_beat(node_uuid, token, values)))

    def _beaten(self, row: tuple[Any, ...] | None) -> bool:
        if row and row[0]:  # an operation; else there is nothing that a worker could go on with
            self._due.tell()
        return row is not None

    def note_old_agent(self, node_uuid: str, version: str) -> bool:
        """Keep the version of an agent that knows no token, while none has been given.

        False if one has, or if there is a version already."""
        noted = (
            update(_nodes)
            .where(
                _nodes.c.uuid == node_uuid,
                _nodes.c.operation.is_not(None),
                _nodes.c.agent_token.is_(None),
                _nodes.c.agent_version.is_(None),
            )
            .values(agent_version=version)
        )
        return self._database.write(lambda connection: connection.execute(noted).rowcount == 1)

    def give_token(self, node_uuid: str, token: str, *lines: Entry) -> bool:
        """Set the agent's token, and write the lines, if there is none yet; False if somebody has
        it."""
        known = {"agent_token": token, "agent_token_hash": hash_of_token(token)}
        given = (
            update(_nodes)
            .where(_nodes.c.uuid == node_uuid, _nodes.c.agent_token.is_(None))
            .values(**self._nodes.columns_of(known))
        )

        def work(connection: Connection) -> bool:
            done = connection.execute(given).rowcount == 1
            if done:
                write(connection, *lines)
            return done

        return self._database.write(work)

    def wake(self, node: Node) -> None:
        """Have the operation of the node look again now, if it is the one in `node` still."""
        woken = (
            update(_nodes)
            .where(_nodes.c.id == node.id, _nodes.c.operation_id == node.operation_id)
            .values(wakeups=_nodes.c.wakeups + 1, due_at=clock.now())
        )
        self._database.write(lambda connection: connection.execute(woken))
        self._due.tell()


def _beat(node_uuid: str, token: str, values: Mapping[str, Any]) -> Work[tuple[Any, ...] | None]:
    now = clock.now()
    given = {**values, "agent_last_heartbeat": now, "of": node_uuid, "now": now}
    given |= {"known": hash_of_token(token), "same": values.get("agent_url")}
    return lambda connection: _BEAT.first(connection, **given)
