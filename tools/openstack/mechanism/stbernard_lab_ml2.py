"""A mechanism driver of Neutron's for the lab: it is the switch that a server is plugged into.

A port's `local_link_information` names the switch (`switch_info` = `lab`) and, as `port_id`, the
tap of the lab's machine. A network of VLAN n is the bridge `vlan<n>`, where there is one: binding
a port puts the tap into it, unbinding or deleting the port takes it out. Where there is no such
bridge, ports are bound and nothing is moved. On another switch nothing is ever bound, but in a flat
network, which servers are always in: its ports are bound wherever they are.
"""

import subprocess
from pathlib import Path
from typing import Any

from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api
from oslo_log import log

LOG = log.getLogger(__name__)
SWITCH = "lab"
FLAT = "flat"


class LabMechanismDriver(api.MechanismDriver):  # type: ignore[misc]
    def initialize(self) -> None:
        pass

    @property
    def connectivity(self) -> str:
        return str(portbindings.CONNECTIVITY_L2)

    def bind_port(self, context: Any) -> None:
        """Bind it, and plug the server in. Binds nothing if the switch is another one."""
        if context.current[portbindings.VNIC_TYPE] != portbindings.VNIC_BAREMETAL:
            return
        links, segment = _links(context.current), context.segments_to_bind[0]
        if segment[api.NETWORK_TYPE] == FLAT:
            links = []
        elif not links or any(link.get("switch_info") != SWITCH for link in links):
            return
        _plug(links, f"vlan{segment[api.SEGMENTATION_ID]}")
        context.set_binding(segment[api.ID], portbindings.VIF_TYPE_OTHER, {}, status="ACTIVE")

    def update_port_postcommit(self, context: Any) -> None:
        """Pull the plug of a port that has no host any more."""
        if context.original_host and not context.host:
            _unplug(_links(context.original))

    def delete_port_postcommit(self, context: Any) -> None:
        if context.host:
            _unplug(_links(context.current))


def _links(port: Any) -> list[dict[str, str]]:
    links: list[dict[str, str]] = (port[portbindings.PROFILE] or {}).get(
        "local_link_information", []
    )
    return links


def _plug(links: list[dict[str, str]], bridge: str) -> None:
    if not Path("/sys/class/net", bridge).exists():
        return
    for link in links:
        LOG.info("plugging %s into %s", link["port_id"], bridge)
        _ip("link", "set", link["port_id"], "master", bridge, "up")


def _unplug(links: list[dict[str, str]]) -> None:
    for link in links:
        if Path("/sys/class/net", link["port_id"], "master").exists():
            LOG.info("unplugging %s", link["port_id"])
            _ip("link", "set", link["port_id"], "nomaster")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=10)
