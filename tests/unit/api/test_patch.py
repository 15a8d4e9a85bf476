"""JSON patches of nodes."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault

UUID = "aaaaaaaa-0000-4000-8000-000000000001"
SECRET = "Sesame-öffne-dich"


@pytest.fixture
def node(parts: Parts) -> Node:
    info = {"redfish_password": SECRET, "redfish_address": "https://192.0.2.1"}
    return parts.store.nodes.create(
        a_node(name="n", extra={"k": 1}, driver_info=info, provision_state="manageable")
    )


def patch(client: Client, *steps: tuple[Any, ...], query: str = "") -> Any:
    body = [
        {"op": op, "path": path} | ({"value": value[0]} if value else {})
        for op, path, *value in steps
    ]
    return client.patch(f"/v1/nodes/n{query}", json=body)


def test_steps_are_applied_in_order(client: Client, parts: Parts, node: Node) -> None:
    answer = patch(
        client,
        ("add", "/extra/a", {"b": [1]}),
        ("replace", "/extra/k", "two"),
        ("add", "/extra/a/b/0", 0),
        ("add", "/extra/with~1slash", True),
        ("remove", "/driver_info/redfish_address"),
        ("add", "/description", "a server"),
        ("replace", "/name", "m"),
    )
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["extra"] == {"k": "two", "a": {"b": [0, 1]}, "with/slash": True}
    assert shown["driver_info"] == {"redfish_password": "******"}
    assert shown["updated_at"] is not None
    assert parts.store.nodes.get("m").driver_info == {"redfish_password": SECRET}


def test_removing_a_field_gives_it_its_default(client: Client, node: Node) -> None:
    patch(client, ("add", "/resource_class", "rc"), ("add", "/maintenance", True))
    removed = patch(
        client, ("remove", "/resource_class"), ("remove", "/maintenance"), ("remove", "/extra")
    ).json()
    assert removed["resource_class"] is None
    assert removed["maintenance"] is False
    assert removed["extra"] == {}


def test_an_empty_patch_changes_nothing(client: Client, node: Node) -> None:
    assert patch(client).json()["updated_at"] is None


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (("frob", "/extra/k", 1), "'frob' is not one of ['add', 'replace', 'remove']"),
        (("test", "/name", "n"), "'test' is not one of"),
        (("add", "/extra/z"), "needs a 'value'"),
        (("add", "extra", 1), "is not a path"),
        (("add", "/extra//a", 1), "is not a path"),
        (("add", "/extra/~2", 1), "is not a path"),
        (("add", "/bogus", 1), "Cannot patch /bogus. Only the following can be updated"),
        (("replace", "/provision_state", "active"), "Cannot patch /provision_state"),
        (("replace", "/uuid", UUID), "Cannot patch /uuid"),
        (("replace", "/reservation", "me"), "Cannot patch /reservation"),
        (("remove", "/extra/none"), "Couldn't apply patch 'remove /extra/none'"),
        (("replace", "/driver_info/none", SECRET), "Couldn't apply patch"),
        (("add", "/driver_info/none/deeper", SECRET), "Couldn't apply patch"),
        (("add", "/name/0", "x"), "Couldn't apply patch"),
        (("add", "/extra/k/x", "x"), "Couldn't apply patch"),
        (("remove", "/driver"), "'driver' is a required property"),
        (("replace", "/driver_info", SECRET), "is not of type 'object', 'null'"),
        (("replace", "/driver", "nope"), "No valid host was found"),
        (("replace", "/rescue_interface", "bogus"), "Could not find the rescue interface bogus"),
        (("replace", "/name", "not a name!"), "invalid name"),
        (("replace", "/maintenance", "perhaps"), "Invalid maintenance"),
        (("add", "/instance_uuid", "zzz"), "Expected UUID for instance_uuid"),
        (("add", "/chassis_uuid", UUID), "Chassis"),
        (("add", "/parent_node", "nobody"), "nobody could not be found"),
        (("add", "/instance_info/rescue_password", SECRET), "passwords are not stored"),
        (("add", "/instance_info", {"hashed_rescue_password": SECRET}), "passwords are not stored"),
        (("add", "/protected_reason", "why"), "only be set when protected is True"),
        (("add", "/retired_reason", "why"), "only be set when retired is True"),
    ],
)
def test_a_wrong_patch_changes_nothing_and_quotes_no_secret(
    client: Client, parts: Parts, node: Node, step: tuple[Any, ...], text: str
) -> None:
    answer = patch(client, ("add", "/extra/first", 1), step)
    assert answer.status_code == 400
    assert text in fault(answer)
    assert SECRET not in fault(answer)
    assert parts.store.nodes.get("n") == node


@pytest.mark.parametrize("body", [{}, "x", None, [5], [{"op": "add"}], [{"path": "/extra"}]])
def test_what_is_no_patch(client: Client, node: Node, body: Any) -> None:
    assert client.patch("/v1/nodes/n", json=body).status_code == 400


def test_names_and_instances_are_unique(client: Client, parts: Parts, node: Node) -> None:
    parts.store.nodes.create(a_node(name="other", instance_uuid=UUID))
    assert patch(client, ("replace", "/name", "other")).status_code == 409
    assert patch(client, ("add", "/instance_uuid", UUID)).status_code == 409


def test_an_unknown_node(client: Client) -> None:
    assert patch(client, ("add", "/extra/a", 1)).status_code == 404


def test_fields_of_newer_versions(parts: Parts, node: Node) -> None:
    old = client_of(parts, "1.37")
    assert patch(old, ("replace", "/rescue_interface", "other")).status_code == 406
    assert patch(old, ("add", "/extra/a", 1)).status_code == 200
    assert patch(old, ("add", "/extra/a", 1), query="?reset_interfaces=true").status_code == 406


def test_interfaces_change_in_some_states_only(client: Client, parts: Parts, node: Node) -> None:
    step = ("replace", "/rescue_interface", "other")
    assert patch(client, step).json()["rescue_interface"] == "other"
    assert patch(client, ("remove", "/rescue_interface")).json()["rescue_interface"] == "fake"
    parts.store.nodes.change("n", {"provision_state": "rescue"})
    refused = patch(client, step)
    assert refused.status_code == 409
    assert "can not have rescue_interface updated" in fault(refused)
    assert patch(client, ("add", "/driver_info/rescue_kernel", "x")).status_code == 200
    parts.store.nodes.change("n", {"maintenance": True})
    assert patch(client, step).status_code == 200


def test_resetting_interfaces_goes_with_a_driver(client: Client, parts: Parts, node: Node) -> None:
    parts.store.nodes.change("n", {"driver": "gone", "power_interface": "other"})
    query = "?reset_interfaces=true"
    assert patch(client, ("add", "/extra/a", 1), query=query).status_code == 400
    shown = patch(client, ("replace", "/driver", "fake-hardware"), query=query).json()
    assert (shown["driver"], shown["power_interface"]) == ("fake-hardware", "fake")


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ({"provision_state": "rescuing", "target_provision_state": "rescue"}, ("/extra/a", 1)),
        ({"provision_state": "active", "resource_class": "a"}, ("/resource_class", "b")),
        ({"instance_uuid": UUID}, ("/instance_uuid", UUID.replace("a", "b"))),
        ({"provision_state": "manageable"}, ("/protected", True)),
        ({"provision_state": "available"}, ("/retired", True)),
    ],
)
def test_what_the_state_forbids_is_a_conflict(
    client: Client, parts: Parts, node: Node, values: dict[str, Any], step: tuple[str, Any]
) -> None:
    parts.store.nodes.change("n", values)
    assert patch(client, ("add", *step)).status_code == 409


@pytest.mark.parametrize("state", ["rescue failed", "unrescue failed", "adopt failed"])
def test_failed_nodes_can_be_put_right(
    client: Client, parts: Parts, node: Node, state: str
) -> None:
    parts.store.nodes.change("n", {"provision_state": state, "target_provision_state": "rescue"})
    step = ("add", "/driver_info/rescue_kernel", "file:///k")
    assert patch(client, step).status_code == 200


def test_what_follows_from_a_change(client: Client, parts: Parts, node: Node) -> None:
    parts.store.nodes.change(
        "n",
        {"maintenance": True, "maintenance_reason": "disk", "fault": "power failure"}
        | {"retired": True, "retired_reason": "old"},
    )
    shown = patch(
        client,
        ("replace", "/maintenance", False),
        ("replace", "/retired", False),
        ("add", "/instance_info/display_name", "web-1"),
    ).json()
    assert shown["maintenance_reason"] is None
    assert shown["fault"] is None
    assert shown["retired_reason"] is None
    assert shown["instance_name"] == "web-1"
