"""Rescues of a server whose networks are Neutron's: whatever Neutron does, it is as it was."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from stbernard.errors import HardwareError
from stbernard.nodes import Node
from stbernard.settings import Settings
from stbernard.store import Store
from tests.network.behaviour import MACS, a_card, a_server, attached
from tests.network.fake import FakeNeutron
from tests.network.world import World
from tests.unit.operations.conftest import Engine

PASSWORD = "correct horse"


@pytest.fixture
def settings(settings: Settings, neutron: FakeNeutron) -> Settings:
    default = replace(settings.default, enabled_network_interfaces=("noop", "flat", "neutron"))
    options = replace(neutron.options, rescuing_network="rescuing")
    return replace(settings, default=default, neutron=options)


@dataclass
class Server:
    """An active server in its tenant network; `before`: all ports of Neutron as they were."""

    engine: Engine
    world: World
    node: Node
    vif: str
    before: dict[str, Any]

    def rescue(self) -> Node:
        self.engine.requests.provision(self.node.uuid, "rescue", rescue_password=PASSWORD)
        return self.engine.wait(self.node)

    def unrescue(self) -> Node:
        self.engine.requests.provision(self.node.uuid, "unrescue")
        return self.engine.wait(self.node)

    def kept(self) -> dict[str, Any]:
        """What is saved of its port."""
        [port] = self.engine.store.ports.of_node(self.node.uuid)
        return port.internal_info

    def is_as_it_was(self) -> bool:
        port = self.world.port(self.vif)
        return (
            self.world.ports() == self.before
            and (port["mac_address"], port["status"]) == (MACS[0], "ACTIVE")
            and self.kept() == {"tenant_vif_port_id": self.vif}
        )


@pytest.fixture
def server(engine: Engine, neutron: FakeNeutron) -> Server:
    world = World(neutron.options, neutron.url)
    node = engine.store.nodes.create(a_server(power_state="power on"))
    vif = world.vif(world.network("tenant"), str(node.instance_uuid))
    world.network("rescuing")
    engine.store.ports.create(attached(a_card(node), vif))
    tasks = engine.requests._tasks  # as the engine's own steps see the node
    task = tasks.of(node)
    task.driver.network.join_tenant_networks(task)
    engine.reconciler.start()
    return Server(engine, world, node, vif, world.ports())


def test_there_and_back(server: Server, neutron: FakeNeutron) -> None:
    neutron.calls.clear()
    assert server.rescue().provision_state == "rescue"
    assert neutron.calls.count("POST /ports") == 1
    assert server.is_as_it_was()  # the ramdisk is in the tenant network when the login is open
    assert server.unrescue().provision_state == "active"
    assert server.is_as_it_was()


def test_while_the_ramdisk_boots(
    server: Server, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the port is known by: saved with the step that made it."""
    seen: list[dict[str, Any]] = []
    hardware = type(server.engine.hardware(server.node))
    real: Callable[..., Any] = hardware.open_login

    def look(self: Any, task: Any, password_hash: str) -> None:
        seen.append(server.kept())
        real(self, task, password_hash)

    monkeypatch.setattr(hardware, "open_login", look)
    server.rescue()
    assert seen[0]["tenant_vif_port_id"] == server.vif
    assert seen[0]["rescuing_vif_port_id"] != server.vif


@pytest.mark.parametrize("number", range(16))
def test_a_call_that_is_refused(server: Server, neutron: FakeNeutron, number: int) -> None:
    """Each call in turn, for good: the rescue fails, says why, and nothing is left."""
    neutron.calls.clear()
    neutron.fail(None, 403, after=number, times=1)
    node = server.rescue()
    assert node.provision_state == "rescue failed", neutron.calls
    assert "It is broken" in str(node.last_error)
    assert not node.maintenance
    assert server.is_as_it_was()
    assert server.rescue().provision_state == "rescue"


def test_no_call_was_missed_above(server: Server, neutron: FakeNeutron) -> None:
    neutron.calls.clear()
    server.rescue()
    assert len(neutron.calls) == 16, neutron.calls


def test_a_network_service_that_comes_back(server: Server, neutron: FakeNeutron) -> None:
    """Away for two tries in the middle: the rescue goes on."""
    neutron.fail("POST /ports", 503, times=2)
    assert server.rescue().provision_state == "rescue"
    assert server.is_as_it_was()


@pytest.mark.parametrize("seconds", [2])
def test_a_network_service_that_stays_away(server: Server, neutron: FakeNeutron) -> None:
    """It says what is not restored; after it is back, a rescue ends well and nothing is left."""
    neutron.fail("PUT /ports", 503, after=2)
    node = server.rescue()
    assert node.provision_state == "rescue failed"
    assert "NOT restored" in str(node.last_error)
    assert "leave_tenant_networks" in str(node.last_error)
    assert node.maintenance
    neutron.mend()
    server.engine.store.nodes.change(node.uuid, {"maintenance": False, "fault": None})
    assert server.rescue().provision_state == "rescue"
    assert server.unrescue().provision_state == "active"
    assert server.is_as_it_was()


def test_a_network_that_is_not_there(server: Server) -> None:
    """Before the server is touched."""
    info = {"rescuing_network": "nowhere"}
    server.engine.store.nodes.change(server.node.uuid, {"driver_info": info})
    node = server.rescue()
    assert node.provision_state == "rescue failed"
    assert "no network 'nowhere'" in str(node.last_error)
    assert server.is_as_it_was()
    assert not any("power_off" in event for event in server.engine.events(node))


def test_attaching_and_detaching(server: Server, neutron: FakeNeutron) -> None:
    """Of an instance that runs: Neutron is told at once, and what it says is heard."""
    requests, node = server.engine.requests, server.node
    requests.begin_and_wait(node, "detach vif", vif=server.vif)
    assert server.world.port(server.vif)["binding:host_id"] == ""
    requests.begin_and_wait(node, "attach vif", vif=server.vif)
    assert server.is_as_it_was()
    neutron.fail("PUT /ports", 403)
    with pytest.raises(HardwareError, match="It is broken"):
        requests.begin_and_wait(node, "detach vif", vif=server.vif)


def test_an_instance_that_goes_takes_its_vifs_along(server: Server) -> None:
    server.engine.requests.provision(server.node.uuid, "deleted")
    assert server.engine.wait(server.node, "available").instance_uuid is None
    assert server.kept() == {}
    port = server.world.port(server.vif)
    assert port["binding:host_id"] == ""
    assert port["mac_address"] != MACS[0]
