"""Compute's own driver, as it is in a cloud: with tokens of Keystone and ports of Neutron."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.openstack.cloud import Cloud
from tools.openstack.config import IDENTITY, PASSWORD, credentials

from tests.network.world import PHYSICAL_NETWORK, World, unique
from tests.openstack.compute import CONFIG, MAC, Compute, Raised, available_node, spawned
from tests.openstack.people import People
from tests.service import Service

RESCUING = "rescuing-for-compute"
IN_CLOUD = """
auth_strategy = keystone
enabled_network_interfaces = neutron,flat
"""
SECTIONS = "[keystone_authtoken]\n{login}\n[neutron]\nrescuing_network = {rescuing}\n{login}\n"
FLAT = {
    "provider:network_type": "flat",
    "provider:physical_network": PHYSICAL_NETWORK,
}
LOGIN = {  # as docs/openstack.md has it in nova.conf
    "auth_type": "password",
    "auth_url": IDENTITY,
    "username": "ironic",
    "password": PASSWORD,
    "user_domain_name": "Default",
    "system_scope": "all",
}


@pytest.fixture
def service(cloud: Cloud, tmp_path: Path) -> Iterator[Service]:
    login = "\n".join(f"{name} = {value}" for name, value in credentials("ironic").items())
    sections = SECTIONS.format(login=login, rescuing=RESCUING)
    service = Service(tmp_path, IN_CLOUD + CONFIG + sections).start()
    service.headers["X-Auth-Token"] = People().person("operator", "admin").token()
    yield service
    assert service.stop() == 0


@pytest.mark.parametrize(("interface", "kind"), [("neutron", {}), ("flat", FLAT)])
def test_a_life(
    service: Service, world: World, tmp_path: Path, interface: str, kind: dict[str, Any]
) -> None:
    """Build, rescue, unrescue, a port taken off and put on, delete: Neutron's ports all along."""
    world.network(RESCUING)
    tenant = world.network(unique("tenant"), **kind)
    node = available_node(service, network_interface=interface)
    compute = Compute(service.url, tmp_path / "compute", node, LOGIN)
    try:
        life(compute, service, world, node, tenant)
    finally:
        compute.end()


def life(compute: Compute, service: Service, world: World, node: str, tenant: str) -> None:
    vif = world.vif(tenant, compute.call("instance_uuid"))
    spawned(compute, vif)

    def bound() -> tuple[str, str, str]:
        port = world.port(vif)
        return port["binding:host_id"], port["mac_address"], port["status"]

    assert bound() == (node, MAC, "ACTIVE")
    before = world.ports()
    compute.call("power_off", 10)
    compute.call("rescue", "correct horse")
    assert (world.ports(), bound()) == (before, (node, MAC, "ACTIVE"))
    compute.call("unrescue")
    assert (world.ports(), bound()) == (before, (node, MAC, "ACTIVE"))

    other = world.vif(tenant, compute.call("instance_uuid"))
    with pytest.raises(Raised, match="VirtualInterfacePlug"):
        compute.call("attach", other)  # its one card is in use
    compute.call("detach", vif)
    assert bound()[0] == ""
    compute.call("attach", vif)
    assert bound() == (node, MAC, "ACTIVE")

    compute.call("destroy")
    assert service.wait_for_state(node, "available")["instance_uuid"] is None
    assert (bound()[0], bound()[1] == MAC) == ("", False)
    assert world.ports().keys() == {vif, other}
