"""What happens at the start of a service that was down while servers booted."""

from stbernard.nodes import Node
from stbernard.operations.boot_signs import RAMDISK
from stbernard.operations.missed_boots import boot_again
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.journal import Event, entry
from tests.factories import a_node
from tests.unit.store.requests import a_request


def waiting(store: Store) -> Node:
    node = store.nodes.create(a_node())
    changes = {"provision_state": "rescue wait", "target_provision_state": "rescue"}
    return store.leases.accept(node.uuid, a_request(first_step="wait_for_agent", changes=changes))


def test_a_server_that_got_no_ramdisk_boots_again(store: Store) -> None:
    node = waiting(store)
    boot_again(store, Settings())
    after = store.nodes.get(node.uuid)
    assert (after.step, after.provision_state) == ("power_off", "rescuing")
    assert len(store.leases.claim("me", 10)) == 1
    last = store.journal.timeline(node.uuid)[-1]
    assert (last.event, last.detail) == ("retrying", "back to power_off: missed its boot script")


def test_a_server_that_has_its_ramdisk_is_left_alone(store: Store) -> None:
    node = waiting(store)
    store.journal.note(entry(node, Event.SEEN, detail=RAMDISK))
    boot_again(store, Settings())
    assert store.nodes.get(node.uuid).step == "wait_for_agent"


def test_a_server_whose_agent_called_is_left_alone(store: Store) -> None:
    node = waiting(store)
    store.leases.give_token(node.uuid, "token")
    store.leases.heartbeat(node.uuid, "token", {})
    boot_again(store, Settings())
    assert store.nodes.get(node.uuid).step == "wait_for_agent"


def test_a_rescue_that_is_undone_is_left_alone(store: Store) -> None:
    node = waiting(store)
    store.leases.take_over(node, {"undoing": True}, ())
    boot_again(store, Settings())
    assert store.nodes.get(node.uuid).step == "wait_for_agent"
