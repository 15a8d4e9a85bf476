"""What the real Neutron answers to the calls that matter here: recorded.json."""

from pathlib import Path
from typing import Any

from tests.network.world import World, unique
from tests.recording import Recording

_NODE = "99999999-0000-4000-8000-0000000000a1"
_MACS = ("52:54:00:99:00:01", "52:54:00:99:00:02")
_LINK = {"switch_id": "00:11:22:33:44:55", "port_id": "tap9", "switch_info": "lab"}
NEUTRON = Recording(
    Path(__file__).with_name("recorded.json"),
    fading={
        "project_id": "PROJECT",
        "tenant_id": "PROJECT",
        "revision_number": 1,
        "fixed_ips": [],
        "provider:segmentation_id": 100,
    },
    patterns={r"fa:16:3e(:[0-9a-f]{2}){3}": "MAC"},
    kept=(_NODE,),
)


def check(world: World) -> None:
    """Make the calls, and compare."""
    name = unique("recorded")
    network = world.network(name)
    vif: dict[str, Any] = {"binding:host_id": _NODE, "mac_address": _MACS[0]}
    vif |= {"binding:profile": {"local_link_information": [_LINK]}}
    elsewhere = {"local_link_information": [_LINK | {"switch_info": "elsewhere"}]}
    made = world.call("POST", "/ports", {"port": _port(network)})
    path = f"/ports/{made.json()['port']['id']}"
    other = f"/ports/{world.call('POST', '/ports', {'port': _port(network)}).json()['port']['id']}"
    answers = {
        "create a port": made,
        "bind a port": world.call("PUT", path, {"port": vif}),
        "change the MAC of a bound port": world.call(
            "PUT", path, {"port": {"mac_address": _MACS[1]}}
        ),
        "unbind and change the MAC at once": world.call(
            "PUT", path, {"port": {"binding:host_id": "", "mac_address": None}}
        ),
        "take a MAC that is taken": world.call("PUT", other, {"port": {"mac_address": _MACS[0]}}),
        "bind a port elsewhere": world.call(
            "PUT", other, {"port": {"binding:host_id": _NODE, "binding:profile": elsewhere}}
        ),
        "unbind a port": world.call(
            "PUT", path, {"port": {"binding:host_id": "", "binding:profile": {}}}
        ),
        "find a network": world.call("GET", f"/networks?name={name}"),
        "delete a port": world.call("DELETE", path),
        "delete it again": world.call("DELETE", path),
        "show a port that is gone": world.call("GET", path),
        "create a port in no network": world.call("POST", "/ports", {"port": _port(_NODE)}),
    }
    world.delete(other)
    NEUTRON.check(answers, (name,))


def _port(network: str) -> dict[str, Any]:
    return {"network_id": network, "binding:vnic_type": "baremetal", "device_id": _NODE}
