"""What the network interfaces `flat` and `neutron` do in a Network service, whichever it is.

A subclass has the fixture `world`."""

import uuid
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from stbernard.drivers.base import BootOption, InternalInfo, Task, VIFsInterface
from stbernard.drivers.dhcp.neutron import NeutronDHCP
from stbernard.drivers.registry import Registry
from stbernard.errors import InvalidDriverInfo, NetworkRefused
from stbernard.nodes import Node, Port, Portgroup
from stbernard.settings import Default, Settings
from tests.factories import a_node, a_port, a_portgroup
from tests.network.world import PHYSICAL_NETWORK, World, unique

LINK = {"switch_id": "00:11:22:33:44:55", "port_id": "tap9", "switch_info": "lab"}
ELSEWHERE = LINK | {"switch_info": "elsewhere"}
MACS = ("52:54:00:99:01:01", "52:54:00:99:01:02")
ENABLED = Default(
    enabled_hardware_types=("fake-hardware",),
    enabled_boot_interfaces=("fake",),
    enabled_network_interfaces=("noop", "flat", "neutron"),
    enabled_rescue_interfaces=("fake", "no-rescue"),
)


def a_server(name: str = "neutron", **values: Any) -> Node:
    return a_node(network_interface=name, instance_uuid=str(uuid.uuid4()), **values)


def a_card(node: Node, number: int = 0, **values: Any) -> Port:
    given = {"address": MACS[number], "local_link_connection": LINK}
    return a_port(node, **(given | {"physical_network": PHYSICAL_NETWORK} | values))


def attached(part: Any, vif: str) -> Any:
    return msgspec.structs.replace(part, internal_info={"tenant_vif_port_id": vif})


def task_of(
    world: World, node: Node, *ports: Port, groups: tuple[Portgroup, ...] = (), **options: Any
) -> Task:
    settings = Settings(default=ENABLED, neutron=replace(world.options, **options))
    return Task(node, ports, settings, Registry(settings).driver_for(node), groups)


def after(task: Task, change: InternalInfo) -> Task:
    """The task of the next step: what was to be saved is saved."""
    ports = tuple(
        msgspec.structs.replace(port, internal_info=change.get(port.uuid, port.internal_info))
        for port in task.ports
    )
    return replace(task, ports=ports)


def options_of(world: World, vif: str) -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = world.port(vif)["extra_dhcp_opts"]
    return options


class NeutronBehaviour:
    @pytest.fixture
    def rescuing(self, world: World) -> str:
        """The rescuing network."""
        return world.network(unique("rescuing"))

    @pytest.fixture
    def tenant(self, world: World) -> str:
        return world.network(unique("tenant"))

    def test_a_rescue(self, world: World, rescuing: str, tenant: str) -> None:
        """Out of the tenant network, into the rescuing network, and all the way back."""
        node = a_server()
        vif = world.vif(tenant, str(node.instance_uuid))
        task = task_of(world, node, attached(a_card(node), vif), rescuing_network=rescuing)
        network = task.driver.network
        network.validate(task)
        network.join_tenant_networks(task)
        before, bound = world.ports(), world.port(vif)
        assert bound["status"] == "ACTIVE"
        assert bound["mac_address"] == MACS[0]
        assert bound["binding:host_id"] == node.uuid
        assert bound["binding:profile"] == {
            "local_link_information": [LINK],
            "physical_network": PHYSICAL_NETWORK,
        }

        network.leave_tenant_networks(task)
        assert world.port(vif)["binding:host_id"] == ""
        assert world.port(vif)["binding:profile"] == {}
        assert world.port(vif)["mac_address"] != MACS[0]

        task = after(task, network.join_rescuing_network(task))
        [info] = [port.internal_info for port in task.ports]
        made = world.port(info["rescuing_vif_port_id"])
        assert info["tenant_vif_port_id"] == vif
        assert made["network_id"] == rescuing
        assert made["status"] == "ACTIVE"
        assert made["device_id"] == node.instance_uuid
        assert made["device_owner"] == "baremetal:none"
        assert made["binding:vnic_type"] == "baremetal"
        assert made["binding:host_id"] == node.uuid
        assert made["mac_address"] == MACS[0]
        assert made["binding:profile"] == bound["binding:profile"]

        task = after(task, network.leave_rescuing_network(task))
        assert task.ports[0].internal_info == {"tenant_vif_port_id": vif}
        network.join_tenant_networks(task)
        assert world.ports() == before
        assert world.port(vif)["mac_address"] == MACS[0]

    def test_the_network_by_name_by_uuid_and_of_the_node(self, world: World, rescuing: str) -> None:
        name, own = unique("named"), unique("own")
        named, of_node = world.network(name), world.network(own)
        for driver_info, option, expected in (
            ({}, rescuing, rescuing),
            ({}, name, named),
            ({"rescuing_network": own}, name, of_node),
            ({"rescuing_network": of_node}, None, of_node),
        ):
            node = a_server(driver_info=driver_info)
            task = task_of(world, node, a_card(node), rescuing_network=option)
            task.driver.network.validate(task)
            task = after(task, task.driver.network.join_rescuing_network(task))
            ident = task.ports[0].internal_info["rescuing_vif_port_id"]
            assert world.port(ident)["network_id"] == expected
            task.driver.network.leave_rescuing_network(task)

    def test_no_network_none_there_and_two(self, world: World) -> None:
        name = unique("twice")
        twins = sorted([world.network(name), world.network(name)])
        node = a_server()
        for wanted, words in (
            (None, "rescuing_network=NETWORK"),
            ("nowhere", "no network 'nowhere'"),
            (str(uuid.uuid4()), "no network"),
            (name, f"2 networks are called '{name}'. Name it by its UUID, one of {twins[0]}, "),
        ):
            task = task_of(world, node, a_card(node), rescuing_network=wanted)
            for ask in (task.driver.network.validate, task.driver.network.join_rescuing_network):
                with pytest.raises(InvalidDriverInfo, match=words):
                    ask(task)
            assert task.driver.network.leave_rescuing_network(task) == {}
        assert world.ports() == {}

    def test_who_is_not_rescued_needs_no_network(self, world: World) -> None:
        node = a_server(rescue_interface="no-rescue")
        task = task_of(world, node, a_card(node))
        task.driver.network.validate(task)

    def test_security_groups(self, world: World, rescuing: str) -> None:
        group, none = world.security_group(unique("rescue")), str(uuid.uuid4())
        node = a_server()
        options: dict[str, Any] = {"rescuing_network": rescuing}
        options |= {"rescuing_network_security_groups": (group,)}
        task = task_of(world, node, a_card(node), **options)
        task.driver.network.validate(task)
        task = after(task, task.driver.network.join_rescuing_network(task))
        ident = task.ports[0].internal_info["rescuing_vif_port_id"]
        assert world.port(ident)["security_groups"] == [group]
        task.driver.network.leave_rescuing_network(task)
        options["rescuing_network_security_groups"] = (group, none)
        task = task_of(world, node, a_card(node), **options)
        with pytest.raises(NetworkRefused, match=f"no security group {none}"):
            task.driver.network.validate(task)

    def test_a_port_that_is_not_bound(self, world: World, rescuing: str) -> None:
        node = a_server()
        card = a_card(node, local_link_connection=ELSEWHERE)
        task = task_of(world, node, card, rescuing_network=rescuing)
        with pytest.raises(NetworkRefused, match=r"could not bind .*binding_failed"):
            task.driver.network.join_rescuing_network(task)
        task.driver.network.leave_rescuing_network(task)
        assert world.ports() == {}
        options: dict[str, Any] = {"fail_on_port_binding_failure": False}
        task = task_of(world, node, card, rescuing_network=rescuing, **options)
        task = after(task, task.driver.network.join_rescuing_network(task))
        task.driver.network.leave_rescuing_network(task)
        assert world.ports() == {}

    def test_which_ports(self, world: World, rescuing: str) -> None:
        node = a_server()
        cards = a_card(node), a_card(node, 1, pxe_enabled=False)
        task = task_of(world, node, *cards, rescuing_network=rescuing)
        assert set(task.driver.network.join_rescuing_network(task)) == {cards[0].uuid}
        task = task_of(world, node, *cards, rescuing_network=rescuing, add_all_ports=True)
        task = after(task, task.driver.network.join_rescuing_network(task))
        assert {port["mac_address"] for port in map(world.port, world.ports())} == set(MACS)
        task.driver.network.leave_rescuing_network(task)
        assert world.ports() == {}
        task = task_of(world, node, cards[1], rescuing_network=rescuing)
        with pytest.raises(NetworkRefused, match="has no port with PXE"):
            task.driver.network.join_rescuing_network(task)

    def test_what_a_try_left_behind(self, world: World, rescuing: str) -> None:
        """A port that got neither MAC address nor owner; one whose UUID was never saved."""
        node = a_server()
        task = task_of(world, node, a_card(node), rescuing_network=rescuing)
        port = {"network_id": rescuing, "device_id": node.instance_uuid}
        assert world.call("POST", "/ports", {"port": port}).ok
        task.driver.network.join_rescuing_network(task)
        task = after(task, task.driver.network.join_rescuing_network(task))
        assert list(world.ports()) == [task.ports[0].internal_info["rescuing_vif_port_id"]]
        task.driver.network.leave_rescuing_network(task)
        task.driver.network.leave_rescuing_network(task)
        assert world.ports() == {}

    def test_the_vif_in_the_rescuing_network_stays(self, world: World, rescuing: str) -> None:
        """Where instances live in the network that ramdisks boot in."""
        node = a_server()
        vif = world.vif(rescuing, str(node.instance_uuid))
        task = task_of(world, node, attached(a_card(node), vif), rescuing_network=rescuing)
        task.driver.network.leave_tenant_networks(task)
        task = after(task, task.driver.network.join_rescuing_network(task))
        task = after(task, task.driver.network.leave_rescuing_network(task))
        assert list(world.ports()) == [vif]

    def test_leaving_a_network_that_has_another_name_now(self, world: World) -> None:
        name = unique("before")
        network, node = world.network(name), a_server()
        task = task_of(world, node, a_card(node), rescuing_network=name)
        task = after(task, task.driver.network.join_rescuing_network(task))
        world.rename(network, unique("after"))
        task.driver.network.leave_rescuing_network(task)
        assert world.ports() == {}

    def test_a_vif_that_its_user_deleted(self, world: World) -> None:
        node = a_server()
        task = task_of(world, node, attached(a_card(node), str(uuid.uuid4())))
        task.driver.network.leave_tenant_networks(task)
        with pytest.raises(NetworkRefused, match=task.ports[0].internal_info["tenant_vif_port_id"]):
            task.driver.network.join_tenant_networks(task)

    def test_a_portgroup(self, world: World, tenant: str) -> None:
        node = a_server()
        group = a_portgroup(
            node, name="bond", address=MACS[0], mode="802.3ad", properties={"miimon": 100}
        )
        links = LINK, LINK | {"port_id": "tap8"}
        cards = [
            a_card(node, number, portgroup_uuid=group.uuid, local_link_connection=link)
            for number, link in enumerate(links)
        ]
        vif = world.vif(tenant, str(node.instance_uuid))
        task = task_of(world, node, *cards, groups=(attached(group, vif),))
        task.driver.network.join_tenant_networks(task)
        assert world.port(vif)["binding:profile"] == {
            "local_link_information": list(links),
            "local_group_information": {
                "id": group.uuid,
                "name": "bond",
                "bond_mode": "802.3ad",
                "bond_properties": {"bond_miimon": 100},
            },
        }
        task.driver.network.leave_tenant_networks(task)

    def test_a_client_id(self, world: World, rescuing: str, tenant: str) -> None:
        node = a_server()
        vif = world.vif(tenant, str(node.instance_uuid))
        card = attached(a_card(node, extra={"client-id": "ff:00:11"}), vif)
        task = task_of(world, node, card, rescuing_network=rescuing)
        task.driver.network.join_tenant_networks(task)
        task.driver.network.leave_tenant_networks(task)
        task = after(task, task.driver.network.join_rescuing_network(task))
        for ident in vif, task.ports[0].internal_info["rescuing_vif_port_id"]:
            [option] = world.port(ident)["extra_dhcp_opts"]
            assert (option["opt_name"], option["opt_value"]) == ("61", "ff:00:11")
        task.driver.network.leave_rescuing_network(task)

    @pytest.mark.parametrize("name", ["neutron", "flat"])
    def test_boot_options(self, world: World, rescuing: str, tenant: str, name: str) -> None:
        """On the port the server boots with; what else that was given stays."""
        node = a_server(name)
        vif = world.vif(tenant, str(node.instance_uuid))
        own = {"opt_name": "61", "opt_value": "ff:00:11"}
        answer = world.call("PUT", f"/ports/{vif}", {"port": {"extra_dhcp_opts": [own]}})
        assert answer.ok, answer.text
        task = task_of(world, node, attached(a_card(node), vif), rescuing_network=rescuing)
        dhcp = NeutronDHCP(task.settings)
        task = after(task, task.driver.network.join_rescuing_network(task))
        url = "http://boot.example/ipxe"
        sent = BootOption(67, "loader.efi", "firmware"), BootOption(67, url, "ipxe")
        dhcp.send(task, (*sent, BootOption(66, "192.0.2.1")))
        dhcp.send(task, sent)
        boots = vif if name == "flat" else task.ports[0].internal_info["rescuing_vif_port_id"]
        seen = {each["opt_name"]: each["opt_value"] for each in options_of(world, boots)}
        assert (seen["tag:!ipxe,67"], seen["tag:ipxe,67"]) == ("loader.efi", url)
        dhcp.forget(task)
        assert [each["opt_name"] for each in options_of(world, vif)] == ["61"]
        assert name == "flat" or options_of(world, boots) == []
        task.driver.network.leave_rescuing_network(task)
        dhcp.forget(task)

    def test_boot_options_for_nobody(self, world: World, tenant: str) -> None:
        """The instance's port is none to boot a ramdisk with, unless in `flat`."""
        node = a_server()
        vif = world.vif(tenant, str(node.instance_uuid))
        task = task_of(world, node, attached(a_card(node), vif))
        with pytest.raises(InvalidDriverInfo, match="no port of the Network service's"):
            NeutronDHCP(task.settings).send(task, [BootOption(67, "loader.efi")])

    def test_attaching_and_detaching(self, world: World, tenant: str) -> None:
        for state, host in (("available", ""), ("active", "node")):
            node = a_server(provision_state=state)
            vif = world.vif(tenant, str(node.instance_uuid))
            task = task_of(world, node, attached(a_card(node), vif))
            network = task.driver.network
            assert isinstance(network, VIFsInterface)
            network.attach_vif(task, vif)
            assert world.port(vif)["mac_address"] == MACS[0]
            assert world.port(vif)["binding:host_id"] == (node.uuid if host else "")
            network.detach_vif(task, vif)
            assert world.port(vif)["mac_address"] != MACS[0]
            assert world.port(vif)["binding:host_id"] == ""

    def test_flat(self, world: World, tenant: str) -> None:
        """The instance's network is the ramdisk's: one port, bound without a switch."""
        node = a_server("flat")
        vif = world.vif(tenant, str(node.instance_uuid))
        task = task_of(world, node, attached(a_card(node), vif))
        network = task.driver.network
        network.validate(task)
        network.leave_tenant_networks(task)
        assert network.join_rescuing_network(task) == {}
        bound = world.port(vif)
        assert (bound["binding:host_id"], bound["mac_address"]) == (node.uuid, MACS[0])
        assert bound["binding:profile"] == {}
        assert network.leave_rescuing_network(task) == {}
        assert world.port(vif)["binding:host_id"] == ""
        network.join_tenant_networks(task)
        assert world.port(vif)["mac_address"] == MACS[0]
        assert list(world.ports()) == [vif]
