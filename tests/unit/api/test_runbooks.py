"""`/v1/runbooks`, and their traits."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from tests.unit.api.fakes import Client, client_of, fault

UUID = "11111111-2222-4333-8444-555555555555"
STEP = {"interface": "raid", "step": "delete", "order": 1}
BODY = {"uuid": UUID, "name": "wipe.it", "steps": [STEP], "owner": "me"}
PATH = f"/v1/runbooks/{UUID}"


@pytest.fixture
def runbook(client: Client) -> dict[str, Any]:
    answer = client.post("/v1/runbooks", json=BODY)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def change(client: Client, path: str, value: Any) -> Any:
    return client.patch(PATH, json=[{"op": "add", "path": path, "value": value}])


def test_create_show_list_delete(client: Client, runbook: dict[str, Any]) -> None:
    assert runbook["steps"] == [{**STEP, "args": {}}]
    assert (runbook["public"], runbook["disable_ramdisk"], runbook["traits"]) == (False, False, [])
    assert client.get("/v1/runbooks/wipe.it").json() == runbook
    [entry] = client.get("/v1/runbooks").json()["runbooks"]
    assert entry.keys() == {"uuid", "name", "links"}
    assert client.get("/v1/runbooks?sort_key=traits").status_code == 400
    assert client.delete("/v1/runbooks/wipe.it").status_code == 204
    assert fault(client.get(PATH)) == f"Runbook {UUID} could not be found."


@pytest.mark.parametrize(
    "values",
    [
        {"name": "not a name"},
        {"name": "x" * 256},
        {"traits": []},
        {"public": "true"},
        {"steps": [STEP, STEP]},
        {"steps": [STEP | {"priority": 1}]},
        {"steps": [{"interface": "raid", "step": "x"}]},
    ],
)
def test_wrong_ones(client: Client, values: dict[str, Any]) -> None:
    assert client.post("/v1/runbooks", json=BODY | values).status_code == 400


def test_older_versions(client: Client, parts: Parts, runbook: dict[str, Any]) -> None:
    older, oldest = client_of(parts, "1.111"), client_of(parts, "1.91")
    assert older.post("/v1/runbooks", json=BODY | {"uuid": None}).status_code == 400
    made = older.post("/v1/runbooks", json={"name": "CUSTOM_A", "steps": [STEP]})
    assert made.status_code == 201
    assert made.json().keys() == runbook.keys() - {"traits", "description"}
    assert older.get(f"{PATH}/traits").status_code == 404
    assert oldest.get("/v1/runbooks").status_code == 404
    assert oldest.delete(PATH).status_code == 405


def test_a_public_runbook_has_no_owner(client: Client, runbook: dict[str, Any]) -> None:
    assert change(client, "/public", True).json()["owner"] is None
    answer = change(client, "/owner", "me")
    assert answer.status_code == 400
    assert "There cannot be an owner for a public runbook" in fault(answer)
    steps = [
        {"op": "add", "path": f"/{name}", "value": value}
        for name, value in (("public", False), ("owner", "you"))
    ]
    assert client.patch(PATH, json=steps).json()["owner"] == "you"


def test_traits(client: Client, runbook: dict[str, Any]) -> None:
    traits = f"{PATH}/traits"
    assert client.put(traits, json={"traits": ["CUSTOM_B", "HW_CPU_X86_VMX"]}).status_code == 204
    added = client.put(f"{traits}/CUSTOM_A")
    assert added.status_code == 204
    assert added.headers["location"] == f"http://bmaas.example{traits}/CUSTOM_A"
    assert client.get(traits).json() == {"traits": ["CUSTOM_A", "CUSTOM_B", "HW_CPU_X86_VMX"]}
    for _ in range(2):  # one that is gone is no error
        assert client.delete(f"{traits}/CUSTOM_A").status_code == 204
    assert client.get(PATH).json()["traits"] == ["CUSTOM_B", "HW_CPU_X86_VMX"]
    assert client.delete(traits).status_code == 204
    assert client.get(traits).json() == {"traits": []}
    assert client.put(traits).status_code == 400
    assert client.put(f"{traits}/nonsense").status_code == 400
    assert client.put(f"{traits}/CUSTOM_A", json={"traits": []}).status_code == 400
    assert client.get("/v1/runbooks/nobody/traits").status_code == 404
