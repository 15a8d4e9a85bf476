"""`/v1/portgroups`, the portgroups below a node, and the ports in one."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from tests.factories import a_node, a_port, a_portgroup
from tests.unit.api.fakes import Client, client_of, fault, patch, uuids

UUID = "99999999-0000-4000-8000-0000000000a1"
PORT = "99999999-0000-4000-8000-0000000000b1"
NOBODY = "ffffffff-0000-4000-8000-00000000dead"
MAC = "52:54:00:aa:00:01"
URL = f"/v1/portgroups/{UUID}"


@pytest.fixture
def node(parts: Parts) -> Node:
    node = a_node(name="n", provision_state="manageable", shard="s", conductor_group="g")
    return parts.store.nodes.create(node)


@pytest.fixture
def other(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="other", provision_state="manageable"))


@pytest.fixture
def group(client: Client, node: Node) -> dict[str, Any]:
    body = {"uuid": UUID, "address": MAC.upper(), "node_uuid": node.uuid, "name": "bond0"}
    answer = client.post("/v1/portgroups", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"http://bmaas.example{URL}"
    return dict(answer.json())


def test_a_new_portgroup(group: dict[str, Any], node: Node) -> None:
    assert (group["address"], group["node_uuid"]) == (MAC, node.uuid)
    assert (group["mode"], group["standalone_ports_supported"]) == ("active-backup", True)
    assert group["ports"][0]["href"] == f"http://bmaas.example{URL}/ports"
    assert len(group) == 16


@pytest.mark.parametrize(
    ("values", "status", "text"),
    [
        ({"uuid": UUID}, 409, f"A portgroup with UUID {UUID} already exists."),
        ({"name": "bond0"}, 409, "A portgroup with name bond0 already exists."),
        ({"address": MAC}, 409, f"A portgroup with MAC address {MAC} already exists."),
        ({"address": "nope"}, 400, "Expected valid MAC address for address: nope"),
        ({"name": "not a name"}, 400, "invalid name 'not a name'"),
        ({"node_uuid": NOBODY}, 400, f"Node {NOBODY} could not be found."),
        ({"node_uuid": "n"}, 400, "Expected UUID for node_uuid: n"),
        ({"dynamic_portgroup": True}, 400, "('dynamic_portgroup' was unexpected)"),
        ({"standalone_ports_supported": "maybe"}, 400, "Invalid standalone_ports_supported"),
        ({"physical_network": ""}, 400, "A non-empty value is required"),
    ],
)
@pytest.mark.usefixtures("group")
def test_a_wrong_portgroup(
    client: Client, node: Node, values: dict[str, Any], status: int, text: str
) -> None:
    answer = client.post("/v1/portgroups", json={"node_uuid": node.uuid} | values)
    assert (answer.status_code, text in fault(answer)) == (status, True)


def test_versions(client: Client, parts: Parts, node: Node, group: dict[str, Any]) -> None:
    def fields(version: str) -> set[str]:
        return set(client_of(parts, version).get(URL).json())

    assert {"mode", "properties"} == fields("1.26") - fields("1.25")
    assert {"physical_network"} == fields("1.102") - fields("1.26")
    assert {"category"} == fields("1.103") - fields("1.102")
    assert {"dynamic_portgroup"} == fields("1.111") - fields("1.103")
    before = client_of(parts, "1.22")
    assert before.get("/v1/portgroups").status_code == 404
    assert before.get(URL).status_code == 404
    assert before.post("/v1/portgroups", json={"node_uuid": node.uuid}).status_code == 404
    assert client_of(parts, "1.23").get("/v1/nodes/n/portgroups").status_code == 404
    assert client_of(parts, "1.23").get(f"{URL}/ports").status_code == 404
    old = client_of(parts, "1.25")
    body = {"node_uuid": node.uuid, "mode": "802.3ad"}
    assert old.post("/v1/portgroups", json=body).status_code == 406
    assert patch(old, URL, "/mode", "802.3ad").status_code == 406
    assert old.get("/v1/portgroups?sort_key=mode").status_code == 406


def test_lists(client: Client, parts: Parts, group: dict[str, Any], other: Node) -> None:
    second = parts.store.portgroups.create(a_portgroup(other)).uuid
    for query in ("", "?sort_key=uuid&sort_dir=desc", "?conductor_groups="):
        assert sorted(uuids(client, f"/v1/portgroups{query}")) == sorted([UUID, second])
    queries = ("node=n", f"node={group['node_uuid']}", f"address={MAC}", "shard=s,x")
    for query in (*queries, "conductor_groups=g"):
        assert uuids(client, f"/v1/portgroups?{query}") == [UUID]
    assert uuids(client, "/v1/nodes/n/portgroups") == [UUID]
    assert uuids(client, "/v1/nodes/other/portgroups/detail") == [second]
    assert uuids(client, "/v1/portgroups?shard=x") == []
    (entry, _) = client.get("/v1/portgroups").json()["portgroups"]
    assert entry.keys() == {"uuid", "address", "name", "links"}
    for path in ("/v1/portgroups/detail?limit=1", "/v1/portgroups?detail=true&limit=1"):
        first = client.get(path).json()
        assert first["portgroups"] == [group]
        assert uuids(client, first["next"]) == [second]


@pytest.mark.parametrize(
    ("query", "version", "status"),
    [
        ("node=nobody", "1.115", 404),
        ("node=n&shard=s", "1.115", 400),
        ("shard=s", "1.105", 406),
        ("address=zz", "1.115", 400),
        ("project=x", "1.115", 400),
        ("sort_key=extra", "1.115", 400),
        (f"marker={NOBODY}", "1.115", 404),
        ("fields=mode", "1.25", 406),
        ("fields=bogus", "1.115", 400),
    ],
)
def test_a_wrong_query(
    parts: Parts, group: dict[str, Any], query: str, version: str, status: int
) -> None:
    assert client_of(parts, version).get(f"/v1/portgroups?{query}").status_code == status


def test_show(client: Client, group: dict[str, Any]) -> None:
    assert client.get(URL).json() == client.get("/v1/portgroups/bond0").json() == group
    assert client.get(f"{URL}?fields=name,ports").json().keys() == {"name", "ports", "links"}
    answer = client.get("/v1/portgroups/nobody")
    assert (answer.status_code, fault(answer)) == (404, "Portgroup nobody could not be found.")
    assert client.get("/v1/portgroups/not%20a").status_code == 400
    assert fault(client.get(f"/v1/nodes/n/portgroups/{UUID}")) == "Malformed request URI."


def test_change(client: Client, group: dict[str, Any], other: Node) -> None:
    assert patch(client, "/v1/portgroups/bond0", "/mode", "802.3ad").json()["mode"] == "802.3ad"
    assert patch(client, URL, "/properties/miimon", 100).json()["properties"] == {"miimon": 100}
    assert patch(client, URL, "/address", op="remove").json()["address"] is None
    assert patch(client, URL, "/node_uuid", other.uuid).json()["node_uuid"] == other.uuid
    assert patch(client, URL, "/name", "").json()["name"] is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(("/uuid", NOBODY), ("/internal_info", {}), ("/name", "bad name"), ("/name", UUID)),
        *(("/node_uuid", NOBODY), ("/node_uuid", None), ("/physical_network", "")),
    ],
)
def test_a_wrong_change(client: Client, group: dict[str, Any], path: str, value: Any) -> None:
    assert patch(client, URL, path, value).status_code == 400


def test_ports_in_a_portgroup(
    client: Client, parts: Parts, node: Node, other: Node, group: dict[str, Any]
) -> None:
    body = {"uuid": PORT, "address": MAC, "node_uuid": node.uuid, "portgroup_uuid": UUID}
    port = client.post("/v1/ports", json=body | {"physical_network": "one"}).json()
    assert port["portgroup_uuid"] == UUID
    assert client.get(URL).json()["physical_network"] == "one", "the first port decides"
    for path in (f"{URL}/ports", "/v1/portgroups/bond0/ports/detail", "/v1/ports?portgroup=bond0"):
        assert uuids(client, path) == [PORT]
    for path, status in (
        ("/v1/portgroups/nobody/ports", 404),
        (f"{URL}/ports/{PORT}", 400),
        ("/v1/nodes/n/ports?portgroup=bond0", 400),
    ):
        assert client.get(path).status_code == status
    answer = client.delete(URL)
    assert answer.status_code == 400
    assert "contains ports" in fault(answer)
    answer = patch(client, URL, "/node_uuid", other.uuid)
    assert answer.status_code == 400
    assert "because there are ports" in fault(answer)
    assert patch(client, URL, "/physical_network", "two").status_code == 200
    assert client.get(f"/v1/ports/{PORT}").json()["physical_network"] == "two"
    patch(client, f"/v1/ports/{PORT}", "/portgroup_uuid", op="remove")
    assert client.delete(URL).status_code == 204
    assert client.delete(URL).status_code == 404


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"portgroup_uuid": NOBODY}, (400, f"Portgroup {NOBODY} could not be found.")),
        ({"portgroup_uuid": NOBODY, "pxe_enabled": True}, (400, "could not be found.")),
        ({"portgroup_uuid": "bond0"}, (400, "Expected UUID for portgroup_uuid: bond0")),
        ({"node": "other"}, (400, "belonging to a different node")),
        ({"physical_network": "two"}, (409, "has ports in physical network one.")),
        ({}, (409, "physical network None cannot become a member")),
        ({"physical_network": "one", "pxe_enabled": True}, (409, "support standalone ports")),
    ],
)
def test_who_may_not_join(
    client: Client, parts: Parts, node: Node, values: dict[str, Any], refusal: tuple[int, str]
) -> None:
    status, text = refusal
    other = parts.store.nodes.create(a_node(provision_state="manageable"))
    group = a_portgroup(node, uuid=UUID, physical_network="one", standalone_ports_supported=False)
    parts.store.portgroups.create(group)
    mine = other if "node" in values else node
    body = {"address": MAC, "portgroup_uuid": UUID} | values | {"node_uuid": mine.uuid}
    body.pop("node", None)
    answer = client.post("/v1/ports", json=body)
    assert (answer.status_code, text in fault(answer)) == (status, True), answer.text
    port = parts.store.ports.create(a_port(mine, uuid=PORT, pxe_enabled=False))
    steps = [
        {"op": "add", "path": f"/{name}", "value": value}
        for name, value in body.items()
        if name not in ("address", "node_uuid")
    ]
    if "pxe_enabled" not in values:
        assert client.patch(f"/v1/ports/{port.uuid}", json=steps).status_code == status


def test_the_network_of_a_member_stays(client: Client, parts: Parts, node: Node) -> None:
    parts.store.portgroups.create(a_portgroup(node, uuid=UUID))
    parts.store.ports.create(a_port(node, uuid=PORT, portgroup_uuid=UUID))
    answer = patch(client, f"/v1/ports/{PORT}", "/physical_network", "two")
    assert answer.status_code == 400
    assert "while the port belongs to a portgroup" in fault(answer)
    old = client_of(parts, "1.101")
    assert patch(old, f"/v1/ports/{PORT}", "/physical_network", "two").status_code == 200


def test_standalone_ports(client: Client, parts: Parts) -> None:
    """The rules are those of a network that is looked after; the network noop has none."""
    for network, status in (("fake", 409), ("noop", 200)):
        node = parts.store.nodes.create(
            a_node(provision_state="manageable", network_interface=network)
        )
        closed = a_portgroup(node, standalone_ports_supported=False)
        opened = a_portgroup(node)
        for group in (closed, opened):
            parts.store.portgroups.create(group)
        mac = "52:54:00:aa:01:" + ("01" if network == "noop" else "02")
        port = parts.store.ports.create(a_port(node, address=mac, portgroup_uuid=opened.uuid))
        url = f"/v1/portgroups/{opened.uuid}"
        answer = patch(client, url, "/standalone_ports_supported", False)
        assert answer.status_code == status
        answer = patch(client, f"/v1/ports/{port.uuid}", "/portgroup_uuid", closed.uuid)
        assert answer.status_code == status


def test_a_busy_node_keeps_its_portgroups(
    client: Client, parts: Parts, group: dict[str, Any]
) -> None:
    parts.store.nodes.change("n", {"operation": "rescue", "provision_state": "rescuing"})
    assert patch(client, URL, "/extra/a", 1).status_code == 409
    assert client.delete(URL).status_code == 409


def test_the_node_goes_with_its_portgroups(
    client: Client, parts: Parts, node: Node, group: dict[str, Any]
) -> None:
    parts.store.ports.create(a_port(node, portgroup_uuid=UUID))
    assert client.delete("/v1/nodes/n").status_code == 204
    assert uuids(client, "/v1/portgroups") == uuids(client, "/v1/ports") == []


def test_an_active_node_takes_no_portgroup(
    client: Client, parts: Parts, group: dict[str, Any]
) -> None:
    active = parts.store.nodes.create(a_node())
    answer = patch(client, URL, "/node_uuid", active.uuid)
    assert answer.status_code == 409
    assert "Current state is 'active'" in fault(answer)
