"""Allocations under concurrency."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from stbernard.errors import NotFound
from stbernard.records import Allocation
from stbernard.store import Store
from tests.factories import a_node

NODES = 12


def an_allocation(number: int) -> Allocation:
    ident = str(uuid.uuid4())
    return Allocation(uuid=ident, created_at=time.time(), resource_class="rc", name=f"a{number}")


def test_two_never_get_the_same_node(store: Store) -> None:
    free = {"resource_class": "rc", "provision_state": "available", "power_state": "power off"}
    nodes = {store.nodes.create(a_node(**free)).uuid for _ in range(NODES)}
    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(store.allocations.create, map(an_allocation, range(2 * NODES))))
    ended = [store.allocations.get(each.uuid) for each in accepted]
    active = [each for each in ended if each.state == "active"]
    assert {each.node_uuid for each in active} == nodes
    assert len(active) == NODES
    assert {each.state for each in ended if each not in active} == {"error"}
    for each in active:
        assert store.nodes.get(each.node_uuid or "").instance_uuid == each.uuid


def test_one_is_released_once(store: Store) -> None:
    free = {"resource_class": "rc", "provision_state": "available", "power_state": "power off"}
    store.nodes.create(a_node(name="n", **free))
    allocation = store.allocations.create(an_allocation(1))
    asked: list[str] = []
    store.allocations.release(allocation.uuid, lambda found, node: asked.append(str(node.name)))
    assert asked == ["n"]
    assert store.nodes.get("n").instance_uuid is None
    with pytest.raises(NotFound):
        store.allocations.release(allocation.uuid, lambda found, node: None)
