"""`/v1/allocations`, and the allocation of a node."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault

UUID = "dddddddd-0000-4000-8000-000000000001"
NOBODY = "ffffffff-0000-4000-8000-00000000dead"
PATH = "/v1/allocations"


def a_free_node(parts: Parts, **values: Any) -> Node:
    free = {"resource_class": "rc", "provision_state": "available", "power_state": "power off"}
    return parts.store.nodes.create(a_node(**(free | values)))


@pytest.fixture
def node(parts: Parts) -> Node:
    return a_free_node(parts, name="n", traits=("CUSTOM_A", "CUSTOM_B"))


def create(client: Client, **values: Any) -> dict[str, Any]:
    """The allocation as it is after it was accepted."""
    answer = client.post(PATH, json={"resource_class": "rc", **values})
    assert answer.status_code == 201, answer.text
    return dict(client.get(f"{PATH}/{answer.json()['uuid']}").json())


def test_it_is_accepted_then_active(client: Client, parts: Parts, node: Node) -> None:
    body = {"uuid": UUID, "name": "a", "resource_class": "rc", "traits": ["CUSTOM_A"]}
    answer = client.post(PATH, json=body | {"extra": {"k": 1}, "owner": None})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"http://bmaas.example{PATH}/{UUID}"
    accepted = answer.json()
    assert (accepted["state"], accepted["node_uuid"]) == ("allocating", None)
    assert len(accepted) == 13
    active = client.get(f"{PATH}/a").json()
    changed = {"state": "active", "node_uuid": node.uuid, "updated_at": active["updated_at"]}
    assert active == accepted | changed
    assert client.get("/v1/nodes/n/allocation").json() == active
    assert client.get("/v1/nodes/n/allocation?fields=uuid").json().keys() == {"uuid", "links"}
    shown = client.get("/v1/nodes/n").json()
    assert shown["allocation_uuid"] == shown["instance_uuid"] == UUID
    assert shown["instance_info"] == {"traits": ["CUSTOM_A"]}


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"resource_class": "other"}, "no available nodes match the resource class other"),
        ({"traits": ["CUSTOM_C"]}, "no suitable nodes have the requested traits CUSTOM_C"),
        ({"candidate_nodes": ["busy"]}, "none of the requested nodes are available"),
        ({"owner": "somebody"}, "no available nodes"),
    ],
)
def test_without_a_suitable_node(
    client: Client, parts: Parts, node: Node, wanted: dict[str, Any], text: str
) -> None:
    a_free_node(parts, name="busy", instance_uuid=NOBODY)
    allocation = create(client, **wanted)
    assert (allocation["state"], allocation["node_uuid"]) == ("error", None)
    assert allocation["last_error"].startswith(f"Failed to process allocation {allocation['uuid']}")
    assert text in allocation["last_error"]
    assert client.get("/v1/nodes/n").json()["instance_uuid"] is None


@pytest.mark.parametrize(
    "values",
    [
        {"maintenance": True},
        {"provision_state": "manageable"},
        {"power_state": None},
        {"resource_class": "other"},
        {"instance_uuid": NOBODY},
        {"parent_node": NOBODY},
    ],
)
def test_nodes_that_are_not_for_it(client: Client, parts: Parts, values: dict[str, Any]) -> None:
    a_free_node(parts, **values)
    assert create(client)["state"] == "error"


def test_which_node_is_taken(client: Client, parts: Parts) -> None:
    nodes = [a_free_node(parts, name=f"n{number}") for number in range(8)]
    mine = a_free_node(parts, name="mine", owner="me")
    lent = a_free_node(parts, name="lent", lessee="me")
    assert create(client, name="n5")["node_uuid"] == nodes[5].uuid
    candidates = ["n3", nodes[2].uuid]
    allocation = create(client, candidate_nodes=candidates)
    assert allocation["candidate_nodes"] == [nodes[3].uuid, nodes[2].uuid]
    assert allocation["node_uuid"] in allocation["candidate_nodes"]
    owned = {create(client, owner="me")["node_uuid"] for _ in range(2)}
    assert owned == {mine.uuid, lent.uuid}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "The resource_class field is mandatory when not backfilling"),
        ({"resource_class": "rc", "bogus": 1}, "('bogus' was unexpected)"),
        ({"resource_class": 5}, "5 is not of type 'string'"),
        ({"resource_class": "x" * 81}, "too long"),
        ({"resource_class": "rc", "name": "not a name"}, "invalid name 'not a name'"),
        ({"resource_class": "rc", "name": UUID}, "invalid name"),
        ({"resource_class": "rc", "traits": ["foo"]}, "'foo' is no trait"),
        ({"resource_class": "rc", "traits": "foo"}, "not of type 'array'"),
        ({"resource_class": "rc", "uuid": "zz"}, "Expected UUID for uuid: zz"),
        ({"resource_class": "rc", "candidate_nodes": ["nope"]}, "Nodes cannot be found: nope"),
        ({"resource_class": "rc", "candidate_nodes": [5]}, "Expected string"),
        ({"resource_class": "rc", "node": "nope"}, "Node nope could not be found."),
        ({"node": "n"}, 'Node must be in the "active" state'),
    ],
)
def test_a_wrong_allocation(client: Client, node: Node, body: dict[str, Any], text: str) -> None:
    answer = client.post(PATH, json=body)
    assert answer.status_code == 400, answer.text
    assert text in fault(answer)
    assert client.get(PATH).json() == {"allocations": []}


def test_backfill(client: Client, parts: Parts) -> None:
    node = a_free_node(parts, name="n", provision_state="active", instance_uuid=UUID)
    answer = client.post(PATH, json={"node": "n", "name": "a"})
    assert answer.status_code == 201, answer.text
    allocation = answer.json()
    assert (allocation["uuid"], allocation["node_uuid"]) == (UUID, node.uuid)
    assert (allocation["state"], allocation["resource_class"]) == ("active", "rc")
    assert client.get("/v1/nodes/n").json()["allocation_uuid"] == UUID


@pytest.mark.parametrize(
    ("wanted", "status", "text"),
    [
        ({"resource_class": "other"}, 400, "does not match the requested resource class other"),
        ({"traits": ["CUSTOM_A"]}, 400, "does not match the requested traits ['CUSTOM_A']"),
        ({"candidate_nodes": ["another"]}, 400, "Candidate nodes must be empty or contain"),
        ({"uuid": NOBODY}, 409, f"is associated with instance {UUID}"),
    ],
)
def test_a_wrong_backfill_leaves_nothing(
    client: Client, parts: Parts, wanted: dict[str, Any], status: int, text: str
) -> None:
    a_free_node(parts, name="n", provision_state="active", instance_uuid=UUID)
    a_free_node(parts, name="another")
    answer = client.post(PATH, json={"node": "n", **wanted})
    assert (answer.status_code, text in fault(answer)) == (status, True), answer.text
    assert client.get(PATH).json() == {"allocations": []}
    assert client.get("/v1/nodes/n").json()["allocation_uuid"] is None


def test_what_is_taken(client: Client, parts: Parts, node: Node) -> None:
    create(client, name="a", uuid=UUID)
    for taken in ({"name": "a"}, {"uuid": UUID}):
        answer = client.post(PATH, json={"resource_class": "rc", **taken})
        assert (answer.status_code, "already exists" in fault(answer)) == (409, True)
    parts.store.nodes.create(a_node(instance_uuid=NOBODY))
    a_free_node(parts)
    assert client.post(PATH, json={"resource_class": "rc", "uuid": NOBODY}).status_code == 409


def test_lists(client: Client, parts: Parts, node: Node) -> None:
    create(client, name="good")
    create(client, name="bad", resource_class="none", owner="me")

    def names(query: str) -> list[str]:
        answer = client.get(f"{PATH}?{query}")
        assert answer.status_code == 200, answer.text
        return [entry["name"] for entry in answer.json()["allocations"]]

    assert names("") == ["good", "bad"]
    assert names("state=active") == names("node=n") == names("resource_class=rc") == ["good"]
    assert names("owner=me") == names("state=error") == ["bad"]
    assert names("state=bogus") == []
    assert names("sort_key=name&fields=name,state") == ["bad", "good"]
    first = client.get(f"{PATH}?limit=1").json()
    assert client.get(first["next"]).json()["allocations"][0]["name"] == "bad"
    for query in ("node=nope", "bogus=1", "sort_key=extra", "fields=bogus", "limit=-1", "detail=1"):
        assert client.get(f"{PATH}?{query}").status_code == 400, query
    assert client_of(parts, "1.59").get(f"{PATH}?owner=me").status_code == 406
    assert "owner" not in client_of(parts, "1.59").get(f"{PATH}/good").json()


def test_change(client: Client, node: Node) -> None:
    create(client, uuid=UUID, name="a")

    def patch(path: str, *value: Any, op: str = "add") -> Any:
        step = {"op": op, "path": path} | ({"value": value[0]} if value else {})
        return client.patch(f"{PATH}/{UUID}", json=[step])

    assert patch("/name", "b").json()["name"] == "b"
    assert patch("/extra/k", 1).json()["extra"] == {"k": 1}
    assert patch("/name", op="remove").json()["name"] is None
    assert "invalid name 'not a'" in fault(patch("/name", "not a"))
    assert "Only the following can be updated: name, extra" in fault(patch("/state", "error"))


def test_delete_sets_the_node_free(client: Client, node: Node) -> None:
    create(client, name="a")
    assert client.delete(f"{PATH}/a").status_code == 204
    assert client.delete(f"{PATH}/a").status_code == 404
    shown = client.get("/v1/nodes/n").json()
    assert (shown["allocation_uuid"], shown["instance_uuid"]) == (None, None)
    create(client, name="a")
    assert client.delete("/v1/nodes/n/allocation").status_code == 204
    for answer in (client.delete("/v1/nodes/n/allocation"), client.get("/v1/nodes/n/allocation")):
        assert answer.status_code == 404
        assert fault(answer) == "Allocation for node n was not found"
    assert client.get("/v1/nodes/nope/allocation").status_code == 400
    assert client.delete("/v1/nodes/nope/allocation").status_code == 404


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"provision_state": "active"}, 409),
        ({"provision_state": "active", "maintenance": True}, 204),
        ({"provision_state": "cleaning", "target_provision_state": "available"}, 409),
        ({"provision_state": "rescue failed", "target_provision_state": "rescue"}, 204),
        ({"provision_state": "rescuing", "operation": "rescue", "maintenance": True}, 409),
    ],
)
def test_what_keeps_its_allocation(
    client: Client, parts: Parts, node: Node, values: dict[str, Any], status: int
) -> None:
    create(client, name="a")
    parts.store.nodes.change("n", values)
    assert client.delete(f"{PATH}/a").status_code == status


def test_it_goes_with_the_instance_and_with_the_node(client: Client, node: Node) -> None:
    create(client, name="a")
    step = {"op": "remove", "path": "/instance_uuid"}
    answer = client.patch("/v1/nodes/n", json=[step])
    assert (answer.status_code, answer.json()["allocation_uuid"]) == (200, None)
    assert client.get(f"{PATH}/a").status_code == 404
    create(client, name="a")
    client.put("/v1/nodes/n/maintenance", json={})
    assert client.delete("/v1/nodes/n").status_code == 204
    assert client.get(f"{PATH}/a").status_code == 404


def test_versions(client: Client, parts: Parts, node: Node) -> None:
    create(client, name="a")
    before = client_of(parts, "1.51")
    assert before.get(PATH).status_code == before.get(f"{PATH}/a").status_code == 404
    assert before.get("/v1/nodes/n/allocation").status_code == 404
    assert before.post(PATH, json={"resource_class": "rc"}).status_code == 405
    assert before.delete(f"{PATH}/a").status_code == 405
    assert client_of(parts, "1.56").patch(f"{PATH}/a", json=[]).status_code == 405
    backfill = client_of(parts, "1.57").post(PATH, json={"node": "n"})
    assert (backfill.status_code, "in this API version" in fault(backfill)) == (400, True)
    owned = {"resource_class": "rc", "owner": "me"}
    assert client_of(parts, "1.59").post(PATH, json=owned).status_code == 406
