"""`/v1/nodes`: create, list, show, delete, validate."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault

UUID = "aaaaaaaa-0000-4000-8000-000000000001"


def create(client: Client, **values: Any) -> dict[str, Any]:
    answer = client.post("/v1/nodes", json={"driver": "fake-hardware", **values})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_new_node_has_its_defaults(client: Client) -> None:
    answer = client.post("/v1/nodes", json={"driver": "fake-hardware", "name": "n", "uuid": UUID})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"http://bmaas.example/v1/nodes/{UUID}"
    node = answer.json()
    assert node["provision_state"] == "enroll"
    assert node["rescue_interface"] == "fake"
    assert node["conductor"] == "conductor-1"
    assert node["reservation"] is None
    assert len(node) == 69


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Schema error for node: 'driver' is a required property"),
        ({"driver": 5}, "Schema error for node: 5 is not of type 'string'"),
        ({"driver": "fake-hardware", "bogus": 1}, "('bogus' was unexpected)"),
        ({"driver": "fake-hardware", "provision_state": "active"}, "'provision_state'"),
        ({"driver": "nope"}, "No valid host was found"),
        ({"driver": "fake-hardware", "rescue_interface": "nope"}, "rescue interface nope"),
        ({"driver": "fake-hardware", "uuid": "zzz"}, "Expected UUID for uuid: zzz"),
        ({"driver": "fake-hardware", "name": "not a name!"}, "invalid name"),
        ({"driver": "fake-hardware", "name": UUID}, "invalid name"),
        ({"driver": "fake-hardware", "name": "detail"}, "reserved"),
        ({"driver": "fake-hardware", "resource_class": "x" * 81}, "too long"),
        ({"driver": "fake-hardware", "maintenance": "perhaps"}, "Invalid maintenance"),
        ({"driver": "fake-hardware", "chassis_uuid": UUID}, "Chassis"),
        ({"driver": "fake-hardware", "parent_node": "nobody"}, "nobody could not be found"),
        ([1, 2], "Schema error for node"),
    ],
)
def test_a_wrong_node_is_refused_with_the_reason(client: Client, body: Any, text: str) -> None:
    answer = client.post("/v1/nodes", json=body)
    assert answer.status_code == 400
    assert text in fault(answer)


def test_a_node_is_the_same_wherever_it_is_shown(client: Client) -> None:
    kept = {"place": 'Zürich \U0001f6df "\\', "deep": [1.0, -(2**63), {"a": None}], "": {}}
    sent = dict.fromkeys(("extra", "properties", "instance_info"), kept)
    secret = {**kept, "redfish_password": "x"}
    node = create(client, uuid=UUID, name="n", driver_info=secret, **sent)
    assert {name: node[name] for name in sent} == sent
    assert node["driver_info"] == {**kept, "redfish_password": "******"}
    here = "http://bmaas.example/{}nodes/" + UUID
    for name, path in (("links", ""), ("ports", "/ports"), ("volume", "/volume")):
        assert node[name] == [
            {"href": here.format("v1/") + path, "rel": "self"},
            {"href": here.format("") + path, "rel": "bookmark"},
        ]
    assert client.get("/v1/nodes/n").json() == node
    assert client.get("/v1/nodes/detail").json() == {"nodes": [node]}
    assert client.get("/v1/nodes?detail=True").json() == {"nodes": [node]}
    (listed,) = client.get("/v1/nodes?fields=extra,driver_info").json()["nodes"]
    assert listed == {name: node[name] for name in ("extra", "driver_info", "links")}


def test_what_is_taken_is_a_conflict(client: Client) -> None:
    create(client, uuid=UUID, name="n", instance_uuid=UUID)
    for values in ({"uuid": UUID}, {"name": "n"}, {"instance_uuid": UUID}):
        answer = client.post("/v1/nodes", json={"driver": "fake-hardware", **values})
        assert answer.status_code == 409, answer.text


def test_a_field_of_a_newer_version_is_not_acceptable(parts: Parts) -> None:
    client = client_of(parts, "1.37")
    body = {"driver": "fake-hardware", "rescue_interface": "fake"}
    answer = client.post("/v1/nodes", json=body)
    assert answer.status_code == 406
    assert fault(answer) == "Request not acceptable."


def test_old_versions_create_available_nodes_without_a_name_for_it(parts: Parts) -> None:
    node = create(client_of(parts, "1.1"))
    assert node["provision_state"] is None
    assert "name" not in node
    shown = client_of(parts, "1.2").get(f"/v1/nodes/{node['uuid']}").json()
    assert shown["provision_state"] == "available"


def test_a_node_is_found_by_uuid_name_and_old_suffix(client: Client, parts: Parts) -> None:
    create(client, uuid=UUID, name="n")
    for path in (UUID, UUID.upper(), "n"):
        assert client.get(f"/v1/nodes/{path}").json()["uuid"] == UUID
    assert client.get("/nodes/n").json()["uuid"] == UUID
    assert client_of(parts, "1.90").get("/v1/nodes/n.json").json()["uuid"] == UUID
    assert fault(client.get("/v1/nodes/n.json")) == "Node n.json could not be found."
    assert fault(client_of(parts, "1.4").get("/v1/nodes/n")) == "Node n could not be found."


def test_fields_are_those_asked_for(client: Client, parts: Parts) -> None:
    create(client, uuid=UUID)
    shown = client.get(f"/v1/nodes/{UUID}?fields=uuid,Rescue_Interface").json()
    assert shown.keys() == {"uuid", "rescue_interface", "links"}
    unknown = client.get(f"/v1/nodes/{UUID}?fields=uuid,bogus")
    assert fault(unknown) == "Field bogus is not a valid field."
    old = client_of(parts, "1.37").get(f"/v1/nodes/{UUID}?fields=rescue_interface")
    assert old.status_code == 406


def test_a_list_is_filtered_sorted_and_paged(client: Client) -> None:
    for name in ("c", "a", "b"):
        create(client, name=name, resource_class="rc", description=f"the {name}%")
    create(client, name="d", resource_class="other", instance_uuid=UUID)

    def names(query: str) -> list[str]:
        answer = client.get(f"/v1/nodes?{query}")
        assert answer.status_code == 200, answer.text
        return [node["name"] for node in answer.json()["nodes"]]

    assert names("sort_key=name") == ["a", "b", "c", "d"]
    assert names("sort_key=name&sort_dir=desc&limit=2") == ["d", "c"]
    assert names("resource_class=rc&fields=name") == ["c", "a", "b"]
    assert names("associated=true") == ["d"]
    assert names("associated=false") == ["c", "a", "b"]
    assert names(f"instance_uuid={UUID}") == ["d"]
    assert names("provision_state=enroll&maintenance=false") == ["c", "a", "b", "d"]
    assert names("provision_state=deploying") == []
    assert names("description_contains=a%25") == ["a"]
    assert names("conductor=elsewhere") == []
    assert names("sharded=true") == []
    assert names("shard=x,y") == []


def test_the_next_page_keeps_filter_order_and_fields(client: Client) -> None:
    for name in ("c", "a", "b"):
        create(client, name=name)
    query = "driver=fake-hardware&sort_key=name&limit=2&fields=uuid,name"
    first = client.get(f"/v1/nodes?{query}").json()
    assert [node["name"] for node in first["nodes"]] == ["a", "b"]
    second = client.get(first["next"]).json()
    assert [node["name"] for node in second["nodes"]] == ["c"]
    assert "next" not in second


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("limit=-1", "Limit must be positive"),
        ("limit=0", "Limit must be positive"),
        ("limit=abc", "Expected an integer for limit: abc"),
        ("limit=99999999999999999999", "Expected an integer"),
        ("sort_key=bogus", 'The sort_key value "bogus" is an invalid field for sorting'),
        ("sort_key=agent_token", "invalid field for sorting"),
        ("sort_key=driver_info", "invalid field for sorting"),
        ("sort_dir=up", "Invalid sort direction"),
        ("provision_state=bogus", 'Provision state "bogus" is not valid'),
        ("bogus=1", "Unexpected arguments: bogus"),
        ("marker=zzz", "Expected UUID for marker: zzz"),
        ("detail=true&fields=uuid", "Can not specify ?detail=True and fields"),
        ("maintenance=perhaps", "Invalid maintenance"),
        ("owner=%00", "NUL"),
    ],
)
def test_a_wrong_query_is_refused(client: Client, query: str, text: str) -> None:
    answer = client.get(f"/v1/nodes?{query}")
    assert answer.status_code == 400
    assert text in fault(answer)


def test_a_marker_that_is_gone(client: Client) -> None:
    answer = client.get(f"/v1/nodes?marker={UUID}")
    assert (answer.status_code, fault(answer)) == (404, f"Node {UUID} could not be found.")


def test_details_by_path_and_by_query(client: Client, parts: Parts) -> None:
    create(client)
    for path in ("/v1/nodes/detail", "/v1/nodes?detail=true"):
        assert len(client.get(path).json()["nodes"][0]) == 69
    assert client_of(parts, "1.42").get("/v1/nodes?detail=true").status_code == 400
    assert client_of(parts, "1.8").get("/v1/nodes?provision_state=enroll").status_code == 406


def test_delete(client: Client, parts: Parts) -> None:
    create(client, uuid=UUID)
    answer = client.delete(f"/v1/nodes/{UUID}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.delete(f"/v1/nodes/{UUID}").status_code == 404


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"provision_state": "active"}, 409),
        ({"provision_state": "rescue"}, 409),
        ({"provision_state": "rescue", "maintenance": True}, 204),
        ({"provision_state": "available", "instance_uuid": UUID}, 409),
        ({"provision_state": "available", "protected": True}, 403),
        ({"provision_state": "rescuing", "operation": "rescue", "maintenance": True}, 409),
    ],
)
def test_what_may_be_deleted(
    client: Client, parts: Parts, values: dict[str, Any], status: int
) -> None:
    node = parts.store.nodes.create(a_node(**values))
    assert client.delete(f"/v1/nodes/{node.uuid}").status_code == status


def test_validate_tells_each_interface_in_both_forms(client: Client) -> None:
    create(client, uuid=UUID, name="n", driver_info={"broken": "rescue"})
    for path in (f"{UUID}/validate", f"validate?node_uuid={UUID}", "validate?node=n"):
        result = client.get(f"/v1/nodes/{path}").json()
        assert result["power"] == {"result": True}
        assert result["rescue"]["result"] is False
        assert "rescue_key" in result["rescue"]["reason"]
        assert "vendor" not in result
    assert client.get("/v1/nodes/nobody/validate").status_code == 404
    assert client.get("/v1/nodes/validate").status_code == 400


def test_validate_of_a_node_with_an_interface_that_is_gone(client: Client) -> None:
    create(client, uuid=UUID, driver_info={"broken": "everything"})
    result = client.get(f"/v1/nodes/{UUID}/validate").json()
    assert result["power"] == {
        "result": False,
        "reason": "The power interface 'gone' is not enabled.",
    }


def test_validate_tells_whether_the_node_could_be_rescued(client: Client, parts: Parts) -> None:
    parts.store.nodes.create(a_node(name="n", driver_info={"broken": "images"}))
    result = client.get("/v1/nodes/n/validate").json()
    reason = "Image http://images.example/kernel cannot be fetched."
    assert result["boot"] == {"result": False, "reason": reason}
    assert result["rescue"] == {"result": False, "reason": f"boot: {reason}"}
    assert result["power"] == {"result": True}
    parts.store.nodes.change("n", {"driver_info": {"broken": "power"}})
    result = client.get("/v1/nodes/n/validate").json()
    assert result["rescue"]["reason"].startswith("power: driver_info lacks power_key")
