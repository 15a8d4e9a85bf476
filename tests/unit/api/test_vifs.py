"""`/v1/nodes/{ident}/vifs`."""

from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.nodes import Node, Port, Portgroup
from tests.factories import a_node, a_port, a_portgroup
from tests.unit.api.fakes import Client, client_of, fault

PORT = "99999999-0000-4000-8000-0000000000b1"
PATH = "/v1/nodes/n/vifs"


@pytest.fixture
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n", network_interface="fake"))


def test_the_network_noop_keeps_none(client: Client, parts: Parts) -> None:
    node = parts.store.nodes.create(a_node(name="n", network_interface="noop"))
    parts.store.ports.create(a_port(node, uuid=PORT))
    assert client.post(PATH, json={"id": "vif-1", "any": "thing"}).status_code == 204
    assert client.get(PATH).json() == {"vifs": []}
    assert client.delete(f"{PATH}/vif-1").status_code == 204
    assert parts.store.ports.get(PORT).internal_info == {}


def test_a_life(client: Client, parts: Parts, node: Node) -> None:
    parts.store.ports.create(a_port(node, uuid=PORT, extra={"vif_port_id": "old", "a": 1}))
    assert client.get(PATH).json() == {"vifs": []}
    assert client.post(PATH, json={"id": "vif-1"}).status_code == 204
    assert client.get(PATH).json() == {"vifs": [{"id": "vif-1"}]}
    shown = client.get(f"/v1/ports/{PORT}").json()
    assert shown["internal_info"] == {"tenant_vif_port_id": "vif-1"}
    again = client.post(PATH, json={"id": "vif-1"})
    assert again.status_code == 409
    assert f"already attached to Ironic Port {PORT}" in fault(again)
    full = client.post(PATH, json={"id": "vif-2"})
    assert full.status_code == 400
    assert "not enough free physical ports" in fault(full)
    answer = client.delete(f"{PATH}/vif-2")
    assert (answer.status_code, "is not attached to it" in fault(answer)) == (400, True)
    assert client.delete(f"{PATH}/vif-1").status_code == 204
    port = parts.store.ports.get(PORT)
    assert (port.internal_info, port.extra) == ({}, {"a": 1})


def attach(client: Client, vif: str, **wanted: str) -> int:
    status: int = client.post(PATH, json={"id": vif} | wanted).status_code
    return status


def where(parts: Parts, node: Node) -> dict[str, str]:
    """The name of the port or portgroup that each VIF is attached to."""
    found: list[Port | Portgroup] = [*parts.store.ports.of_node(node.uuid)]
    found += parts.store.portgroups.of_node(node.uuid)
    return {
        part.internal_info["tenant_vif_port_id"]: str(part.name)
        for part in found
        if part.internal_info
    }


def test_the_order(client: Client, parts: Parts, node: Node) -> None:
    """Portgroups first, an empty one never; then ports that boot from the network."""
    bond, empty = a_portgroup(node, name="bond"), a_portgroup(node, name="empty")
    for group in (empty, bond):
        parts.store.portgroups.create(group)
    ports: dict[str, dict[str, Any]] = {
        "other": {"pxe_enabled": False},
        "member": {"portgroup_uuid": bond.uuid},
        "pxe": {},
        "smart": {"is_smartnic": True},  # with no word about where it is
    }
    for number, (name, values) in enumerate(ports.items()):
        address = f"52:54:00:77:00:0{number}"
        parts.store.ports.create(a_port(node, name=name, address=address, **values))
    for vif in ("a", "b", "c"):
        assert attach(client, vif) == 204
    assert attach(client, "d") == 400
    assert where(parts, node) == {"a": "bond", "b": "pxe", "c": "other"}


def test_a_portgroup_with_a_port_in_use(client: Client, parts: Parts, node: Node) -> None:
    """Its other ports are used one by one."""
    bond = parts.store.portgroups.create(a_portgroup(node, name="bond"))
    for number, info in enumerate(({"tenant_vif_port_id": "a"}, {})):
        values: dict[str, Any] = {"portgroup_uuid": bond.uuid, "internal_info": info}
        address = f"52:54:00:77:00:0{number}"
        parts.store.ports.create(a_port(node, name=f"port{number}", address=address, **values))
    assert attach(client, "b") == 204
    assert where(parts, node) == {"a": "port0", "b": "port1"}


def test_a_place_by_name(client: Client, parts: Parts, node: Node) -> None:
    bond = parts.store.portgroups.create(a_portgroup(node, name="bond"))
    member = a_port(node, name="member", portgroup_uuid=bond.uuid)
    port = a_port(node, name="port", address="52:54:00:77:00:02")
    for each in (member, port):
        parts.store.ports.create(each)
    both = {"port_uuid": port.uuid, "portgroup_uuid": bond.uuid}
    assert attach(client, "a", **both) == 400
    assert attach(client, "a", port_uuid=member.uuid) == 400, "it is in a portgroup"
    assert attach(client, "a", port_uuid=port.uuid) == 204
    assert attach(client, "b", portgroup_uuid=bond.uuid) == 204
    assert where(parts, node) == {"a": "port", "b": "bond"}


def test_before_a_place_could_be_named(client: Client, parts: Parts, node: Node) -> None:
    parts.store.ports.create(a_port(node, name="port"))
    body = {"id": "a", "port_uuid": PORT, "portgroup_uuid": PORT}
    assert client_of(parts, "1.66").post(PATH, json=body).status_code == 204
    assert where(parts, node) == {"a": "port"}
    assert client_of(parts, "1.27").get(PATH).status_code == 404


@pytest.mark.parametrize("network", ["neutron", "flat"])
def test_neutron_needs_to_know_the_switch(client: Client, parts: Parts, network: str) -> None:
    node = parts.store.nodes.create(a_node(name="n", network_interface=network))
    parts.store.ports.create(a_port(node))
    assert attach(client, "a") == (400 if network == "neutron" else 204)
    infiniband = a_port(node, address="52:54:00:77:00:02", extra={"client-id": "ff"})
    parts.store.ports.create(infiniband)
    assert attach(client, "b") == 204


@pytest.mark.parametrize("body", [{}, [], {"id": 5}, {"id": "not a name"}])
def test_a_wrong_vif(client: Client, node: Node, body: Any) -> None:
    assert client.post(PATH, json=body).status_code == 400


def test_who_it_is_for(client: Client, parts: Parts, node: Node) -> None:
    assert client.get("/v1/nodes/nobody/vifs").status_code == 404
    assert client.delete(f"{PATH}/not%20a").status_code == 400
    parts.store.nodes.change("n", {"operation": "rescue", "provision_state": "rescuing"})
    assert attach(client, "a") == 409
    assert client.delete(f"{PATH}/a").status_code == 409
    assert client.get(PATH).status_code == 200
