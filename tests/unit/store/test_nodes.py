"""Nodes and ports in a real database."""

import uuid

import msgspec
import pytest

from stbernard.errors import Conflict, InvalidParameter, NodeLocked, NotFound
from stbernard.nodes import Agent, HowItWas, Login
from stbernard.store import Store
from stbernard.store.pages import Page
from tests.factories import a_node, a_port
from tests.unit.store.requests import a_request


def test_a_node_comes_back_as_it_went_in(store: Store) -> None:
    node = a_node(
        name="rack1-u7",
        driver_info={"redfish_address": "https://bmc", "deep": {"list": [1, None]}},
        agent=Agent(token="t" * 43, url="https://10.0.0.9:9999", last_heartbeat=1.5),
        before_rescue=HowItWas(power_state="power on", boot_device="disk", persistent=True),
        login=Login(addresses=("10.0.0.9",), ssh_host_key="ssh-ed25519 AAAA"),
        not_restored=("power_on: no answer",),
    )
    created = store.nodes.create(node)
    assert store.nodes.get(node.uuid) == created
    assert store.nodes.get("rack1-u7") == created


def test_json_that_is_passed_on_comes_as_its_text(store: Store) -> None:
    kept = {"place": "Zürich", "deep": [1, {"a": None}]}
    node = store.nodes.create(a_node(extra=kept, driver_info=kept))
    columns, unread = ("uuid", "driver_info", "extra"), frozenset(("uuid", "extra"))
    (listed,) = store.nodes.rows(Page(), columns, unread)
    for row in (listed, store.nodes.row(node.uuid, columns, unread)):
        assert (row.uuid, row.driver_info) == (node.uuid, kept)
        assert isinstance(row.extra, msgspec.Raw)
        assert msgspec.json.decode(row.extra) == kept


def test_an_unknown_node_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match="Node rack9 could not be found"):
        store.nodes.get("rack9")


@pytest.mark.parametrize("field", ["uuid", "name", "instance_uuid"])
def test_what_is_taken_is_a_conflict(store: Store, field: str) -> None:
    value = str(uuid.uuid4())
    store.nodes.create(a_node(**{field: value}))
    with pytest.raises(Conflict, match=value):
        store.nodes.create(a_node(**{field: value}))


def test_changing_a_name_to_a_taken_one_changes_nothing(store: Store) -> None:
    store.nodes.create(a_node(name="one"))
    store.nodes.create(a_node(name="two"))
    with pytest.raises(Conflict, match="one"):
        store.nodes.change("two", {"name": "one", "description": "x"})
    assert store.nodes.get("two").description is None


def test_a_locked_node_cannot_be_changed_or_deleted(store: Store) -> None:
    node = store.nodes.create(a_node())
    store.leases.accept(node.uuid, a_request())
    with pytest.raises(NodeLocked, match="rescue"):
        store.nodes.change(node.uuid, {"description": "x"})
    with pytest.raises(NodeLocked):
        store.nodes.delete(node.uuid)
    with pytest.raises(NodeLocked):
        store.ports.create(a_port(node))


def test_deleting_a_node_deletes_its_ports(store: Store) -> None:
    node = store.nodes.create(a_node())
    port = store.ports.create(a_port(node))
    store.nodes.delete(node.uuid)
    with pytest.raises(NotFound):
        store.ports.get(port.uuid)


def test_an_address_belongs_to_one_port(store: Store) -> None:
    node = store.nodes.create(a_node())
    store.ports.create(a_port(node))
    with pytest.raises(Conflict, match="52:54:00:77:00:01"):
        store.ports.create(a_port(node))


def test_a_node_is_found_by_its_addresses(store: Store) -> None:
    node = store.nodes.create(a_node())
    store.nodes.create(a_node())
    store.ports.create(a_port(node))
    store.ports.create(a_port(node, address="52:54:00:77:00:02"))
    found = store.nodes.by_addresses(("52:54:00:77:00:02", "52:54:00:77:00:01"))
    assert [each.uuid for each in found] == [node.uuid]
    assert store.nodes.by_addresses(("52:54:00:77:00:03",)) == ()


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("key", ["id", "name", "description", "created_at"])
def test_pages_together_are_the_whole_list(store: Store, key: str, direction: str) -> None:
    for number in range(11):
        description = [None, "same", "other"][number % 3]
        name = f"node-{number:02}" if number % 2 else None
        store.nodes.create(a_node(name=name, description=description))
    whole = [n.uuid for n in store.nodes.list(Page(sort_key=key, sort_dir=direction))]
    seen: list[str] = []
    while page := store.nodes.list(
        Page(sort_key=key, sort_dir=direction, limit=3, marker=seen[-1] if seen else None)
    ):
        seen += [node.uuid for node in page]
    assert seen == whole
    assert len(set(seen)) == 11


def test_a_list_is_filtered(store: Store) -> None:
    wanted = store.nodes.create(a_node(provision_state="rescue", name="a"))
    store.nodes.create(a_node(name="b"))
    found = store.nodes.list(Page(filters={"provision_state": "rescue", "fault": None}))
    assert found == (wanted,)


def test_a_wrong_marker_or_sort_key_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        store.nodes.list(Page(marker="nowhere"))
    with pytest.raises(InvalidParameter, match="colour"):
        store.nodes.list(Page(sort_key="colour"))
