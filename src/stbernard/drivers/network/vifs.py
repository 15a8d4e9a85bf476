"""The VIFs of a node's instance: bound to the node's switch ports, and unbound.

What flat and neutron have in common. A VIF is a port of the Network service that a user attached
to a port or portgroup of the node.
"""

from typing import Any, ClassVar

from stbernard.drivers.base import Task
from stbernard.drivers.none import Noop
from stbernard.nodes import Node, Port, Portgroup, tenant_vif
from stbernard.openstack.network import NetworkService, PortNotFound
from stbernard.settings import Settings

VNIC_TYPE = {"binding:vnic_type": "baremetal"}
UNBOUND: dict[str, Any] = {"binding:host_id": "", "binding:profile": {}}
_IN_TENANT_NETWORKS = ("active", "rescue")
CLIENT_ID = "61"  # the number of the DHCP option


class VIFs(Noop):
    """Binds and unbinds; `with_profile`: whether the Network service is told the switch ports."""

    moves = True
    with_profile: ClassVar[bool]

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.network = NetworkService(settings.neutron)

    def leave_tenant_networks(self, task: Task) -> None:
        for vif in map(tenant_vif, task.parts):
            if vif:
                self.detach_vif(task, vif)

    def join_tenant_networks(self, task: Task) -> None:
        for part in task.parts:
            if vif := tenant_vif(part):
                self._bind(task, part, vif)

    def attach_vif(self, task: Task, vif: str) -> None:
        """Bound at once if there is an instance that runs; else its MAC address is set, as the
        instance is told its addresses before it is bound."""
        part = next(part for part in task.parts if tenant_vif(part) == vif)
        if task.node.provision_state in _IN_TENANT_NETWORKS:
            self._bind(task, part, vif)
        elif part.address:
            self.network.update_port(vif, {"mac_address": part.address})

    def detach_vif(self, task: Task, vif: str) -> None:
        try:
            self.network.update_port(vif, UNBOUND)
            # on its own: the MAC address of a port that is bound still cannot be changed
            self.network.update_port(vif, {"mac_address": None})
        except PortNotFound:
            pass  # the user deleted it

    def _bind(self, task: Task, part: Port | Portgroup, vif: str) -> None:
        values: dict[str, Any] = {**VNIC_TYPE, "binding:host_id": task.node.uuid}
        if part.address:
            values["mac_address"] = part.address
        if self.with_profile:
            values["binding:profile"] = profile(task, part)
            values |= client_id(part)
        self.network.update_port(vif, values)


def profile(task: Task, part: Port | Portgroup) -> dict[str, Any]:
    """Where the port, or each member of the portgroup, is plugged in."""
    members = [port for port in task.ports if part.uuid in (port.uuid, port.portgroup_uuid)]
    links = [port.local_link_connection for port in members]
    found: dict[str, Any] = {"local_link_information": links}
    if part.physical_network:
        found["physical_network"] = part.physical_network
    if isinstance(part, Portgroup):
        found["local_group_information"] = {
            "id": part.uuid,
            "name": part.name,
            "bond_mode": part.mode,
            "bond_properties": {_bond(key): value for key, value in part.properties.items()},
        }
    return found


def client_id(part: Port | Portgroup) -> dict[str, Any]:
    """The DHCP client identifier of a card that has one (InfiniBand)."""
    ident = part.extra.get("client-id")
    if not isinstance(part, Port) or not ident:
        return {}
    return {"extra_dhcp_opts": [{"opt_name": CLIENT_ID, "opt_value": ident}]}


def device(node: Node) -> str:
    """Whose the ports in the rescuing network are."""
    return node.instance_uuid or node.uuid


def _bond(key: str) -> str:
    return key if key.startswith("bond") else f"bond_{key}"
