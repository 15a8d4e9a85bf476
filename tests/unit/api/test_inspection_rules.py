"""`/v1/inspection_rules`."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from tests.unit.api.fakes import Client, client_of, fault

UUID = "11111111-2222-4333-8444-555555555555"
ACTION = {"op": "set-attribute", "args": {"path": "/extra/a", "value": 1}}
CONDITION = {"op": "!eq", "args": {"values": [1, 2]}}
BODY = {"uuid": UUID, "actions": [ACTION], "conditions": [CONDITION], "priority": 5}
PATH = f"/v1/inspection_rules/{UUID}"


@pytest.fixture
def rule(client: Client) -> dict[str, Any]:
    answer = client.post("/v1/inspection_rules", json=BODY)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def change(client: Client, path: str, value: Any) -> Any:
    return client.patch(PATH, json=[{"op": "add", "path": path, "value": value}])


def test_create_show_list(client: Client, rule: dict[str, Any]) -> None:
    assert BODY.items() <= rule.items()
    assert (rule["phase"], rule["sensitive"], rule["description"]) == ("main", False, None)
    assert client.get(PATH).json() == rule
    [entry] = client.get("/v1/inspection_rules").json()["inspection_rules"]
    assert entry.keys() == {"uuid", "priority", "phase", "description", "links"}
    assert client.get("/v1/inspection_rules?phase=other").json()["inspection_rules"] == []
    assert client.get("/v1/inspection_rules?sort_key=actions").status_code == 400
    assert client.get("/v1/inspection_rules/name").status_code == 400


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"actions": []}, "should be non-empty"),
        ({"actions": [{"op": "explode", "args": {}}]}, "Unsupported action operator: explode"),
        ({"actions": [{"op": "fail"}]}, "'args' is a required property"),
        ({"actions": [{"op": "fail", "args": {}}]}, "missing required argument(s): msg"),
        ({"actions": [{"op": "fail", "args": []}]}, "missing required argument(s): msg"),
        ({"actions": [{"op": "fail", "args": {"msg": 1, "x": 2}}]}, "unexpected argument(s): x"),
        ({"actions": [{"op": [], "args": {}}]}, "op is not of type 'string'"),
        ({"actions": ["fail"]}, "not of type 'object'"),
        ({"conditions": [CONDITION | {"op": "!!eq"}]}, "Unsupported condition operator: !!eq"),
        ({"conditions": [CONDITION | {"loop": [1], "multiple": "some"}]}, "multiple is none of"),
        ({"priority": -1}, "Priority must be between 0 and 9999"),
        ({"priority": 10000}, "Priority must be between 0 and 9999"),
        ({"phase": "early"}, "Invalid phase: early. Valid phases are: main"),
        ({"scope": "x"}, "'scope' was unexpected"),
    ],
)
def test_wrong_ones(client: Client, values: dict[str, Any], text: str) -> None:
    answer = client.post("/v1/inspection_rules", json=BODY | values)
    assert answer.status_code == 400
    assert text in fault(answer)


def test_a_loop_says_how_many_must_match(client: Client) -> None:
    condition = {"op": "is-true", "args": ["{item}"], "loop": ["a"]}
    made = client.post("/v1/inspection_rules", json=BODY | {"conditions": [condition]}).json()
    assert made["conditions"] == [condition | {"multiple": "any"}]


def test_a_sensitive_rule_stays_so(client: Client, rule: dict[str, Any]) -> None:
    changed = change(client, "/sensitive", True).json()
    assert (changed["actions"], changed["conditions"]) == (None, None)
    answer = change(client, "/sensitive", False)
    assert answer.status_code == 400
    assert "cannot have the sensitive flag unset" in fault(answer)
    assert change(client, "/priority", 7).json()["priority"] == 7
    assert "set-attribute" not in client.get("/v1/inspection_rules?detail=1").text


def test_change_and_delete(client: Client, parts: Parts, rule: dict[str, Any]) -> None:
    assert change(client, "/actions/0/args/value", 2).json()["actions"][0]["args"]["value"] == 2
    assert change(client, "/uuid", UUID).status_code == 400
    assert client.delete(PATH).status_code == 204
    assert client.delete(PATH).status_code == 404
    for _ in range(2):
        client.post("/v1/inspection_rules", json=BODY | {"uuid": None})
    assert client_of(parts, "1.95").delete("/v1/inspection_rules").status_code == 405
    assert client.delete("/v1/inspection_rules").status_code == 204
    assert client.get("/v1/inspection_rules").json() == {"inspection_rules": []}
    assert client_of(parts, "1.95").get("/v1/inspection_rules").status_code == 404
