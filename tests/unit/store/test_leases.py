"""Accept, claim, save under the fence, wake up."""

import pytest
from sqlalchemy import Connection, text, update

from stbernard import clock
from stbernard.errors import InvalidState, NodeLocked
from stbernard.nodes import Node
from stbernard.store import Store, leases
from stbernard.store.journal import Event, entry
from stbernard.store.leases import LeaseLost
from stbernard.store.nodes import find as find_node
from stbernard.store.schema import nodes
from tests.factories import a_node
from tests.unit.store.requests import a_request


@pytest.fixture
def accepted(store: Store) -> Node:
    node = store.nodes.create(a_node())
    return store.leases.accept(node.uuid, a_request(arguments={"password_hash": "$5$x"}))


def test_accepting_is_durable_and_exclusive(store: Store, accepted: Node) -> None:
    assert store.nodes.get(accepted.uuid).operation == "rescue"
    with pytest.raises(NodeLocked, match=accepted.uuid):
        store.leases.accept(accepted.uuid, a_request(operation="unrescue"))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_node_let_go_while_it_is_asked_who_holds_it(
    store: Store, accepted: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where there are two connections at once: the UPDATE found it held, the SELECT free."""
    (held,) = store.leases.claim("me", 1)

    def find(connection: Connection, ident: str) -> Node:
        free = {"operation": None, "operation_id": None, "due_at": None, "step": None}
        store.leases.save(held, free, (), release=True)
        return find_node(connection, ident)

    monkeypatch.setattr(leases, "find", find)
    unrescue = store.leases.accept(accepted.uuid, a_request(operation="unrescue"))
    assert unrescue.operation == "unrescue"


def test_a_node_that_moved_on_is_not_taken(store: Store) -> None:
    node = store.nodes.create(a_node(provision_state="rescue"))
    with pytest.raises(InvalidState, match='in state "rescue"'):
        store.leases.accept(node.uuid, a_request(states=("active",)))


def test_a_claimed_node_is_claimed_by_nobody_else(store: Store, accepted: Node) -> None:
    (mine,) = store.leases.claim("me", 10)
    assert (mine.uuid, mine.lease_owner) == (accepted.uuid, "me")
    assert store.leases.claim("you", 10) == ()


def test_only_what_is_due_is_claimed(store: Store, accepted: Node) -> None:
    (mine,) = store.leases.claim("me", 10)
    later = clock.now() + 1000
    store.leases.save(mine, {"due_at": later}, (), release=True)
    assert store.leases.claim("me", 10) == ()
    assert store.leases.next_due() == later


def test_a_save_writes_the_row_and_the_journal(store: Store, accepted: Node) -> None:
    (mine,) = store.leases.claim("me", 10)
    line = entry(mine, Event.STEP_DONE, seconds=1.5)
    after = store.leases.save(mine, {"step": "power_off"}, (line,), release=False)
    assert after.step == "power_off"
    assert [each.event for each in store.journal.timeline(mine.uuid)] == ["accepted", "done"]


def test_a_write_under_an_old_fence_is_lost(store: Store, accepted: Node) -> None:
    (mine,) = store.leases.claim("me", 10)
    store.leases.take_back("me")
    (theirs,) = store.leases.claim("you", 10)
    with pytest.raises(LeaseLost):
        store.leases.save(mine, {"step": "power_off"}, (), release=False)
    assert store.nodes.get(mine.uuid).step == theirs.step == "check_everything"
    assert len(store.journal.timeline(mine.uuid)) == 1


def test_a_heartbeat_wakes_a_waiting_node(store: Store, accepted: Node) -> None:
    assert store.leases.give_token(accepted.uuid, "right")
    (mine,) = store.leases.claim("me", 10)
    store.leases.save(mine, {"due_at": clock.now() + 1000}, (), release=True)
    assert not store.leases.heartbeat(accepted.uuid, "wrong", {})
    assert store.leases.claim("me", 10) == ()
    assert store.leases.heartbeat(accepted.uuid, "right", {"agent_url": "https://a:9999"})
    (woken,) = store.leases.claim("me", 10)
    assert woken.agent.url == "https://a:9999"
    assert woken.agent.last_heartbeat is not None


def test_a_heartbeat_during_the_step_is_not_lost(store: Store, accepted: Node) -> None:
    store.leases.give_token(accepted.uuid, "right")
    (mine,) = store.leases.claim("me", 10)
    store.leases.heartbeat(accepted.uuid, "right", {})
    store.leases.save(mine, {"due_at": clock.now() + 1000}, (), release=True)
    assert len(store.leases.claim("me", 10)) == 1


def test_a_heartbeat_wakes_only_nodes_with_an_operation(store: Store) -> None:
    node = store.nodes.create(a_node())
    store.leases.give_token(node.uuid, "right")
    assert store.leases.heartbeat(node.uuid, "right", {})
    assert store.nodes.get(node.uuid).due_at is None


def test_a_token_is_given_once(store: Store, accepted: Node) -> None:
    assert store.leases.give_token(accepted.uuid, "first")
    assert not store.leases.give_token(accepted.uuid, "second")
    assert store.nodes.get(accepted.uuid).agent.token == "first"


def test_taking_over_fences_the_worker_off(store: Store, accepted: Node) -> None:
    (mine,) = store.leases.claim("me", 10)
    line = entry(mine, Event.STEP_FAILED)
    assert store.leases.take_over(accepted, {"undoing": True}, (line,))
    with pytest.raises(LeaseLost):
        store.leases.save(mine, {"step": "open_login"}, (), release=False)
    assert not store.leases.take_over(accepted, {"undoing": True}, (line,))
    assert store.nodes.get(mine.uuid).undoing


def test_an_expired_lease_is_anybodys(store: Store, accepted: Node) -> None:
    (mine,) = store.leases.claim("me", 10)
    store.leases.save(mine, {"lease_until": clock.now() - 1}, (), release=False)
    (theirs,) = store.leases.claim("you", 10)
    assert theirs.fence == mine.fence + 1


def test_a_renewed_lease_lasts_longer(store: Store, accepted: Node) -> None:
    (mine,) = store.leases.claim("me", 10)
    store.leases.save(mine, {"lease_until": clock.now() + 1}, (), release=False)
    store.leases.renew("me", [mine.id])
    assert (store.nodes.get(mine.uuid).lease_until or 0) > clock.now() + 10


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_more_are_claimed_than_asked_for(store: Store) -> None:
    """However PostgreSQL plans it: here it may not make a set of what is due."""
    name = store.database.url.database
    ways = ("hashjoin", "mergejoin", "hashagg", "sort", "material")
    forbidden = [text(f"ALTER DATABASE {name} SET enable_{way} = off") for way in ways]
    store.database.write(lambda connection: [connection.execute(each) for each in forbidden])
    store.database.engine.dispose()
    store.nodes.add([a_node() for _ in range(50)])
    store.database.write(lambda connection: connection.execute(update(nodes).values(due_at=1.0)))
    for most in (1, 5, 16):
        assert len(store.leases.claim("me", most)) == most
