"""`/v1/volume`: connectors and targets, and those of a node."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault, patch, uuids

UUID = "99999999-0000-4000-8000-0000000000c1"
NOBODY = "ffffffff-0000-4000-8000-00000000dead"
CONNECTOR: dict[str, Any] = {"type": "iqn", "connector_id": "iqn.2026-11.example:n"}
TARGET: dict[str, Any] = {"volume_type": "iscsi", "volume_id": "v1", "boot_index": 0}
KINDS = (("connectors", CONNECTOR), ("targets", TARGET))


@pytest.fixture
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n", power_state="power off"))


def made(client: Client, node: Node, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    whole = {"uuid": UUID, "node_uuid": node.uuid, "extra": {"a": 1}} | body
    answer = client.post(f"/v1/volume/{kind}", json=whole)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"http://bmaas.example/v1/volume/{kind}/{UUID}"
    return dict(answer.json())


@pytest.mark.parametrize(("kind", "body"), KINDS)
def test_life(client: Client, parts: Parts, node: Node, kind: str, body: dict[str, Any]) -> None:
    one = made(client, node, kind, body)
    assert one | body == one
    url = f"/v1/volume/{kind}/{UUID}"
    assert client.get(url).json() == one
    assert client.get(f"{url}?fields=extra").json().keys() == {"extra", "links"}
    assert patch(client, url, "/extra/b", 2).json()["extra"] == {"a": 1, "b": 2}
    second = parts.store.nodes.create(a_node())
    assert patch(client, url, "/node_uuid", second.uuid).json()["node_uuid"] == second.uuid
    assert client.delete(url).status_code == 400, "the second node is not off"
    parts.store.nodes.change(second.uuid, {"power_state": "power off"})
    assert client.delete(url).status_code == 204
    for gone in (client.get(url), client.delete(url), patch(client, url, "/extra", {})):
        assert gone.status_code == 404
        assert fault(gone) == f"Volume {kind.removesuffix('s')} {UUID} could not be found."
    assert client.get(f"/v1/volume/{kind}/zzz").status_code == 400


@pytest.mark.parametrize(("kind", "body"), KINDS)
def test_lists(client: Client, parts: Parts, node: Node, kind: str, body: dict[str, Any]) -> None:
    one = made(client, node, kind, body)
    parts.store.nodes.create(a_node(name="other"))
    for path in (f"volume/{kind}", f"volume/{kind}?node=n", f"nodes/n/volume/{kind}"):
        assert uuids(client, f"/v1/{path}") == [UUID]
    for path in (f"volume/{kind}?node=other", f"nodes/other/volume/{kind}"):
        assert uuids(client, f"/v1/{path}") == []
    (entry,) = client.get(f"/v1/volume/{kind}").json()[kind]
    assert entry.keys() == {"uuid", "node_uuid", "links", *body}
    for version in ("1.32", "1.115"):
        answer = client_of(parts, version).get(f"/v1/volume/{kind}?detail=true&limit=1").json()
        assert answer[kind] == [one]
        assert client.get(answer["next"]).json() == {kind: []}
    for query, status in (
        *(("node=nobody", 404), ("project=x", 400), (f"marker={NOBODY}", 404)),
        *(("detail=true&fields=uuid", 400), ("sort_key=extra", 400), ("fields=bogus", 400)),
    ):
        assert client.get(f"/v1/volume/{kind}?{query}").status_code == status
    before = client_of(parts, "1.31")
    for path in (f"volume/{kind}", f"volume/{kind}/{UUID}", f"nodes/n/volume/{kind}"):
        assert before.get(f"/v1/{path}").status_code == 404
    assert client.get(f"/v1/volume/{kind}/detail").status_code == 400
    assert client.get(f"/v1/nodes/n/volume/{kind}/{UUID}").status_code == 400


@pytest.mark.parametrize(
    ("kind", "body", "refusal"),
    [
        ("connectors", {"uuid": NOBODY}, (409, "with this connector ID exists already")),
        ("connectors", {"connector_id": "x"}, (409, f"connector with UUID {UUID} already exists")),
        ("connectors", {"type": 5}, (400, "5 is not of type 'string'")),
        ("connectors", {"type": "x" * 33}, (400, "too long")),
        ("connectors", {"node_uuid": NOBODY}, (400, f"Node {NOBODY} could not be found.")),
        ("connectors", {"node_uuid": "n"}, (400, "Expected UUID for node_uuid: n")),
        ("connectors", {"bogus": 1}, (400, "Schema error for connector: Additional properties")),
        ("targets", {"uuid": NOBODY}, (409, "with this boot index for the same node already")),
        ("targets", {"boot_index": 1}, (409, f"target with UUID {UUID} already exists")),
        ("targets", {"boot_index": "1"}, (400, "is not of type 'integer'")),
        ("targets", {"boot_index": 2**40}, (400, "Expected an integer of 32 bits")),
    ],
)
def test_wrong_ones(
    client: Client, node: Node, kind: str, body: dict[str, Any], refusal: tuple[int, str]
) -> None:
    status, text = refusal
    whole = dict(KINDS)[kind]
    made(client, node, kind, whole)
    given = {"uuid": UUID, "node_uuid": node.uuid} | whole | body
    answer = client.post(f"/v1/volume/{kind}", json=given)
    assert (answer.status_code, text in fault(answer)) == (status, True), fault(answer)


def test_secrets_of_a_target(client: Client, node: Node) -> None:
    properties = {"target_iqn": "iqn", "auth_password": "Sesame-1234"}
    shown = made(client, node, "targets", TARGET | {"properties": properties})
    assert shown["properties"] == {"target_iqn": "iqn", "auth_password": "******"}
    shown = patch(client, f"/v1/volume/targets/{UUID}", "/properties/target_iqn", "new").json()
    assert shown["properties"] == {"target_iqn": "new", "auth_password": "******"}
    assert "Sesame" not in client.get("/v1/volume/targets?detail=true").text


@pytest.mark.parametrize(("kind", "body"), KINDS)
def test_a_server_that_is_on_keeps_its_volumes(
    client: Client, parts: Parts, node: Node, kind: str, body: dict[str, Any]
) -> None:
    made(client, node, kind, body)
    url = f"/v1/volume/{kind}/{UUID}"
    parts.store.nodes.change("n", {"power_state": "power on"})
    word = kind.removesuffix("s")
    answer = patch(client, url, "/extra", {})
    assert (answer.status_code, f'"volume {word} update"' in fault(answer)) == (400, True)
    answer = client.delete(url)
    assert (answer.status_code, f'"volume {word} deletion"' in fault(answer)) == (400, True)
    parts.store.nodes.change("n", {"provision_state": "manageable"})
    assert patch(client, url, "/extra", {}).status_code == 400
    parts.store.nodes.change("n", {"operation": "rescue"})
    assert client.delete(url).status_code == 409
    assert client.get(url).status_code == 200


def test_where_they_are(client: Client, parts: Parts, node: Node) -> None:
    for path in ("volume", "nodes/n/volume"):
        answer = client.get(f"/v1/{path}").json()
        hrefs = {name: links[0]["href"] for name, links in answer.items()}
        assert hrefs == {
            "links": f"http://bmaas.example/v1/{path}/",
            "connectors": f"http://bmaas.example/v1/{path}/connectors",
            "targets": f"http://bmaas.example/v1/{path}/targets",
        }
        assert client_of(parts, "1.31").get(f"/v1/{path}").status_code == 404
    assert client.get("/v1/nodes/nobody/volume").status_code == 404


def test_the_node_goes_with_its_volumes(client: Client, parts: Parts, node: Node) -> None:
    for kind, body in KINDS:
        made(client, node, kind, body)
    parts.store.nodes.change("n", {"provision_state": "manageable"})
    assert client.delete("/v1/nodes/n").status_code == 204
    for kind, _ in KINDS:
        assert uuids(client, f"/v1/volume/{kind}") == []
