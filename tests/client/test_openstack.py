"""A rescue as a person types it. (Each subcommand alone: test_commands.py.)

Conflicts (409) are no good refusals: the client tries those again for ten seconds.
"""

from tests.client.conftest import Client
from tests.service import Service

NOBODY = "ffffffff-0000-4000-8000-00000000dead"


def test_maintenance(client: Client, node: str) -> None:
    client.do("node", "maintenance", "set", node, "--reason", "new disk")
    shown = client.json("node", "show", node)
    assert (shown["maintenance"], shown["maintenance_reason"]) == (True, "new disk")
    refused = client.refused("node", "rescue", node, "--rescue-password", "Sesame-1234")
    assert "maintenance" in refused
    assert "Sesame" not in refused
    client.do("node", "maintenance", "unset", node)
    assert client.json("node", "show", node)["maintenance"] is False
    assert "could not be found" in client.refused("node", "maintenance", "set", NOBODY)


def test_rescue_unrescue_and_history(client: Client, service: Service, node: str) -> None:
    client.do("node", "rescue", node, "--rescue-password", "Sesame-1234")  # --wait looks every 10 s
    service.wait_for_state(node, "rescue")
    assert "can not be performed" in client.refused("node", "manage", node)
    client.do("node", "unrescue", node)
    service.wait_for_state(node, "active")
    assert "can not be performed" in client.refused("node", "unrescue", node)
    assert "can not be performed" in client.refused("node", "abort", node)
    history = client.json("node", "history", "list", node)
    events = [entry["event"] for entry in history]
    assert events[-1] == "The unrescue operation succeeded."
    event = client.json("node", "history", "get", node, history[-1]["uuid"])
    assert event["event_type"] == "unrescue"
    assert "could not be found" in client.refused("node", "history", "get", node, NOBODY)
