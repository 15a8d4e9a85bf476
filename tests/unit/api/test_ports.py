"""`/v1/ports`, and the ports below a node."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault

UUID = "99999999-0000-4000-8000-000000000001"
NOBODY = "ffffffff-0000-4000-8000-00000000dead"
MAC = "52:54:00:bb:00:01"
LINK = {"switch_id": "aa:bb:cc:dd:ee:ff", "port_id": "Gi1", "switch_info": "sw1"}


@pytest.fixture
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n"))


@pytest.fixture
def port(client: Client, node: Node) -> dict[str, Any]:
    body = {"uuid": UUID, "address": MAC.upper(), "node_uuid": node.uuid, "name": "p"}
    answer = client.post("/v1/ports", json=body | {"local_link_connection": LINK})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"http://bmaas.example/v1/ports/{UUID}"
    return dict(answer.json())


def test_a_new_port(port: dict[str, Any], node: Node) -> None:
    assert (port["address"], port["node_uuid"]) == (MAC, node.uuid)
    assert port["pxe_enabled"] is True
    assert port["local_link_connection"] == LINK
    assert len(port) == 18


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"address": MAC}, f"A port with MAC address {MAC} already exists."),
        ({"address": "nope"}, "Expected valid MAC address for address: nope"),
        ({"address": 5}, "5 is not of type 'string'"),
        ({"node_uuid": NOBODY}, f"Node {NOBODY} could not be found."),
        ({"node_uuid": "zzz"}, "Expected UUID for node_uuid: zzz"),
        ({"node_ident": "n"}, "exactly one of node_uuid, node_ident"),
        ({"bogus": 1}, "('bogus' was unexpected)"),
        ({"portgroup_uuid": UUID}, "Portgroup"),
        ({"physical_network": ""}, "A non-empty value is required"),
        ({"local_link_connection": {"a": "b"}}, "local_link_connection may hold"),
        ({"local_link_connection": {"port_id": "1"}}, "needs port_id and switch_id"),
        ({"is_smartnic": True}, "Smart NIC port must have port_id and hostname"),
        ({"vendor": "x" * 33}, "too long"),
    ],
)
def test_a_wrong_port(
    client: Client, node: Node, port: dict[str, Any], values: dict[str, Any], text: str
) -> None:
    body = {"address": "52:54:00:bb:00:02", "node_uuid": node.uuid} | values
    answer = client.post("/v1/ports", json=body)
    assert answer.status_code == (409 if "exists" in text else 400)
    assert text in fault(answer)


def test_a_port_of_a_node_by_name(client: Client, parts: Parts, node: Node) -> None:
    body = {"address": MAC, "node_ident": "n"}
    assert client_of(parts, "1.93").post("/v1/ports", json=body).status_code == 406
    assert client.post("/v1/ports", json=body).json()["node_uuid"] == node.uuid


def test_lists(client: Client, port: dict[str, Any], node: Node) -> None:
    def found(path: str) -> list[str]:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return [entry["uuid"] for entry in answer.json()["ports"]]

    for query in ("", "?node=n", f"?node_uuid={node.uuid}", f"?address={MAC}", "?sort_key=address"):
        assert found(f"/v1/ports{query}") == [UUID]
    assert found("/v1/nodes/n/ports") == [UUID]
    assert found("/v1/ports?address=52:54:00:ff:ff:ff") == []
    assert client.get("/v1/ports?node=nobody").status_code == 404
    assert client.get("/v1/ports?sort_key=extra").status_code == 400
    (entry,) = client.get("/v1/ports").json()["ports"]
    assert entry.keys() == {"uuid", "address", "links"}
    for path in ("/v1/ports/detail", "/v1/ports?detail=true"):
        assert client.get(path).json()["ports"] == [port]


def test_pages(client: Client, port: dict[str, Any], node: Node) -> None:
    client.post("/v1/ports", json={"address": "52:54:00:bb:00:02", "node_uuid": node.uuid})
    first = client.get("/v1/nodes/n/ports?limit=1&fields=address").json()
    second = client.get(first["next"]).json()
    assert [entry["address"] for entry in second["ports"]] == ["52:54:00:bb:00:02"]


def test_show(client: Client, parts: Parts, port: dict[str, Any]) -> None:
    assert client.get(f"/v1/ports/{UUID}").json() == port
    assert client.get("/v1/ports/p").json() == port
    assert client.get(f"/v1/ports/{UUID}?fields=address").json().keys() == {"address", "links"}
    assert client.get(f"/v1/ports/{UUID}?fields=bogus").status_code == 400
    assert fault(client.get(f"/v1/ports/{NOBODY}")) == f"Port {NOBODY} could not be found."
    assert client.get("/v1/ports/nobody").status_code == 404
    assert client.get("/v1/ports/not%20a").status_code == 400
    old = client_of(parts, "1.18")
    assert old.get(f"/v1/ports/{UUID}").json().keys() == {
        *("uuid", "address", "extra", "internal_info", "node_uuid", "links"),
        *("created_at", "updated_at"),
    }
    assert old.get(f"/v1/ports/{UUID}?fields=pxe_enabled").status_code == 406
    assert client_of(parts, "1.87").get("/v1/ports/p").status_code == 404


def patch(client: Client, path: str, *value: Any, op: str = "add") -> Any:
    step = {"op": op, "path": path} | ({"value": value[0]} if value else {})
    return client.patch(f"/v1/ports/{UUID}", json=[step])


def test_change(client: Client, parts: Parts, port: dict[str, Any]) -> None:
    other = parts.store.nodes.create(a_node(name="other"))
    assert patch(client, "/extra/a", 1).json()["extra"] == {"a": 1}
    assert patch(client, "/pxe_enabled", "false").json()["pxe_enabled"] is False
    assert patch(client, "/pxe_enabled", op="remove").json()["pxe_enabled"] is True
    assert patch(client, "/extra", op="remove").json()["extra"] == {}
    assert patch(client, "/node_uuid", other.uuid).json()["node_uuid"] == other.uuid
    assert patch(client, "/address", "52:54:00:BB:00:03").json()["address"] == "52:54:00:bb:00:03"


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("/uuid", NOBODY, 400),
        ("/internal_info/x", 1, 400),
        ("/address", "nope", 400),
        ("/node_uuid", NOBODY, 400),
        ("/node_uuid", None, 400),
    ],
)
def test_wrong_changes(
    client: Client, port: dict[str, Any], path: str, value: Any, status: int
) -> None:
    assert patch(client, path, value).status_code == status


def test_ports_of_a_locked_node_stay(client: Client, parts: Parts, port: dict[str, Any]) -> None:
    parts.store.nodes.change("n", {"operation": "rescue", "provision_state": "rescuing"})
    assert patch(client, "/extra/a", 1).status_code == 409
    assert client.delete(f"/v1/ports/{UUID}").status_code == 409


def test_delete(client: Client, port: dict[str, Any]) -> None:
    assert client.delete(f"/v1/ports/{UUID}").status_code == 204
    assert client.delete(f"/v1/ports/{UUID}").status_code == 404
    assert client.delete("/v1/ports/zzz").status_code == 400
