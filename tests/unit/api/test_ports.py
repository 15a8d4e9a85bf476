"""`/v1/ports`, and the ports below a node."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from tests.factories import a_node, a_port
from tests.unit.api.fakes import Client, client_of, fault, patch, uuids

UUID = "99999999-0000-4000-8000-000000000001"
NOBODY = "ffffffff-0000-4000-8000-00000000dead"
URL = f"/v1/ports/{UUID}"
MAC = "52:54:00:bb:00:01"
LINK = {"switch_id": "aa:bb:cc:dd:ee:ff", "port_id": "Gi1", "switch_info": "sw1"}


@pytest.fixture
def node(parts: Parts) -> Node:
    node = a_node(name="n", provision_state="manageable", shard="s", conductor_group="g")
    return parts.store.nodes.create(node)


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
        ({"name": "not a name"}, "invalid name 'not a name'"),
        ({"name": UUID}, "A name is no UUID"),
        ({"name": "p"}, "A port with name p already exists."),
        ({"local_link_connection": {"port_id": 1}}, "local_link_connection may hold texts"),
        (
            {"local_link_connection": LINK | {"switch_id": "zz"}},
            "Expected a MAC address or OpenFlow datapath ID but received zz.",
        ),
        ({"local_link_connection": {"network_type": "odd"}}, "is one of managed, unmanaged"),
        (
            {"local_link_connection": {"port_id": "1", "vtep-logical-switch": "a"}},
            "needs port_id and switch_id",
        ),
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


def test_lists(client: Client, parts: Parts, port: dict[str, Any], node: Node) -> None:
    other = parts.store.nodes.create(a_node(name="other"))
    second = a_port(other, address="52:54:00:cc:00:01", description="100% copper")
    parts.store.ports.create(second)
    for query in ("", "?sort_key=node_uuid", "?shard=", "?conductor_groups=", "?shard=s,&detail=1"):
        assert UUID in uuids(client, f"/v1/ports{query}")
    mine = ("node=n", f"node_uuid={node.uuid}", f"address={MAC.upper()}", "shard=s,x")
    for query in (*mine, "conductor_groups=g,h", f"node=n&address={MAC}"):
        assert uuids(client, f"/v1/ports?{query}") == [UUID]
    assert uuids(client, "/v1/ports?description_contains=0%25%20c") == [second.uuid]
    none = ("shard=x", "conductor_groups=x", f"node=other&address={MAC}", "description_contains=_")
    for query in none:
        assert uuids(client, f"/v1/ports?{query}") == []
    for path in ("/v1/nodes/n/ports", "/v1/nodes/n/ports/detail"):
        assert uuids(client, path) == [UUID]
    (entry,) = client.get("/v1/ports?node=n").json()["ports"]
    assert entry.keys() == {"uuid", "address", "links"}
    for path in ("/v1/ports/detail?node=n", "/v1/ports?detail=true&node=n"):
        assert client.get(path).json()["ports"] == [port]


@pytest.mark.parametrize(
    ("query", "version", "status"),
    [
        ("node=nobody", "1.115", 404),
        ("node=n", "1.4", 406),
        ("node_uuid=n", "1.115", 400),
        ("address=zz", "1.115", 400),
        ("portgroup=nobody", "1.115", 404),
        ("portgroup=bad%20name", "1.115", 400),
        ("portgroup=x", "1.23", 406),
        ("shard=s", "1.81", 406),
        ("node=n&shard=s", "1.115", 403),
        ("node=n&portgroup=x", "1.115", 403),
        ("conductor_groups=g&node=n", "1.115", 400),
        ("project=x", "1.115", 400),
        ("sort_key=extra", "1.115", 400),
        ("sort_key=name", "1.87", 406),
        (f"marker={NOBODY}", "1.115", 404),
        ("detail=true", "1.42", 400),
    ],
)
def test_a_wrong_query(
    parts: Parts, port: dict[str, Any], query: str, version: str, status: int
) -> None:
    assert client_of(parts, version).get(f"/v1/ports?{query}").status_code == status


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
    assert client_of(parts, "1.87").get("/v1/ports/p").status_code == 200
    assert fault(client.get(f"/v1/nodes/n/ports/{UUID}")) == "Malformed request URI."


def test_change(client: Client, parts: Parts, port: dict[str, Any]) -> None:
    other = parts.store.nodes.create(a_node(name="other", provision_state="manageable"))
    assert patch(client, URL, "/extra/a", 1).json()["extra"] == {"a": 1}
    assert patch(client, URL, "/pxe_enabled", "false").json()["pxe_enabled"] is False
    assert patch(client, URL, "/pxe_enabled", op="remove").json()["pxe_enabled"] is True
    assert patch(client, URL, "/extra", op="remove").json()["extra"] == {}
    assert patch(client, URL, "/node_uuid", other.uuid).json()["node_uuid"] == other.uuid
    assert (
        patch(client, URL, "/address", "52:54:00:BB:00:03").json()["address"] == "52:54:00:bb:00:03"
    )


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
    assert patch(client, URL, path, value).status_code == status


def test_ports_of_a_locked_node_stay(client: Client, parts: Parts, port: dict[str, Any]) -> None:
    parts.store.nodes.change("n", {"operation": "rescue", "provision_state": "rescuing"})
    assert patch(client, URL, "/extra/a", 1).status_code == 409
    assert client.delete(f"/v1/ports/{UUID}").status_code == 409


@pytest.mark.parametrize(
    ("link", "since"),
    [
        ({"network_type": "unmanaged"}, 64),
        ({"port_id": "1", "vtep-logical-switch": "a", "vtep-physical-switch": "b"}, 90),
        ({"port_id": "1", "hostname": "h"}, 19),
        ({"port_id": "1", "switch_id": "00000A0B0C0D0E0F"}, 19),
    ],
)
def test_links(parts: Parts, node: Node, link: dict[str, str], since: int) -> None:
    body = {"address": MAC, "node_uuid": node.uuid, "local_link_connection": link, "uuid": UUID}
    before, now = client_of(parts, f"1.{since - 1}"), client_of(parts, f"1.{since}")
    assert before.post("/v1/ports", json=body).status_code == 406
    kept = {key: value.lower() for key, value in link.items()}
    assert now.post("/v1/ports", json=body).json()["local_link_connection"] == kept
    if "vtep-logical-switch" in link:
        assert before.get(URL).json()["local_link_connection"] == {}
    assert patch(now, URL, "/local_link_connection", None).json()["local_link_connection"] == {}
    assert patch(before, URL, "/local_link_connection", link).status_code == 406


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(("/pxe_enabled", False), ("/local_link_connection", LINK), ("/physical_network", "x")),
        *(("/node_uuid", "other"), ("/address", "52:54:00:bb:00:09")),
    ],
)
def test_an_active_node_keeps_its_ways(client: Client, parts: Parts, path: str, value: Any) -> None:
    node = parts.store.nodes.create(a_node(name="n"))
    other = parts.store.nodes.create(a_node(name="other"))
    parts.store.ports.create(a_port(node, uuid=UUID, pxe_enabled=True))
    value = other.uuid if value == "other" else value
    answer = patch(client, URL, path, value)
    assert answer.status_code == 409
    assert node.uuid in fault(answer)
    assert patch(client, URL, "/extra", {"any": "time"}).status_code == 200
    parts.store.nodes.change("n", {"maintenance": True})
    assert patch(client, URL, path, value).status_code == 200


def test_the_address_of_a_node_with_an_instance(client: Client, parts: Parts, node: Node) -> None:
    parts.store.ports.create(a_port(node, uuid=UUID))
    parts.store.nodes.change("n", {"instance_uuid": NOBODY})
    assert patch(client, URL, "/address", MAC).status_code == 409
    parts.store.nodes.change("n", {"instance_uuid": None})
    assert patch(client, URL, "/address", MAC).status_code == 200


@pytest.mark.parametrize("network", ["noop", "fake"])
def test_a_port_in_use(client: Client, parts: Parts, network: str) -> None:
    node = parts.store.nodes.create(a_node(name="n", network_interface=network))
    port = a_port(node, uuid=UUID, internal_info={"rescuing_vif_port_id": "vif"})
    parts.store.ports.create(port)
    answer = client.delete(URL)
    assert answer.status_code == (204 if network == "noop" else 409)
    if network != "noop":
        assert f"Cannot delete the port {UUID} as it is bound to VIF vif" in fault(answer)
        parts.store.nodes.change("n", {"maintenance": True})
        assert client.delete(URL).status_code == 204


def test_delete(client: Client, port: dict[str, Any]) -> None:
    assert client.delete(f"/v1/ports/{UUID}").status_code == 204
    assert client.delete(f"/v1/ports/{UUID}").status_code == 404
    assert client.delete("/v1/ports/zzz").status_code == 400
