"""The network interface `neutron`: the switch moves the server to the rescuing network and back.

Each of the server's ports gets a port of its own there, made in two calls: as Neutron's policies
have it, what says where it is plugged in is set on a port that exists.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from stbernard.drivers.base import InternalInfo, NetworkInterface, Task
from stbernard.drivers.network.vifs import VNIC_TYPE, VIFs, client_id, device, profile
from stbernard.errors import InvalidDriverInfo, NetworkRefused
from stbernard.nodes import Port, ports_for_boot, tenant_vif

RESCUING_VIF = "rescuing_vif_port_id"
OWNER = "baremetal:none"
_BOUND_OTHERWISE = ("binding_failed", "unbound")


class NeutronNetwork(VIFs):
    with_profile = True

    def properties(self) -> Mapping[str, str]:
        return {
            "rescuing_network": "UUID or name of the network that the rescue ramdisk boots in; "
            "by default [neutron]rescuing_network."
        }

    def validate(self, task: Task) -> None:
        """Finds the rescuing network and its security groups. Raises InvalidDriverInfo,
        NetworkError."""
        if task.node.rescue_interface == "no-rescue":
            return
        self._rescuing_network(task)
        wanted = task.settings.neutron.rescuing_network_security_groups
        found = {group["id"] for group in self.network.security_groups(wanted)} if wanted else set()
        if missing := [group for group in wanted if group not in found]:
            raise NetworkRefused(
                "[neutron]rescuing_network_security_groups: the Network service has no security "
                f"group {', '.join(missing)}, or does not show it to this service's user."
            )

    def join_rescuing_network(self, task: Task) -> InternalInfo:
        """Anew if there are ports already: of a rescue before, or of a try that was cut off.

        What is made before an error is found and deleted by `leave_rescuing_network`."""
        network = self._rescuing_network(task)
        self._delete_ports(task, network)
        return {
            port.uuid: port.internal_info | {RESCUING_VIF: self._make_port(task, port, network)}
            for port in _ports(task)
        }

    def leave_rescuing_network(self, task: Task) -> InternalInfo:
        known = {port.uuid: port for port in task.ports if RESCUING_VIF in port.internal_info}
        for port in known.values():  # also if the network is not named, or named anew, since
            self.network.delete_port(port.internal_info[RESCUING_VIF])
        with suppress(InvalidDriverInfo):
            self._delete_ports(task, self._rescuing_network(task))
        return {uuid: _without(port.internal_info, RESCUING_VIF) for uuid, port in known.items()}

    def _rescuing_network(self, task: Task) -> str:
        """The UUID of the network. Raises InvalidDriverInfo."""
        own = task.node.driver_info.get("rescuing_network")
        where = "driver_info['rescuing_network']" if own else "[neutron]rescuing_network"
        wanted = own or task.settings.neutron.rescuing_network
        if not wanted:
            raise InvalidDriverInfo(
                f"Node {task.node.uuid} has the network interface 'neutron' and no rescuing "
                "network. Name one: openstack baremetal node set --driver-info "
                "rescuing_network=NETWORK, or [neutron]rescuing_network."
            )
        found = self.network.networks(id=wanted) or self.network.networks(name=wanted)
        if not found:
            raise InvalidDriverInfo(
                f"{where} of node {task.node.uuid}: the Network service has no network "
                f"'{wanted}', or does not show it to this service's user. "
                "See: openstack network list"
            )
        if len(found) > 1:
            idents = ", ".join(sorted(network["id"] for network in found))
            raise InvalidDriverInfo(
                f"{where} of node {task.node.uuid}: {len(found)} networks are called '{wanted}'. "
                f"Name it by its UUID, one of {idents}."
            )
        return str(found[0]["id"])

    def _make_port(self, task: Task, port: Port, network: str) -> str:
        values: dict[str, Any] = {
            **VNIC_TYPE,
            "network_id": network,
            "admin_state_up": True,
            "device_id": device(task.node),
            **client_id(port),
        }
        if groups := task.settings.neutron.rescuing_network_security_groups:
            values["security_groups"] = list(groups)
        made = self.network.create_port(**values)
        bound = self.network.update_port(
            made["id"],
            {
                "binding:host_id": task.node.uuid,
                "device_owner": OWNER,
                "mac_address": port.address,
                "binding:profile": profile(task, port),
            },
        )
        if task.settings.neutron.fail_on_port_binding_failure:
            self._check_bound(task, port, network, bound)
        return str(made["id"])

    def _check_bound(self, task: Task, port: Port, network: str, seen: Mapping[str, Any]) -> None:
        if seen["status"] != "ACTIVE":
            seen = self.network.port(seen["id"])
        if seen["binding:vif_type"] in _BOUND_OTHERWISE:
            raise NetworkRefused(
                f"The Network service could not bind a port for {port.address} in the rescuing "
                f"network {network} ({seen['binding:vif_type']}). Check local_link_connection "
                f"of port {port.uuid} ({port.local_link_connection}) and that a mechanism driver "
                "for ports of vnic_type baremetal serves this switch; Neutron's log says more."
            )

    def _delete_ports(self, task: Task, network: str) -> None:
        """All that this service made for this node there, also one that has no MAC address yet."""
        users = {tenant_vif(part) for part in task.parts}
        macs = [port.address for port in task.ports]
        found = self.network.ports(network_id=network, mac_address=macs) if macs else []
        found += self.network.ports(network_id=network, device_id=device(task.node))
        owned = {port["id"] for port in found if port["device_owner"] in ("", OWNER)}
        for ident in owned - users:
            self.network.delete_port(ident)


def _ports(task: Task) -> tuple[Port, ...]:
    """Those that are to be in the rescuing network. Raises NetworkRefused if there is none."""
    ports = task.ports if task.settings.neutron.add_all_ports else ports_for_boot(task.ports)
    if not ports:
        raise NetworkRefused(
            f"Node {task.node.uuid} has no port with PXE, so none can be put into the rescuing "
            "network. Set one: openstack baremetal port set --pxe-enabled PORT, or set "
            "[neutron]add_all_ports."
        )
    return ports


def _without(info: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in info.items() if name != key}


_IS_ONE: type[NetworkInterface] = NeutronNetwork
