"""`/v1/deploy_templates`."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from tests.unit.api.fakes import Client, client_of, fault

UUID = "11111111-2222-4333-8444-555555555555"
STEP = {"interface": "bios", "step": "apply", "args": {"a": 1}, "priority": 10}
BODY = {"uuid": UUID, "name": "CUSTOM_A", "steps": [STEP], "extra": {"x": 1}}
PATH = f"/v1/deploy_templates/{UUID}"


@pytest.fixture
def template(client: Client) -> dict[str, Any]:
    answer = client.post("/v1/deploy_templates", json=BODY)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"http://bmaas.example{PATH}"
    return dict(answer.json())


def patch(client: Client, *steps: dict[str, Any]) -> Any:
    return client.patch(PATH, json=steps)


def test_create_show_list(client: Client, template: dict[str, Any]) -> None:
    assert BODY.items() <= template.items()
    assert template.keys() == {*BODY, "links", "created_at", "updated_at"}
    assert client.get(PATH).json() == template
    assert client.get("/v1/deploy_templates/CUSTOM_A").json() == template
    assert client.get(f"{PATH}?fields=steps").json().keys() == {"steps", "links"}
    [entry] = client.get("/v1/deploy_templates").json()["deploy_templates"]
    assert entry.keys() == {"uuid", "name", "links"}
    assert client.get("/v1/deploy_templates?detail=1").json()["deploy_templates"] == [template]
    for query in ("sort_key=steps", "sort_key=extra", "fields=bogus", "detail=1&fields=name"):
        assert client.get(f"/v1/deploy_templates?{query}").status_code == 400


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"name": "a"}, "is no trait"),
        ({"name": None}, "None is not of type 'string'"),
        ({"steps": []}, "[] should be non-empty"),
        ({"steps": {}}, "not of type 'array'"),
        ({"steps": [5]}, "not of type 'object'"),
        ({"steps": [STEP | {"interface": "boot"}]}, "'boot' is not one of bios, deploy"),
        ({"steps": [STEP | {"step": ""}]}, "should be non-empty"),
        ({"steps": [STEP | {"args": None}]}, "None is not of type 'object'"),
        ({"steps": [STEP | {"priority": -1}]}, "less than the minimum"),
        ({"steps": [STEP | {"priority": "1x"}]}, "Expected an integer"),
        ({"steps": [STEP | {"priority": 10**30}]}, "Expected an integer"),
        ({"steps": [STEP | {"bogus": 1}]}, "'bogus' was unexpected"),
        ({"steps": [{"interface": "bios", "step": "x", "args": {}}]}, "'priority' is a required"),
        ({"steps": [STEP, STEP]}, "Duplicates: interface: bios, step: apply."),
        ({"description": "x"}, "'description' was unexpected"),
    ],
)
def test_wrong_ones(client: Client, values: dict[str, Any], text: str) -> None:
    answer = client.post("/v1/deploy_templates", json=BODY | values)
    assert answer.status_code == 400
    assert text in fault(answer)


def test_names_and_uuids_are_there_once(client: Client, template: dict[str, Any]) -> None:
    other = BODY | {"uuid": None}
    answer = client.post("/v1/deploy_templates", json=other)
    assert answer.status_code == 409
    assert fault(answer) == "A deploy template with name CUSTOM_A already exists."
    assert client.post("/v1/deploy_templates", json=BODY | {"name": "CUSTOM_B"}).status_code == 409
    client.post("/v1/deploy_templates", json=other | {"name": "CUSTOM_B"})
    assert patch(client, {"op": "replace", "path": "/name", "value": "CUSTOM_B"}).status_code == 409


def test_change(client: Client, template: dict[str, Any]) -> None:
    def steps(*patches: dict[str, Any]) -> Any:
        answer = patch(client, *patches)
        assert answer.status_code == 200, answer.text
        return answer.json()["steps"]

    assert steps({"op": "replace", "path": "/steps/0/priority", "value": "20"})[0]["priority"] == 20
    other = STEP | {"step": "other"}
    assert steps({"op": "add", "path": "/steps/1", "value": other})[1] == other
    assert steps({"op": "remove", "path": "/steps/0"}) == [other]
    assert patch(client, {"op": "remove", "path": "/extra"}).json()["extra"] == {}
    for wrong in (
        {"op": "remove", "path": "/steps"},
        {"op": "remove", "path": "/steps/0"},
        {"op": "add", "path": "/steps/1", "value": other},
        {"op": "replace", "path": "/uuid", "value": UUID},
        {"op": "replace", "path": "/name", "value": "a"},
    ):
        assert patch(client, wrong).status_code == 400, wrong


def test_secrets_in_arguments_are_masked(client: Client) -> None:
    body = BODY | {"steps": [STEP | {"args": {"password": "sesame"}}]}
    made = client.post("/v1/deploy_templates", json=body)
    assert made.json()["steps"][0]["args"] == {"password": "******"}


def test_delete(client: Client, template: dict[str, Any]) -> None:
    assert client.delete("/v1/deploy_templates/CUSTOM_A").status_code == 204
    answer = client.get(PATH)
    assert answer.status_code == 404
    assert fault(answer) == f"Deploy template {UUID} could not be found."
    assert client.delete(PATH).status_code == 404


def test_before_their_version(parts: Parts) -> None:
    old = client_of(parts, "1.54")
    assert old.get("/v1/deploy_templates").status_code == 404
    assert old.post("/v1/deploy_templates", json=BODY).status_code == 405
    assert old.patch(PATH, json=[]).status_code == 405
    assert old.delete(PATH).status_code == 405
