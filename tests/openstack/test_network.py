"""The network interfaces against the real Neutron."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.openstack.cloud import Cloud
from tools.openstack.config import credentials

from tests.network import recorded
from tests.network.behaviour import LINK, MACS, NeutronBehaviour
from tests.network.world import World, unique
from tests.service import Service

CONFIG = """
enabled_hardware_types = fake-hardware
enabled_boot_interfaces = fake
enabled_network_interfaces = neutron
enabled_rescue_interfaces = fake
[conductor]
power_state_change_timeout = {step_timeout}
[fake]
rescue_delay = {delay}
[neutron]
rescuing_network = {network}
connect_retries = 0
{login}
"""
DELAY = 15  # seconds that the ramdisk takes, in which Neutron is stopped
STEP_TIMEOUT = 50  # seconds until a step has failed; Neutron starts within that


def test_neutron_still_answers_as_recorded(world: World) -> None:
    recorded.check(world)


class TestNeutron(NeutronBehaviour):
    """All that the fake has to stand for."""


class Server:
    """An active server in its tenant network; `before`: Neutron's ports as they were."""

    def __init__(self, service: Service, world: World) -> None:
        self.service = service
        self.world = world
        self.rescuing = world.network("rescuing")
        node = {
            "driver": "fake-hardware",
            "network_interface": "neutron",
            "rescue_interface": "fake",
        }
        instance = "99999999-0000-4000-8000-0000000000f1"
        answer = service.call("POST", "/v1/nodes", node | {"instance_uuid": instance})
        assert answer.ok, answer.text
        self.uuid: str = answer.json()["uuid"]
        port = {"node_uuid": self.uuid, "address": MACS[0], "local_link_connection": LINK}
        assert service.call("POST", "/v1/ports", port).ok
        for verb, state in (("manage", "manageable"), ("adopt", "active")):
            assert service.provision(self.uuid, verb).ok
            service.wait_for_state(self.uuid, state)
        self.vif = world.vif(world.network(unique("tenant")), instance)
        attached = service.call("POST", f"/v1/nodes/{self.uuid}/vifs", {"id": self.vif})
        assert attached.ok, attached.text
        self.before = world.ports()
        assert world.port(self.vif)["status"] == "ACTIVE"

    def rescue(self) -> None:
        assert self.service.provision(self.uuid, "rescue", rescue_password="correct horse").ok

    def is_in_the_rescuing_network(self) -> bool:
        ports = self.world.ports()
        return any(port["network_id"] == self.rescuing for port in ports.values())

    def is_as_it_was(self) -> bool:
        port = self.world.port(self.vif)
        return self.world.ports() == self.before and port["mac_address"] == MACS[0]

    def seen(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.service.get(f"/v1/nodes/{self.uuid}/rescue")
        return shown


@pytest.fixture
def server(cloud: Cloud, world: World, tmp_path: Path) -> Iterator[Server]:
    login = "\n".join(f"{name} = {value}" for name, value in credentials("ironic").items())
    config = CONFIG.format(login=login, network="rescuing", delay=DELAY, step_timeout=STEP_TIMEOUT)
    service = Service(tmp_path, config).start()
    yield Server(service, world)
    assert service.stop() == 0


def test_neutron_goes_away_in_the_middle_and_comes_back(server: Server, cloud: Cloud) -> None:
    """The rescue waits for it, and ends well."""
    server.rescue()
    server.service.wait(server.is_in_the_rescuing_network, "its port is there")
    cloud.stop("neutron")
    try:
        server.service.wait(
            lambda: "cannot be asked" in str(server.seen()["waits"]), "the rescue waits for Neutron"
        )
    finally:
        cloud.start("neutron")
    server.service.wait_for_state(server.uuid, "rescue")
    assert server.is_as_it_was()  # the ramdisk is in the tenant network when the login is open


def test_neutron_is_away_until_the_rescue_has_failed(server: Server, cloud: Cloud) -> None:
    """The error names it, and what to check; when it is back nothing is left in it."""
    server.rescue()
    server.service.wait(server.is_in_the_rescuing_network, "its port is there")
    cloud.stop("neutron")
    try:
        server.service.wait(lambda: bool(server.seen()["undoing"]), "the rescue is undone", 120)
    finally:
        cloud.start("neutron")
    node = server.service.wait_for_state(server.uuid, "rescue failed")
    assert "The Network service cannot be asked" in node["last_error"]
    assert "[neutron]" in node["last_error"]
    assert (node["maintenance"], "NOT restored" in node["last_error"]) == (False, False)
    assert server.is_as_it_was()
    server.rescue()
    server.service.wait_for_state(server.uuid, "rescue")
