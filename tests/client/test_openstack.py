"""The commands people look around and work with, each once well and once in vain.

Conflicts (409) are not among the vain ones: the client tries those again for ten seconds.
"""

from functools import partial

from tests.client.conftest import Client
from tests.service import Service

NOBODY = "ffffffff-0000-4000-8000-00000000dead"


def test_create_and_delete(client: Client) -> None:
    made = client.json(
        *("node", "create", "--driver", "fake-hardware", "--name", "new", "--extra", "k=1"),
        *("--driver-info", "fake_password=Sesame-1234", "--resource-class", "bm"),
    )
    assert (made["name"], made["provision_state"]) == ("new", "enroll")
    assert made["driver_info"] == {"fake_password": "******"}
    assert "No valid host was found" in client.refused("node", "create", "--driver", "nope")
    assert "Deleted node new" in client.do("node", "delete", "new")
    assert "could not be found" in client.refused("node", "delete", "new")


def test_list_and_show(client: Client, node: str) -> None:
    (entry,) = client.json("node", "list")
    assert entry["name"] == node
    assert entry["provision_state"] == "active"
    assert client.json("node", "list", "--provision-state", "rescue") == []
    assert "is not valid" in client.refused("node", "list", "--provision-state", "bogus")
    (detailed,) = client.json("node", "list", "--long")
    assert detailed["driver"] == "fake-hardware"
    shown = client.json("node", "show", node, "--fields", "name", "provision_state")
    assert shown == {"name": node, "provision_state": "active"}
    assert client.json("node", "show", node)["rescue_interface"] == "fake"
    assert "could not be found" in client.refused("node", "show", NOBODY)


def test_set_and_unset(client: Client, node: str) -> None:
    client.do("node", "set", node, "--extra", "rack=7", "--driver-info", "rescue_kernel=file:///k")
    shown = client.json("node", "show", node)
    assert (shown["extra"], shown["driver_info"]) == ({"rack": 7}, {"rescue_kernel": "file:///k"})
    client.do("node", "unset", node, "--extra", "rack")
    assert client.json("node", "show", node)["extra"] == {}
    assert "Couldn't apply patch" in client.refused("node", "unset", node, "--extra", "rack")
    client.do("node", "set", node, "--name", "renamed")
    assert client.json("node", "show", "renamed")["name"] == "renamed"


def test_validate(client: Client, node: str) -> None:
    results = {row["Interface"]: row["Result"] for row in client.json("node", "validate", node)}
    assert results["rescue"] is True
    assert results["power"] is True
    assert "could not be found" in client.refused("node", "validate", NOBODY)


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


def test_power(client: Client, service: Service, node: str) -> None:
    for command, state in (
        ("power off", "power off"),
        ("power on", "power on"),
        ("reboot", "power on"),
        ("power off --soft", "power off"),
        ("reboot --soft", "power on"),
    ):
        client.do("node", *command.split(), node)
        service.wait(partial(_is_at, service, node, state), f"{node} is at {state}")
    assert "could not be found" in client.refused("node", "power", "off", NOBODY)


def _is_at(service: Service, node: str, state: str) -> bool:
    states = service.get(f"/v1/nodes/{node}/states")
    return (states["power_state"], states["target_power_state"]) == (state, None)


def test_boot_device(client: Client, node: str) -> None:
    client.do("node", "boot", "device", "set", node, "pxe", "--persistent")
    shown = client.json("node", "boot", "device", "show", node)
    assert shown == {"boot_device": "pxe", "persistent": True}
    supported = client.json("node", "boot", "device", "show", node, "--supported")
    assert "pxe" in supported["supported_boot_devices"]
    assert "Invalid boot device" in client.refused("node", "boot", "device", "set", node, "wanboot")


def test_ports(client: Client, node: str) -> None:
    (entry,) = client.json("port", "list", "--node", node)
    port = entry["uuid"]
    assert entry["address"] == "52:54:00:77:00:01"
    client.do("port", "set", port, "--extra", "k=1", "--pxe-disabled")
    shown = client.json("port", "show", port)
    assert (shown["extra"], shown["pxe_enabled"]) == ({"k": 1}, False)
    assert client.json("port", "show", "--address", "52:54:00:77:00:01")["uuid"] == port
    client.do("port", "unset", port, "--extra", "k")
    assert client.json("port", "show", port)["extra"] == {}
    assert len(client.json("port", "list", "--long")) == 1
    wrong = client.refused("port", "create", "--node", shown["node_uuid"], "no-mac")
    assert "Expected valid MAC address for address: no-mac" in wrong
    client.do("port", "delete", port)
    assert "could not be found" in client.refused("port", "show", port)


def test_drivers_and_conductors(client: Client) -> None:
    (driver,) = client.json("driver", "list")
    assert driver == {"name": "fake-hardware", "hosts": "worker-1"}
    assert client.json("driver", "show", "fake-hardware")["default_power_interface"] == "fake"
    client.json("driver", "property", "list", "fake-hardware")
    assert "Could not find" in client.refused("driver", "show", "nope")
    (conductor,) = client.json("conductor", "list")
    assert (conductor["hostname"], conductor["alive"]) == ("worker-1", True)
    assert client.json("conductor", "show", "worker-1")["drivers"] == ["fake-hardware"]
    assert "could not be found" in client.refused("conductor", "show", "nope")


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


def test_vifs_traits_and_children(client: Client, node: str) -> None:
    client.do("node", "vif", "attach", node, NOBODY)
    assert client.json("node", "vif", "list", node) == []
    client.do("node", "vif", "detach", node, NOBODY)
    assert client.json("node", "trait", "list", node) == []
    assert "could not be found" in client.refused("node", "vif", "list", NOBODY)
