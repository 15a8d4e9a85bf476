"""Lookup and heartbeat, as the agent in the ramdisk calls them."""

from typing import Any

import pytest

from stbernard.api import network_data
from stbernard.api.parts import Parts
from stbernard.nodes import Agent, Node, agent_with
from stbernard.operations.boot_signs import LOOKED_UP, LOOKED_UP_AGAIN
from stbernard.settings import Agent as AgentSettings
from stbernard.settings import Api as ApiSettings
from stbernard_agent.network_data import read
from tests.factories import a_node, a_port, a_portgroup
from tests.unit.api.fakes import Client, client_of, fault, with_settings

URL = "https://192.0.2.7:9999"
TOKEN = "t" * 43


WAITING = {
    "provision_state": "rescue wait",
    "operation": "rescue",
    "operation_id": "1",
    "step": "wait_for_agent",
}


def a_waiting_node(parts: Parts, address: str) -> Node:
    node = parts.store.nodes.create(a_node(properties={"cpu_arch": "x86_64"}))
    parts.store.ports.create(a_port(node, address=address))
    return parts.store.nodes.change(node.uuid, WAITING)


@pytest.fixture
def node(parts: Parts) -> Node:
    return a_waiting_node(parts, "52:54:00:bb:00:01")


@pytest.fixture
def known(parts: Parts, node: Node) -> Node:
    """The node, its token given."""
    parts.store.leases.give_token(node.uuid, TOKEN)
    return node


def beat(client: Client, node: Node, **values: Any) -> Any:
    body = {"callback_url": URL, "agent_version": "1", "agent_token": TOKEN} | values
    return client.post(
        f"/v1/heartbeat/{node.uuid}",
        json={name: value for name, value in body.items() if value != "-"},
    )


def test_the_first_lookup_is_given_the_token_and_nobody_else(client: Client, node: Node) -> None:
    first = client.get("/v1/lookup?addresses=52:54:00:BB:00:01,52:54:00:bb:00:09,junk").json()
    assert first["node"].keys() == {
        *("uuid", "properties", "instance_info", "driver_internal_info", "links")
    }
    assert first["node"]["uuid"] == node.uuid
    assert first["node"]["driver_internal_info"]["agent_secret_token"] == "******"
    assert len(first["config"]["agent_token"]) == 43
    assert first["config"]["agent_token_required"] is True
    assert first["config"]["heartbeat_timeout"] == 300
    second = client.get(f"/v1/lookup?node_uuid={node.uuid}").json()
    assert second["config"]["agent_token"] == "******"
    assert first["config"]["agent_token"] not in client.get(f"/v1/nodes/{node.uuid}").text


def test_the_timeline_tells_of_the_lookup(client: Client, parts: Parts, node: Node) -> None:
    for _ in range(3):
        client.get(f"/v1/lookup?node_uuid={node.uuid}")
    lines = parts.store.journal.timeline(node.uuid)
    assert [line.detail for line in lines] == [LOOKED_UP, LOOKED_UP_AGAIN]


def test_a_lookup_of_a_server_whose_medium_brings_its_token_says_nothing(
    client: Client, parts: Parts, known: Node
) -> None:
    client.get(f"/v1/lookup?node_uuid={known.uuid}")
    assert parts.store.journal.timeline(known.uuid) == ()


def test_a_lookup_after_the_agent_called_says_nothing(
    client: Client, parts: Parts, node: Node
) -> None:
    found = client.get(f"/v1/lookup?node_uuid={node.uuid}").json()
    assert beat(client, node, agent_token=found["config"]["agent_token"]).status_code == 202
    client.get(f"/v1/lookup?node_uuid={node.uuid}")
    assert [line.detail for line in parts.store.journal.timeline(node.uuid)] == [LOOKED_UP]


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("", 400, "At least one of 'addresses' and 'node_uuid' parameters is required"),
        ("?addresses=nope", 400, "At least one of"),
        ("?node_uuid=zzz", 400, "Expected UUID for node_uuid: zzz"),
        ("?addresses=52:54:00:ff:ff:ff", 404, "Resource could not be found."),
        ("?node_uuid=ffffffff-0000-4000-8000-00000000dead", 404, "Resource could not be found."),
        ("?bogus=1", 400, "Unexpected arguments: bogus"),
    ],
)
def test_a_lookup_of_nobody(client: Client, query: str, status: int, text: str) -> None:
    answer = client.get(f"/v1/lookup{query}")
    assert answer.status_code == status
    assert text in fault(answer)


def test_lookups_are_for_nodes_that_boot_a_ramdisk(client: Client, parts: Parts) -> None:
    node = parts.store.nodes.create(a_node(provision_state="rescue"))
    refused = client.get(f"/v1/lookup?node_uuid={node.uuid}")
    assert (refused.status_code, fault(refused)) == (404, "Resource could not be found.")
    assert parts.store.nodes.get(node.uuid).agent.token is None
    free = client_of(with_settings(parts, api=ApiSettings(restrict_lookup=False)))
    assert free.get(f"/v1/lookup?node_uuid={node.uuid}").status_code == 200


def test_addresses_of_two_nodes_are_nobodys(client: Client, parts: Parts, node: Node) -> None:
    a_waiting_node(parts, "52:54:00:bb:00:02")
    answer = client.get("/v1/lookup?addresses=52:54:00:bb:00:01,52:54:00:bb:00:02")
    assert answer.status_code == 404


def test_lookup_in_old_versions(parts: Parts, node: Node) -> None:
    path = f"/v1/lookup?node_uuid={node.uuid}"
    assert client_of(parts, "1.21").get(path).status_code == 404
    assert client_of(parts, "1.61").get(path).json()["config"]["agent_token"] is None
    assert parts.store.nodes.get(node.uuid).agent.token is None


def test_the_ramdisk_endpoints_can_be_switched_off(parts: Parts, known: Node) -> None:
    client = client_of(with_settings(parts, api=ApiSettings(enable_ramdisk_endpoints=False)))
    assert client.get(f"/v1/lookup?node_uuid={known.uuid}").status_code == 403
    assert beat(client, known).status_code == 403


def test_a_heartbeat_is_noted_and_wakes_the_node(client: Client, parts: Parts, known: Node) -> None:
    answer = beat(client, known)
    assert (answer.status_code, answer.content) == (202, b"")
    assert "content-type" not in answer.headers
    after = parts.store.nodes.get(known.uuid)
    assert (after.agent.url, after.agent.version) == (URL, "1")
    assert after.agent.last_heartbeat is not None
    assert (after.wakeups, after.due_at) == (1, after.agent.last_heartbeat)
    info = client.get(f"/v1/nodes/{known.uuid}").json()["driver_internal_info"]
    assert info["agent_url"] == URL
    assert info["agent_secret_token"] == "******"
    assert info["agent_last_heartbeat"].endswith("+00:00")


def test_an_agent_without_a_token_is_told_of_once_and_changes_nothing(
    client: Client, parts: Parts, node: Node
) -> None:
    for version in ("5.0.0", "5.0.1"):
        assert beat(client, node, agent_token="-", agent_version=version).status_code == 400
    seen = [line.detail for line in parts.store.journal.timeline(node.uuid)]
    assert seen == ["an agent without a token was refused (its version: 5.0.0)"]
    after = parts.store.nodes.get(node.uuid)
    assert after.agent == Agent(version="5.0.0")
    assert (after.provision_state, after.wakeups) == ("rescue wait", 0)


def test_an_agent_without_a_token_does_not_replace_one_with(
    client: Client, parts: Parts, known: Node
) -> None:
    beat(client, known)
    beat(client, known, agent_token="-", agent_version="5.0.0")
    assert parts.store.nodes.get(known.uuid).agent.version == "1"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"agent_token": "-"}, "Agent token is required for heartbeat processing."),
        ({"agent_token": None}, "Agent token is required for heartbeat processing."),
        ({"agent_token": "wrong"}, "Invalid or missing agent token received."),
        ({"agent_token": "******"}, "Invalid or missing agent token received."),
        ({"agent_token": "ü"}, "Invalid or missing agent token received."),
        ({"agent_token": ""}, "Invalid or missing agent token received."),
        ({"agent_token": 5}, "Expected string for agent_token"),
        ({"agent_version": "-"}, "Agent did not transmit a version"),
        ({"callback_url": "-"}, "Missing mandatory parameter: callback_url"),
        ({"callback_url": "ftp://x"}, 'issue with the supplied "callback_url"'),
        ({"callback_url": ""}, 'issue with the supplied "callback_url"'),
        ({"callback_url": "https://[x"}, 'issue with the supplied "callback_url"'),
        ({"callback_url": "https://x:99999"}, 'issue with the supplied "callback_url"'),
        ({"callback_url": "http://192.0.2.7:9999"}, "TLS is required by configuration"),
        ({"agent_status": "happy"}, "Valid states are start,end,error"),
        ({"bogus": 1}, "Unexpected arguments: bogus"),
        ({"agent_version": "1" * 256}, "too long"),
        ({"agent_verify_ca": "junk"}, "no certificate in PEM"),
    ],
)
def test_a_wrong_heartbeat_changes_nothing(
    client: Client, parts: Parts, known: Node, values: dict[str, Any], text: str
) -> None:
    answer = beat(client, known, **values)
    assert answer.status_code == 400
    assert text in fault(answer)
    assert TOKEN not in answer.text
    assert parts.store.nodes.get(known.uuid).agent == agent_with(TOKEN)


def test_a_token_is_needed_even_where_none_was_given(client: Client, node: Node) -> None:
    for token in ("", "None", TOKEN):
        assert beat(client, node, agent_token=token).status_code == 400


def test_a_heartbeat_from_another_address_is_refused(
    client: Client, parts: Parts, known: Node
) -> None:
    assert beat(client, known).status_code == 202
    other = beat(client, known, callback_url="https://192.0.2.8:9999")
    assert other.status_code == 400
    assert fault(other) == 'Detected change in ramdisk provided "callback_url"'
    assert beat(client, known).status_code == 202
    assert parts.store.nodes.get(known.uuid).agent.url == URL


def test_http_is_accepted_where_tls_is_not_required(parts: Parts, known: Node) -> None:
    client = client_of(with_settings(parts, agent=AgentSettings(require_tls=False)))
    assert beat(client, known, callback_url="http://192.0.2.7:9999").status_code == 202


@pytest.mark.parametrize(
    ("version", "values", "text"),
    [
        ("1.21", {}, "Resource could not be found."),
        ("1.35", {}, 'Field "agent_version" not recognised'),
        ("1.67", {"agent_verify_ca": "x"}, 'Field "agent_verify_ca" not recognised'),
        ("1.71", {"agent_status": "error"}, 'Field "agent_status" not recognised'),
    ],
)
def test_fields_of_newer_versions(
    parts: Parts, known: Node, version: str, values: dict[str, Any], text: str
) -> None:
    answer = beat(client_of(parts, version), known, **values)
    assert answer.status_code == (404 if version == "1.21" else 400)
    assert text in fault(answer)


def test_a_heartbeat_of_an_unknown_node(client: Client) -> None:
    assert beat(client, a_node()).status_code == 404


def test_an_error_of_the_agent_is_in_the_timeline(
    client: Client, parts: Parts, known: Node
) -> None:
    message = "no disk " * 1000
    values = {"agent_status": "error", "agent_status_message": message}
    assert beat(client, known, **values).status_code == 202
    (line,) = parts.store.journal.timeline(known.uuid, "1")
    assert line.event == "seen"
    assert line.detail is not None
    assert line.detail.startswith("the agent reports an error: no disk")
    assert len(line.detail) < 1100


def looked_up(parts: Parts) -> Any:
    path = "/v1/lookup?addresses=52:54:00:bb:00:01"
    return client_of(parts).get(path).json()["config"].get("tenant_network_data")


def test_the_network_after_the_rescue(parts: Parts) -> None:
    """Nothing to say; then what the portgroups say; then what the node says itself."""
    # no operation: it would lock the parts
    node = parts.store.nodes.create(a_node(provision_state="rescue wait"))
    parts.store.ports.create(a_port(node, address="52:54:00:bb:00:01"))
    assert looked_up(parts) is None
    group = parts.store.portgroups.create(
        a_portgroup(
            node,
            mode="802.3ad",
            properties={"miimon": "50", "bond_xmit_hash_policy": "layer2+3"},
        )
    )
    assert looked_up(parts) is None  # one without ports
    (port,) = parts.store.ports.of_node(node.uuid)
    parts.store.ports.change(port.uuid, {"portgroup_uuid": group.uuid})
    other = a_port(node, address="52:54:00:bb:00:02", portgroup_uuid=group.uuid)
    parts.store.ports.create(other)
    data = looked_up(parts)
    network_data.check(data)
    plan = read(data)
    assert [(link.kind, link.mac) for link in plan.links] == [
        ("phy", "52:54:00:bb:00:01"),
        ("phy", "52:54:00:bb:00:02"),
        ("bond", "52:54:00:bb:00:01"),
    ]
    assert plan.links[2].bond == (
        *("mode", "802.3ad", "miimon", "50", "xmit_hash_policy", "layer2+3"),
    )
    assert [(net.link, net.address) for net in plan.nets] == [(group.uuid, None)]
    own: dict[str, Any] = {"links": [], "networks": [], "services": []}
    parts.store.nodes.change(node.uuid, {"network_data": own})
    assert looked_up(parts) == own
