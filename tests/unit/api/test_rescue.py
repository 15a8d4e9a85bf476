"""The rescue of a node as a resource: what happened, and why it waits now."""

from typing import Any

import pytest

from stbernard.api import rescue_events
from stbernard.api.parts import Parts
from stbernard.drivers.base import Answer, Seen
from stbernard.nodes import Login, Node
from stbernard.operations.advance import advance
from stbernard.operations.catalogue import OPERATIONS
from stbernard.operations.instance_back import InstanceBack
from stbernard.operations.outcome import Next, Outcome, Retry, Wait
from stbernard.store.journal import Event, entry
from tests.factories import a_node
from tests.unit.api.fakes import HOST, Client, client_of, fault


@pytest.fixture
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n"))


def go_on(parts: Parts, *outcomes: Outcome) -> Node:
    """Play the worker: the node's present steps say this."""
    for outcome in outcomes:
        (node,) = parts.store.leases.claim(HOST, 1)
        following = advance(node, OPERATIONS[str(node.operation)], outcome, parts.settings)
        released = {"release": True, "changes": {"due_at": 0.0} | following.changes}
        node = parts.store.leases.save(node, lines=following.lines, **released)  # type: ignore[arg-type]
    return node


def to_the_end(parts: Parts, node: Node) -> None:
    while parts.store.nodes.get(node.uuid).operation:
        go_on(parts, Next())


def show(client: Client) -> Any:
    answer = client.get("/v1/nodes/n/rescue")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_node_that_was_never_rescued(client: Client, node: Node) -> None:
    answer = client.get("/v1/nodes/n/rescue")
    assert answer.status_code == 404
    assert fault(answer).startswith("Node n has not been rescued yet")
    assert client.get("/v1/nodes/nobody/rescue").status_code == 404
    assert client.get("/v1/nodes/n/rescue?odd=1").status_code == 400


def test_a_rescue_that_waits_for_its_agent(client: Client, parts: Parts, node: Node) -> None:
    parts.requests.provision(node.uuid, "rescue", rescue_password="secret")
    waiting = go_on(parts, *[Next()] * 7, Wait("the agent's heartbeat", "none came"))
    parts.store.journal.note(entry(waiting, Event.SEEN, detail="boot script fetched"))
    shown = show(client)
    assert (shown["provision_state"], shown["operation"]) == ("rescue wait", "rescue")
    assert (shown["step"], shown["waits"]) == ("wait_for_agent", "for the agent's heartbeat")
    assert (shown["outcome"], shown["ended_at"], shown["undoing"]) == (None, None, False)
    assert 1790 < shown["seconds_left"] <= 1800
    assert shown["deadline"] > shown["now"] > shown["started_at"]
    first, *_, power_on, wait, seen = shown["timeline"]
    assert (first["event"], first["step"]) == ("accepted", None)
    assert (power_on["event"], power_on["step"], power_on["worker"]) == ("done", "power_on", HOST)
    assert power_on["seconds"] >= 0
    assert wait["event"] == "waiting"
    assert (seen["event"], seen["detail"]) == ("seen", "boot script fetched")
    assert "password" not in client.get("/v1/nodes/n/rescue").text


def test_a_step_at_work_waits_for_nothing(client: Client, parts: Parts, node: Node) -> None:
    parts.requests.provision(node.uuid, "rescue", rescue_password="secret")
    go_on(parts, Next(), Next(), Retry(5, "the BMC is busy"))
    assert show(client)["waits"] == "the BMC is busy"
    parts.store.database.write(_due_now)
    go_on(parts, Next())
    assert (show(client)["step"], show(client)["waits"]) == ("leave_tenant_networks", None)


def test_a_rescued_node_shows_its_login(client: Client, parts: Parts, node: Node) -> None:
    parts.requests.provision(node.uuid, "rescue", rescue_password="secret")
    login = Login(addresses=("192.0.2.7",), ssh_host_key="ssh-ed25519 AAAA")
    go_on(parts, *[Next()] * 8, Next(login=login))
    to_the_end(parts, node)
    shown = show(client)
    assert (shown["provision_state"], shown["outcome"]) == ("rescue", "succeeded")
    assert shown["ended_at"] >= shown["started_at"]
    assert (shown["step"], shown["deadline"], shown["seconds_left"]) == (None, None, None)
    assert shown["login"] == {
        "user": "rescue",
        "addresses": ["192.0.2.7"],
        "ssh_host_key": "ssh-ed25519 AAAA",
        "seen_at": [],
        "silent_since": None,
    }
    assert shown["instance"] is None
    # what the watch sees later changes nothing of how it ended
    last = parts.store.journal.last_rescue(node.uuid)[-1]
    about = {"operation": "rescue", "operation_id": last.operation_id}
    parts.store.journal.note(entry(node, Event.SEEN, **about, detail="silence"))
    assert (show(client)["outcome"], show(client)["ended_at"]) == ("succeeded", shown["ended_at"])


def test_the_instance_is_looked_for(client: Client, parts: Parts, node: Node) -> None:
    parts.requests.provision(node.uuid, "rescue", rescue_password="secret")
    to_the_end(parts, node)
    parts.store.nodes.change(node.uuid, {"login": Login(addresses=("192.0.2.7",))})
    parts.requests.provision(node.uuid, "unrescue")
    to_the_end(parts, node)
    shown = show(client)
    assert shown["login"] is None
    assert (shown["outcome"], shown["provision_state"]) == ("succeeded", "active")
    assert (shown["instance"]["answers"], shown["instance"]["at"]) == (None, None)
    assert shown["instance"]["looked_for_at"] == ["192.0.2.7"]
    assert rescue_events._look(node.uuid, parts)[0]  # a listener is to hear of it
    watch = InstanceBack(parts.store, parts.settings)
    (looked_for,) = parts.store.idle.with_login(0, 10, ("active",))
    watch.judge(looked_for, {"192.0.2.7": Seen(Answer.OTHER, "host key SHA256:abc")})
    instance = show(client)["instance"]
    assert instance["answers"] is True
    assert instance["detail"] == "The instance answers ssh at 192.0.2.7 (host key SHA256:abc)."
    assert instance["seconds"] >= 0
    assert instance["looked_for_at"] == []
    assert not rescue_events._look(node.uuid, parts)[0]


def test_the_unrescue_is_the_end_of_the_story(client: Client, parts: Parts, node: Node) -> None:
    for verb in ("rescue", "unrescue"):
        if verb == "rescue":
            parts.requests.provision(node.uuid, "rescue", rescue_password="secret")
        else:
            parts.requests.provision(node.uuid, verb)
        to_the_end(parts, node)
    shown = show(client)
    assert (shown["provision_state"], shown["operation"]) == ("active", "unrescue")
    assert {line["operation"] for line in shown["timeline"]} == {"rescue", "unrescue"}
    assert shown["login"] is None
    # what else happens later is not the rescue's; a new rescue starts a new story
    parts.store.journal.note(entry(node, Event.SUCCEEDED, operation="rebooting"))
    assert show(client) | {"now": ""} == shown | {"now": ""}
    parts.requests.provision(node.uuid, "rescue", rescue_password="secret")
    assert [line["event"] for line in show(client)["timeline"]] == ["accepted"]


def test_every_version_has_it(parts: Parts, node: Node) -> None:
    parts.requests.provision(node.uuid, "rescue", rescue_password="secret")
    path = f"/v1/nodes/{node.uuid}/rescue"
    assert client_of(parts, "1.1").get(path).status_code == 200


def test_who_listens_is_counted(
    parts: Parts, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescue_events, "LISTENERS", 0)
    parts.store.nodes.create(a_node(name="n"))
    assert client.get("/v1/nodes/n/rescue/events").status_code == 503
    monkeypatch.undo()
    assert client.get("/v1/nodes/n/rescue/events").status_code == 404


def _due_now(connection: Any) -> None:
    connection.exec_driver_sql("UPDATE nodes SET due_at = 0 WHERE operation IS NOT NULL")
