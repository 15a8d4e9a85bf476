"""The DHCP provider `neutron`: the Network service's DHCP tells servers what to boot.

The options are set on the port that a server boots with there (`extra_dhcp_opts`): the one in the
rescuing network, or with the network interface `flat` the instance's, which keeps what else it has.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from stbernard.drivers.base import BootOption, Task
from stbernard.drivers.network.neutron import RESCUING_VIF
from stbernard.errors import InvalidDriverInfo
from stbernard.nodes import Port, ports_for_boot, tenant_vif
from stbernard.openstack.network import NetworkService, PortNotFound
from stbernard.settings import Settings

_TO = {"all": "", "ipxe": "tag:ipxe,", "firmware": "tag:!ipxe,"}
_OURS = re.compile(r"(tag:!?ipxe,)?(60|66|67|150|255)")


class NeutronDHCP:
    tells = True

    def __init__(self, settings: Settings) -> None:
        self._network = NetworkService(settings.neutron)

    def send(self, task: Task, options: Sequence[BootOption]) -> None:
        """Raises NetworkError; InvalidDriverInfo if the server has no port there."""
        told = [_option(f"{_TO[option.to]}{option.number}", option.value) for option in options]
        vifs = _vifs(task)
        if not vifs:
            raise InvalidDriverInfo(
                f"[dhcp]dhcp_provider is 'neutron', but node {task.node.uuid} has no port of the "
                "Network service's to boot with. Give it the network interface 'neutron', or "
                "'flat' and a VIF, or set another DHCP provider."
            )
        for vif in vifs:
            self._network.update_port(vif, {"extra_dhcp_opts": told})

    def forget(self, task: Task) -> None:
        """Raises NetworkError."""
        for vif in _vifs(task):
            with suppress(PortNotFound):
                known = self._network.port(vif)["extra_dhcp_opts"]
                names = (each["opt_name"] for each in known)
                if gone := [_option(name, None) for name in names if _OURS.fullmatch(name)]:
                    self._network.update_port(vif, {"extra_dhcp_opts": gone})


def _vifs(task: Task) -> list[str]:
    found = (_vif(task, port) for port in ports_for_boot(task.ports))
    return [vif for vif in found if vif]


def _vif(task: Task, port: Port) -> str | None:
    rescuing: str | None = port.internal_info.get(RESCUING_VIF)
    return rescuing or (tenant_vif(port) if task.node.network_interface == "flat" else None)


def _option(name: str, value: str | None) -> dict[str, Any]:
    """None deletes it; what is not named stays."""
    return {"opt_name": name, "opt_value": value, "ip_version": 4}
