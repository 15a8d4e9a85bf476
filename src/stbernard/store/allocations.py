"""Allocations: an available node is picked and marked in the transaction that creates one."""

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from stbernard import clock
from stbernard.errors import BadRequest, Conflict, NodeLocked, NotFound
from stbernard.nodes import Node
from stbernard.records import Allocation
from stbernard.store import schema
from stbernard.store.engine import Database, is_duplicate
from stbernard.store.nodes import find, to_node
from stbernard.store.records import Records

_allocations = schema.allocations
_nodes = schema.nodes


class _Failed(Exception):
    """There is no node for the allocation."""

    def __init__(self, allocation: Allocation, why: str) -> None:
        super().__init__(f"Failed to process allocation {allocation.uuid}: {why}.")


class Allocations(Records[Allocation]):
    """Two allocations never get the same node: it is locked when it is looked at again.

    `create` with a `node_uuid` is for a node that is deployed already (raises Conflict,
    BadRequest). Else it returns the allocation as it was accepted, `allocating`; what became of it
    is in the database then."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, Allocation, _allocations, "allocation")

    def of_node(self, node_uuid: str) -> Allocation | None:
        query = select(_allocations).where(_allocations.c.node_uuid == node_uuid)
        row = self._database.read(lambda connection: connection.execute(query).first())
        return self._record(row) if row else None

    def release(self, ident: str, check: Callable[[Allocation, Node], None]) -> None:
        """Delete it and set its node free. `check` raises if the node must keep it now.

        Raises NotFound."""

        def work(connection: Connection) -> None:
            allocation = self._find(connection, ident)
            if allocation.node_uuid:  # locked first: whoever changes a node does so, too
                node = find(connection, allocation.node_uuid, hold=True)
                check(allocation, node)
                free = {"allocation_uuid": None, "instance_uuid": None, "updated_at": clock.now()}
                connection.execute(update(_nodes).where(_nodes.c.id == node.id).values(**free))
            gone = delete(_allocations).where(_allocations.c.id == allocation.id)
            if not connection.execute(gone).rowcount:
                raise NotFound(f"Allocation {ident} could not be found.")

        self._database.write(work)

    def _before_create(self, connection: Connection, record: Allocation) -> None:
        if record.node_uuid:
            _check_backfill(record, find(connection, record.node_uuid, hold=True))

    def _after_create(self, connection: Connection, record: Allocation) -> None:
        if record.node_uuid:
            _mark(connection, find(connection, record.node_uuid), record)
            return
        try:
            node = _pick(connection, record)
            found = {"state": "active", "node_uuid": node.uuid}
            _mark(connection, node, record)
        except _Failed as error:
            found = {"state": "error", "last_error": str(error)}
        changed = update(_allocations).where(_allocations.c.uuid == record.uuid)
        connection.execute(changed.values(**found, updated_at=clock.now()))

    def _duplicate(self, error: IntegrityError, values: Mapping[str, Any]) -> Exception:
        if is_duplicate(error, "instance_uuid"):
            return Conflict(
                f"Instance {values['uuid']} is already associated with a node, it cannot be an "
                "allocation of this UUID, too."
            )
        return super()._duplicate(error, values)


def _mark(connection: Connection, node: Node, allocation: Allocation) -> None:
    """The node's instance is the allocation from now on, as far as anybody knows."""
    connection.execute(
        update(_nodes)
        .where(_nodes.c.id == node.id)
        .values(
            allocation_uuid=allocation.uuid,
            instance_uuid=allocation.uuid,
            instance_info={**node.instance_info, "traits": list(allocation.traits)},
            updated_at=clock.now(),
        )
    )


def _pick(connection: Connection, allocation: Allocation) -> Node:
    """A suitable node, locked. Raises _Failed with the reason for people."""
    suitable = _suitable(allocation)
    columns = (_nodes.c.uuid, _nodes.c.name, _nodes.c.traits)
    nodes = list(connection.execute(select(*columns).where(*suitable)))
    if not nodes:
        whose = "none of the requested nodes are available and"
        which = whose if allocation.candidate_nodes else "no available nodes"
        raise _Failed(allocation, f"{which} match the resource class {allocation.resource_class}")
    nodes = [node for node in nodes if _has_traits(node.traits, allocation)]
    if not nodes:
        wanted = ", ".join(allocation.traits)
        raise _Failed(allocation, f"no suitable nodes have the requested traits {wanted}")
    random.shuffle(nodes)  # parallel allocations do not queue up for the same node
    nodes.sort(key=lambda node: node.name is None or node.name != allocation.name)
    for candidate in nodes:
        again = select(_nodes).where(_nodes.c.uuid == candidate.uuid, *suitable).with_for_update()
        node = connection.execute(again).first()
        if node and _has_traits(node.traits, allocation):
            return to_node(node)
    raise _Failed(allocation, "all nodes were filtered out during reservation")


def _suitable(allocation: Allocation) -> tuple[ColumnElement[bool], ...]:
    """The conditions on a node that the database looks at."""
    columns = _nodes.c
    conditions: list[ColumnElement[bool]] = [
        columns.resource_class == allocation.resource_class,
        columns.provision_state == "available",
        columns.instance_uuid.is_(None),
        columns.power_state.is_not(None),
        columns.maintenance.is_(False),
        columns.parent_node.is_(None),
    ]
    if allocation.candidate_nodes:
        conditions.append(columns.uuid.in_(allocation.candidate_nodes))
    if allocation.owner:
        mine = (columns.owner == allocation.owner, columns.lessee == allocation.owner)
        conditions.append(or_(*mine))
    return tuple(conditions)


def _has_traits(traits: Iterable[str], allocation: Allocation) -> bool:
    return set(allocation.traits) <= set(traits)


def _check_backfill(allocation: Allocation, node: Node) -> None:
    """Raises BadRequest, Conflict if this is no allocation of the node's."""
    if node.operation:
        raise NodeLocked(node.name or node.uuid, node.operation, node.lease_owner)
    wrong = []
    if node.provision_state != "active":
        wrong.append(
            f'Node must be in the "active" state, but the current state is "{node.provision_state}"'
        )
    if allocation.resource_class and node.resource_class != allocation.resource_class:
        wrong.append(
            f"Resource class {node.resource_class} does not match the requested resource class "
            f"{allocation.resource_class}"
        )
    if not _has_traits(node.traits, allocation):
        wrong.append(
            f"List of traits {list(node.traits)} does not match the requested traits "
            f"{list(allocation.traits)}"
        )
    if allocation.candidate_nodes and node.uuid not in allocation.candidate_nodes:
        wrong.append("Candidate nodes must be empty or contain the target node")
    if wrong:
        why = "; ".join(wrong)
        error = _Failed(allocation, f"Cannot backfill an allocation for node {node.uuid}: {why}")
        raise BadRequest(str(error))
    if node.instance_uuid not in (None, allocation.uuid):
        raise Conflict(f"Node {node.uuid} is associated with instance {node.instance_uuid}.")
