"""`/v1/chassis`, and the nodes in one."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from tests.unit.api.fakes import Client, client_of, fault, patch, uuids

UUID = "cccccccc-0000-4000-8000-000000000001"
NOBODY = "ffffffff-0000-4000-8000-00000000dead"
URL = f"/v1/chassis/{UUID}"


@pytest.fixture
def chassis(client: Client) -> dict[str, Any]:
    body = {"uuid": UUID, "description": "rack", "extra": {"a": 1}}
    answer = client.post("/v1/chassis", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"http://bmaas.example{URL}"
    return dict(answer.json())


def test_a_new_chassis(chassis: dict[str, Any], client: Client) -> None:
    assert (chassis["description"], chassis["extra"]) == ("rack", {"a": 1})
    ((link, _),) = chassis["nodes"]  # a list in a list, as in Ironic
    assert link["href"] == f"http://bmaas.example{URL}/nodes"
    assert len(client.post("/v1/chassis", json={}).json()["uuid"]) == 36


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"uuid": UUID}, 409, f"A chassis with UUID {UUID} already exists."),
        ({"uuid": "x"}, 400, "Expected UUID for uuid: x"),
        ({"bogus": 1}, 400, "('bogus' was unexpected)"),
        ({"description": "x" * 256}, 400, "too long"),
        ({"extra": "x"}, 400, "is not of type 'object', 'null'"),
    ],
)
def test_a_wrong_chassis(
    client: Client, chassis: dict[str, Any], body: dict[str, Any], status: int, text: str
) -> None:
    answer = client.post("/v1/chassis", json=body)
    assert (answer.status_code, text in fault(answer)) == (status, True)


def test_lists(client: Client, chassis: dict[str, Any]) -> None:
    other = client.post("/v1/chassis", json={}).json()["uuid"]
    assert uuids(client, "/v1/chassis") == [UUID, other]
    (entry, _) = client.get("/v1/chassis").json()["chassis"]
    assert entry.keys() == {"uuid", "description", "links"}
    for path in ("/v1/chassis/detail?limit=1", "/v1/chassis?detail=true&limit=1"):
        first = client.get(path).json()
        assert first["chassis"] == [chassis]
        assert uuids(client, first["next"]) == [other]
    (entry, _) = client.get("/v1/chassis?fields=nodes,links").json()["chassis"]
    assert entry.keys() == {"nodes", "links"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        *(("bogus=1", 400), ("fields=bogus", 400), ("sort_key=extra", 400), ("limit=0", 400)),
        *((f"marker={NOBODY}", 404), ("detail=true&fields=uuid", 400)),
    ],
)
def test_a_wrong_query(client: Client, query: str, status: int) -> None:
    assert client.get(f"/v1/chassis?{query}").status_code == status


def test_show(client: Client, parts: Parts, chassis: dict[str, Any]) -> None:
    assert client.get(URL).json() == chassis
    assert client_of(parts, "1.1").get(URL).json() == chassis
    assert client.get(f"{URL}?fields=description").json().keys() == {"description", "links"}
    assert client_of(parts, "1.7").get(f"{URL}?fields=uuid").status_code == 406
    answer = client.get(f"/v1/chassis/{NOBODY}")
    assert (answer.status_code, fault(answer)) == (404, f"Chassis {NOBODY} could not be found.")
    assert client.get("/v1/chassis/zzz").status_code == 400


def test_change(client: Client, chassis: dict[str, Any]) -> None:
    assert patch(client, URL, "/extra/b", 2).json()["extra"] == {"a": 1, "b": 2}
    changed = patch(client, URL, "/description", op="remove").json()
    assert changed["description"] is None
    assert changed["updated_at"]
    assert patch(client, URL, "/uuid", NOBODY).status_code == 400
    assert patch(client, f"/v1/chassis/{NOBODY}", "/extra", {}).status_code == 404


def test_nodes_of_a_chassis(client: Client, parts: Parts, chassis: dict[str, Any]) -> None:
    for name, inside in (("a", UUID), ("b", UUID), ("c", None)):
        body = {"driver": "fake-hardware", "name": name, "chassis_uuid": inside}
        assert client.post("/v1/nodes", json=body).json()["chassis_uuid"] == inside
    for path in (f"{URL}/nodes?", f"{URL}/nodes/detail?", f"/v1/nodes?chassis_uuid={UUID}&"):
        first = client.get(f"{path}limit=1").json()
        assert [node["name"] for node in first["nodes"]] == ["a"]
        assert [node["name"] for node in client.get(first["next"]).json()["nodes"]] == ["b"]
    assert client.get(f"/v1/nodes?chassis_uuid={NOBODY}").status_code == 404
    assert client.get(f"/v1/chassis/{NOBODY}/nodes").status_code == 404
    assert fault(client.get(f"{URL}/nodes/{UUID}")) == "Malformed request URI."


def test_a_node_moves_in_and_out(client: Client, parts: Parts, chassis: dict[str, Any]) -> None:
    client.post("/v1/nodes", json={"driver": "fake-hardware", "name": "n"})
    answer = patch(client, "/v1/nodes/n", "/chassis_uuid", NOBODY)
    assert (answer.status_code, fault(answer)) == (400, f"Chassis {NOBODY} could not be found.")
    assert patch(client, "/v1/nodes/n", "/chassis_uuid", UUID).json()["chassis_uuid"] == UUID
    answer = client.delete(URL)
    assert answer.status_code == 400
    assert f"chassis {UUID} contains nodes" in fault(answer)
    old = client_of(parts, "1.24")
    assert patch(old, "/v1/nodes/n", "/chassis_uuid", op="remove").status_code == 406
    assert patch(client, "/v1/nodes/n", "/chassis_uuid", op="remove").status_code == 200
    assert client.delete(URL).status_code == 204
    assert client.delete(URL).status_code == 404
