"""Drivers, conductors, history, and what holds nothing."""

import time
from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from stbernard.store.journal import Event, entry
from tests.factories import a_node
from tests.unit.api.fakes import HOST, Client, client_of, fault

NOBODY = "ffffffff-0000-4000-8000-00000000dead"


def test_drivers(client: Client, parts: Parts) -> None:
    (driver,) = client.get("/v1/drivers").json()["drivers"]
    assert driver.keys() == {"name", "hosts", "links", "properties", "type"}
    assert (driver["name"], driver["hosts"]) == ("fake-hardware", [HOST])
    (detailed,) = client.get("/v1/drivers?detail=true&type=dynamic").json()["drivers"]
    assert detailed["enabled_rescue_interfaces"] == ["fake", "other", "no-rescue"]
    assert detailed == client.get("/v1/drivers/fake-hardware").json()
    assert client.get("/v1/drivers?type=classic").json() == {"drivers": []}
    assert client.get("/v1/drivers?fields=name").json()["drivers"][0].keys() == {"name", "links"}
    old = client_of(parts, "1.37").get("/v1/drivers/fake-hardware").json()
    assert "default_storage_interface" in old
    assert "default_rescue_interface" not in old


def test_driver_properties(client: Client) -> None:
    shown = client.get("/v1/drivers/fake-hardware/properties").json()
    assert shown == {"power_key": "What power wants to know."}
    disks = client.get("/v1/drivers/fake-hardware/raid/logical_disk_properties").json()
    assert disks.keys() >= {"raid_level", "size_gb", "is_root_volume"}


@pytest.mark.parametrize(
    ("path", "version", "status"),
    [
        ("/v1/drivers/nope", "1.115", 404),
        ("/v1/drivers/nope/properties", "1.115", 404),
        ("/v1/drivers?type=odd", "1.115", 400),
        ("/v1/drivers?fields=odd", "1.115", 400),
        ("/v1/drivers?fields=name&detail=true", "1.115", 400),
        ("/v1/drivers/nope/raid/logical_disk_properties", "1.115", 404),
        ("/v1/drivers/fake-hardware/raid/logical_disk_properties", "1.11", 406),
        ("/v1/drivers?fields=name", "1.76", 406),
        ("/v1/drivers?detail=true", "1.29", 406),
        ("/v1/conductors", "1.48", 404),
        ("/v1/conductors/nope", "1.115", 404),
        ("/v1/conductors?sort_key=alive", "1.115", 400),
        ("/v1/conductors?fields=odd", "1.115", 400),
        ("/v1/conductors?marker=odd", "1.115", 400),
        ("/v1/nodes/n/history", "1.77", 404),
        (f"/v1/nodes/n/history/{NOBODY}", "1.115", 404),
        ("/v1/nodes/n/history?sort_key=odd", "1.115", 400),
        (f"/v1/nodes/n/history?marker={NOBODY}", "1.115", 400),
        ("/v1/nodes/nobody/history", "1.115", 404),
        ("/v1/nodes/n/nothing", "1.115", 404),
        ("/v1/nodes/nobody/traits", "1.115", 404),
        ("/v1/allocations", "1.51", 404),
        ("/v1/portgroups/p", "1.115", 404),
        ("/v1/nodes/n/volume/odd", "1.115", 404),
    ],
)
def test_what_is_not_there(parts: Parts, path: str, version: str, status: int) -> None:
    parts.store.nodes.create(a_node(name="n"))
    assert client_of(parts, version).get(path).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        *("chassis", "portgroups", "allocations", "deploy_templates", "runbooks"),
        *("volume/connectors", "volume/targets", "nodes/n/portgroups", "nodes/n/vifs"),
        *("nodes/n/traits", "nodes/n/firmware", "nodes/n/volume/targets"),
    ],
)
def test_what_holds_nothing(client: Client, parts: Parts, path: str) -> None:
    parts.store.nodes.create(a_node(name="n"))
    assert client.get(f"/v1/{path}").json() == {path.rsplit("/", 1)[-1]: []}


def test_conductors(client: Client, parts: Parts) -> None:
    parts.store.conductors.register("another", "", ())
    parts.store.conductors.beat("another", alive=False)

    def names(query: str) -> list[str]:
        return [
            each["hostname"] for each in client.get(f"/v1/conductors{query}").json()["conductors"]
        ]

    assert names("") == ["another", HOST]
    assert names("?sort_key=hostname&sort_dir=desc") == [HOST, "another"]
    first = client.get("/v1/conductors?limit=1").json()
    assert first["conductors"][0].keys() == {"hostname", "conductor_group", "alive", "links"}
    second = client.get(first["next"]).json()
    assert [each["hostname"] for each in second["conductors"]] == [HOST]
    one = client.get(f"/v1/conductors/{HOST}").json()
    assert (one["alive"], one["drivers"]) == (True, ["fake-hardware"])
    assert one["links"][0]["href"] == f"http://bmaas.example/v1/conductors/{HOST}"


@pytest.fixture
def node(parts: Parts) -> Node:
    """A node that was rescued, and failed to be rescued again."""
    now = time.time()
    node = parts.store.nodes.create(a_node(name="n", created_at=now - 200))
    for ident, event, detail in (
        ("1", Event.SUCCEEDED, None),
        ("2", Event.FAILED, "Failed to rescue: no image " + "x" * 300),
    ):
        about: dict[str, Any] = {"operation": "rescue", "operation_id": ident, "worker": HOST}
        start = now - 100 + 10 * int(ident)
        parts.store.journal.note(entry(node, Event.ACCEPTED, at=start, **about))
        parts.store.journal.note(entry(node, Event.STEP_DONE, at=start + 3, **about))
        parts.store.journal.note(entry(node, event, at=start + 7, detail=detail, **about))
    return node


def test_history_tells_how_operations_ended(client: Client, node: Node) -> None:
    good, bad = client.get("/v1/nodes/n/history?detail=true").json()["history"]
    assert good["event"] == "The rescue operation succeeded."
    assert (good["severity"], good["event_type"]) == ("INFO", "rescue")
    assert (good["duration_seconds"], good["conductor"]) == (7, HOST)
    assert bad["severity"] == "ERROR"
    assert bad["event"].startswith("Failed to rescue: no image")
    one = client.get(f"/v1/nodes/n/history/{bad['uuid']}")
    assert one.json() == bad
    assert good["links"][0]["href"].endswith(f"/v1/nodes/{node.uuid}/history/{good['uuid']}")


def test_history_in_short_and_in_pages(client: Client, parts: Parts, node: Node) -> None:
    _, bad = client.get("/v1/nodes/n/history").json()["history"]
    assert bad.keys() == {"uuid", "created_at", "severity", "event", "links"}
    assert len(bad["event"]) < 256
    first = client.get("/v1/nodes/n/history?limit=1&sort_dir=desc").json()
    assert first["history"] == [bad]
    second = client.get(first["next"]).json()["history"]
    assert [each["severity"] for each in second] == ["INFO"]
    old = client_of(parts, "1.114").get("/v1/nodes/n/history?detail=true").json()["history"]
    assert "duration_seconds" not in old[0]


def test_history_goes_with_its_node(client: Client, parts: Parts, node: Node) -> None:
    parts.store.nodes.delete("n")
    parts.store.nodes.create(a_node(name="n", uuid=node.uuid))
    assert client.get("/v1/nodes/n/history").json() == {"history": []}


def test_an_unknown_event_is_named(client: Client, node: Node) -> None:
    answer = client.get(f"/v1/nodes/n/history/{NOBODY}")
    assert fault(answer) == f"Node history record {NOBODY} could not be found."
