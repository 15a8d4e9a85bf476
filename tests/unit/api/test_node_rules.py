"""What may be said of a node when: filters, links to others, network data, allocations."""

import copy
from typing import Any

import pytest
from sqlalchemy import event

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault

UUID = "dddddddd-0000-4000-8000-000000000001"
DRIVER = {"driver": "fake-hardware"}
MAC = "52:54:00:bb:00:01"
ROUTE = {"network": "198.51.100.0", "netmask": "255.255.255.0", "gateway": "192.0.2.1"}
NETWORK_DATA: dict[str, Any] = {
    "links": [
        {"id": "a", "type": "phy", "ethernet_mac_address": MAC, "mtu": 1500},
        {"id": "v", "type": "vlan", "vlan_mac_address": MAC, "vlan_id": 5, "vlan_link": "a"},
    ],
    "networks": [
        {"id": "n", "type": "ipv4", "link": "a", "network_id": "x", "ip_address": "192.0.2.7"}
        | {"netmask": "255.255.255.0", "routes": [ROUTE]},
        {"id": "m", "type": "ipv6", "link": "a", "network_id": "y", "ip_address": "2001:db8::7/64"},
    ],
    "services": [{"type": "dns", "address": "192.0.2.2"}],
}


@pytest.fixture
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n", provision_state="available"))


def patch(client: Client, path: str, *value: Any, op: str = "replace") -> Any:
    step = {"op": op, "path": path} | ({"value": value[0]} if value else {})
    return client.patch("/v1/nodes/n", json=[step])


def test_filters(client: Client, parts: Parts) -> None:
    for name, values in (("a", {"owner": "p"}), ("b", {"lessee": "p"}), ("c", {"retired": True})):
        parts.store.nodes.create(a_node(name=name, **values))

    def names(query: str, version: str = "1.115") -> list[str]:
        answer = client_of(parts, version).get(f"/v1/nodes?fields=name&{query}")
        assert answer.status_code == 200, answer.text
        return [each["name"] for each in answer.json()["nodes"]]

    assert names("project=p") == ["a", "b"]
    assert names("retired=true", "1.60") == ["c"]
    assert names("description_contains=x", "1.50") == []
    assert names("fault=power%20failure") == []
    assert "Unrecognized fault" in fault(client.get("/v1/nodes?fault=bogus"))


def test_network_data(client: Client, node: Node) -> None:
    answer = client.post("/v1/nodes", json=DRIVER | {"network_data": NETWORK_DATA})
    assert answer.status_code == 201, answer.text
    assert patch(client, "/network_data", NETWORK_DATA).json()["network_data"] == NETWORK_DATA
    assert patch(client, "/network_data/links/0/id", "b").status_code == 200
    assert patch(client, "/network_data", op="remove").json()["network_data"] == {}


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (("links",), 5, "'links' has to be there"),
        (("links", 0), 5, "links/0: its type has to be one of"),
        (("links", 0, "type"), "odd", "links/0: its type has to be one of"),
        (("links", 0, "type"), "bond", "links/0: bond_mode is missing or wrong"),
        (("links", 0, "ethernet_mac_address"), "odd", "ethernet_mac_address is missing or wrong"),
        (("links", 0, "mtu"), 0, "mtu is missing or wrong"),
        (("links", 1, "vlan_id"), "5", "links/1: vlan_id is missing or wrong"),
        (("networks", 0, "ip_address"), "2001:db8::7", "networks/0: ip_address"),
        (("networks", 0, "netmask"), "255.0.255.0", "networks/0: netmask"),
        (("networks", 0, "routes", 0, "gateway"), "odd", "networks/0: routes"),
        (("networks", 1, "link"), None, "networks/1: link is missing or wrong"),
        (("services", 0, "address"), "odd", "services/0: address"),
        (("services", 0, "type"), ["dns"], "services/0: its type"),
    ],
)
def test_wrong_network_data(client: Client, path: tuple[Any, ...], value: Any, text: str) -> None:
    data: Any = copy.deepcopy(NETWORK_DATA)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    answer = client.post("/v1/nodes", json=DRIVER | {"network_data": data})
    assert (answer.status_code, text in fault(answer)) == (400, True), answer.text


def test_new_nodes(client: Client, parts: Parts) -> None:
    body = DRIVER | {"boot_mode": "uefi", "secure_boot": "true"}
    made = client.post("/v1/nodes", json=body).json()
    assert (made["boot_mode"], made["secure_boot"]) == ("uefi", True)
    for wrong in ({"boot_mode": "odd"}, {"instance_name": ""}, {"protected": True}):
        assert client.post("/v1/nodes", json=DRIVER | wrong).status_code == 400
    for version, newer in (("1.94", {"disable_power_off": False}), ("1.65", {"network_data": {}})):
        answer = client_of(parts, version).post("/v1/nodes", json=DRIVER | newer)
        assert answer.status_code == 406, newer
    for version, unset in (("1.4", {"name": None}), ("1.45", {"conductor_group": ""})):
        answer = client_of(parts, version).post("/v1/nodes", json=DRIVER | unset)
        assert answer.status_code == 201, unset


def test_parents(client: Client, parts: Parts, node: Node) -> None:
    parent = parts.store.nodes.create(a_node(name="parent"))
    parts.store.nodes.create(a_node(name="theirs", owner="them"))
    assert patch(client, "/parent_node", "parent").json()["parent_node"] == parent.uuid
    assert "cannot be its own parent_node" in fault(patch(client, "/parent_node", "n"))
    assert "its owner is another one" in fault(patch(client, "/parent_node", "theirs"))
    body = DRIVER | {"parent_node": "theirs", "owner": "them"}
    assert client.post("/v1/nodes", json=body).status_code == 201


def test_names_are_removed_not_nulled(client: Client, node: Node) -> None:
    assert patch(client, "/name", None).status_code == 400
    assert patch(client, "/name", op="remove").json()["name"] is None


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"provision_state": "active"}, 409),
        ({"provision_state": "active", "maintenance": True}, 200),
        ({"provision_state": "available"}, 200),
        ({"provision_state": "cleaning", "target_provision_state": "available"}, 409),
        (
            {"provision_state": "cleaning", "target_provision_state": "available"}
            | {"maintenance": True},
            200,
        ),
    ],
)
def test_the_instance_of_an_allocation(
    client: Client, parts: Parts, node: Node, values: dict[str, Any], status: int
) -> None:
    about = {"resource_class": "rc", "power_state": "power off"}
    parts.store.nodes.change("n", about)
    assert client.post("/v1/allocations", json={"resource_class": "rc"}).status_code == 201
    parts.store.nodes.change("n", values)
    assert patch(client, "/instance_uuid", op="remove").status_code == status


def test_the_owner_of_an_allocation_stays(client: Client, parts: Parts, node: Node) -> None:
    parts.store.nodes.change("n", {"resource_class": "rc", "power_state": "on", "owner": "me"})
    client.post("/v1/allocations", json={"resource_class": "rc", "owner": "me"})
    assert patch(client, "/owner", "you").status_code == 409


def test_the_driver_of_an_open_console_stays(client: Client, parts: Parts, node: Node) -> None:
    parts.store.nodes.change("n", {"console_enabled": True})
    assert patch(client, "/driver", "other").status_code == 409


def test_long_lists_cost_no_more_queries_than_short_ones(client: Client, parts: Parts) -> None:
    paths = ("nodes", "nodes/detail", "ports/detail", "allocations", "shards", "drivers?detail=1")
    said: list[str] = []

    def note(_1: Any, _2: Any, statement: str, *_3: Any) -> None:
        said.append(statement)

    def cost() -> dict[str, int]:
        found = {}
        for path in paths:
            said.clear()
            assert client.get(f"/v1/{path}").status_code == 200
            found[path] = len([each for each in said if each.startswith("SELECT")])
        return found

    event.listen(parts.store.database.engine, "before_cursor_execute", note)
    parts.store.nodes.create(a_node(name="n0"))
    short = cost()
    for number in range(5):
        parts.store.nodes.create(a_node(name=f"n{number + 1}", shard=f"s{number}"))
        client.post("/v1/allocations", json={"resource_class": "rc"})
        body = {"node_ident": "n0", "address": f"52:54:00:00:00:0{number}"}
        assert client.post("/v1/ports", json=body).status_code == 201
    assert cost() == short
    assert all(1 <= queries <= 2 for queries in short.values())
