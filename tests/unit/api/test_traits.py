"""`/v1/nodes/{ident}/traits`."""

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault

PATH = "/v1/nodes/n/traits"


@pytest.fixture(autouse=True)
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n", provision_state="available"))


def traits(client: Client) -> list[str]:
    return list(client.get(PATH).json()["traits"])


def test_all_traits_of_a_node(client: Client, node: Node) -> None:
    wanted = ["HW_CPU_X86_VMX", "CUSTOM_B", "CUSTOM_A", "CUSTOM_A"]
    assert client.put(PATH, json={"traits": wanted}).status_code == 204
    assert traits(client) == ["CUSTOM_A", "CUSTOM_B", "HW_CPU_X86_VMX"]
    assert client.get(f"/v1/nodes/{node.uuid}").json()["traits"] == traits(client)
    listed = client.get("/v1/nodes?fields=traits").json()["nodes"]
    assert listed[0]["traits"] == traits(client)
    assert client.delete(PATH).status_code == 204
    assert traits(client) == []


def test_one_trait(client: Client) -> None:
    answer = client.put(f"{PATH}/CUSTOM_A")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["location"] == f"http://bmaas.example{PATH}/CUSTOM_A"
    assert client.put(f"{PATH}/CUSTOM_A", json={}).status_code == 204
    assert client.put(f"{PATH}/CUSTOM_B").status_code == 204
    assert traits(client) == ["CUSTOM_A", "CUSTOM_B"]
    assert client.delete(f"{PATH}/CUSTOM_A").status_code == 204
    gone = client.delete(f"{PATH}/CUSTOM_A")
    assert (gone.status_code, fault(gone)) == (404, "Node n doesn't have a trait 'CUSTOM_A'")
    assert traits(client) == ["CUSTOM_B"]
    assert client.get(f"{PATH}/CUSTOM_B").status_code == 405


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("", {}, "A single node trait may be added"),
        ("", {"traits": "CUSTOM_A"}, "not of type 'array'"),
        ("", {"traits": [1]}, "not of type 'string'"),
        ("", {"traits": ["custom_a"]}, "'custom_a' is no trait"),
        ("", {"traits": [f"CUSTOM_{n}" for n in range(51)]}, "(51 vs. 50)"),
        ("", {"bogus": 1}, "('bogus' was unexpected)"),
        ("", [1], "not of type 'object'"),
        ("/HW_NOPE", None, "'HW_NOPE' is no trait"),
        ("/CUSTOM_", None, "no trait"),
        ("/CUSTOM_" + "A" * 249, None, "at most 255"),
        ("/CUSTOM_A", {"traits": []}, "A single node trait may be added"),
    ],
)
def test_what_is_no_trait(client: Client, path: str, body: object, text: str) -> None:
    answer = client.put(PATH + path, json=body) if body is not None else client.put(PATH + path)
    assert answer.status_code == 400, answer.text
    assert text in fault(answer)
    assert traits(client) == []


def test_the_51st_trait_is_one_too_many(client: Client) -> None:
    assert client.put(PATH, json={"traits": [f"CUSTOM_{n}" for n in range(50)]}).status_code == 204
    assert client.put(f"{PATH}/CUSTOM_0").status_code == 204
    assert "(51 vs. 50)" in fault(client.put(f"{PATH}/CUSTOM_50"))


def test_before_there_were_traits(parts: Parts) -> None:
    old = client_of(parts, "1.36")
    assert old.get(PATH).status_code == 406
    assert old.put(PATH, json={"traits": []}).status_code == 405
    assert old.put(f"{PATH}/CUSTOM_A").status_code == 405
    assert old.delete(PATH).status_code == 404


def test_nodes_that_are_not_there_or_not_free(client: Client, parts: Parts) -> None:
    assert client.get("/v1/nodes/nope/traits").status_code == 404
    assert client.put("/v1/nodes/nope/traits/CUSTOM_A").status_code == 404
    parts.store.nodes.change("n", {"operation": "rescue", "provision_state": "rescuing"})
    assert client.put(f"{PATH}/CUSTOM_A").status_code == 409
    assert client.delete(PATH).status_code == 409
