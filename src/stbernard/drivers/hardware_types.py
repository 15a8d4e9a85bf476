"""Which interfaces a hardware type is made of, as data; importing this loads no driver.

A third party adds a hardware type by an entry point of the group `stbernard.hardware_types` whose
object is a `HardwareType` (docs/adding-a-driver.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass

ENTRY_POINT_GROUP = "stbernard.hardware_types"


@dataclass(frozen=True)
class HardwareType:
    """A kind of server. `interfaces`: for each kind of interface (`nodes.INTERFACES`) the names of
    the implementations it supports, preferred ones first, each with its class as `module:Class`.

    A class is called with the Settings when it is needed for the first time; hardware types and
    kinds that name the same class share the one object."""

    interfaces: Mapping[str, Mapping[str, str]]

    def implementations(self, kind: str) -> Mapping[str, str]:
        """The implementations of one kind: name → class."""
        return self.interfaces.get(kind, {})


_NONE = "stbernard.drivers.none"
_FAKE = "stbernard.drivers.fake:FakeHardware"
_PXE = {
    "ipxe": "stbernard.drivers.netboot.ipxe:IPXEBoot",
    "pxe": "stbernard.drivers.netboot.grub:PXEBoot",
}
_NETBOOT = {
    **_PXE,
    "http-ipxe": "stbernard.drivers.netboot.ipxe:HTTPIPXEBoot",
    "http": "stbernard.drivers.netboot.grub:HTTPBoot",
}
_VIRTUAL_MEDIA = "stbernard.drivers.redfish.virtual_media:RedfishVirtualMedia"
_AGENT = "stbernard.drivers.agent:AgentRescue"
_NETWORKS = {
    "noop": "stbernard.drivers.network.noop:NoopNetwork",
    "flat": "stbernard.drivers.network.flat:FlatNetwork",
    "neutron": "stbernard.drivers.network.neutron:NeutronNetwork",
}

_NONE_AT_ALL: Mapping[str, Mapping[str, str]] = {
    "bios": {"no-bios": f"{_NONE}:NoBIOS"},
    "console": {"no-console": f"{_NONE}:NoConsole"},
    "deploy": {
        "noop": f"{_NONE}:NoDeploy",
        "direct": f"{_NONE}:NoImages",
        "ramdisk": f"{_NONE}:NoImages",
    },
    "firmware": {"no-firmware": f"{_NONE}:NoFirmware"},
    "inspect": {"no-inspect": f"{_NONE}:NoInspect"},
    "raid": {"no-raid": f"{_NONE}:NoRAID"},
    "storage": {"noop": f"{_NONE}:Noop"},
    "vendor": {"no-vendor": f"{_NONE}:NoVendor"},
}
"""The implementations that do nothing, of the kinds that a server can be without."""

_NO_RESCUE = f"{_NONE}:NoRescue"

REDFISH = HardwareType(
    {
        **_NONE_AT_ALL,
        "boot": {**_NETBOOT, "redfish-virtual-media": _VIRTUAL_MEDIA},
        "management": {"redfish": "stbernard.drivers.redfish.management:RedfishManagement"},
        "network": _NETWORKS,
        "power": {"redfish": "stbernard.drivers.redfish.power:RedfishPower"},
        "rescue": {"agent": _AGENT, "no-rescue": _NO_RESCUE},
    }
)

IPMI = HardwareType(
    {
        **_NONE_AT_ALL,
        "boot": _PXE,  # its boot flags cannot say that UEFI is to boot by HTTP
        "management": {"ipmitool": "stbernard.drivers.ipmi.management:IpmitoolManagement"},
        "network": _NETWORKS,
        "power": {"ipmitool": "stbernard.drivers.ipmi.power:IpmitoolPower"},
        "rescue": {"agent": _AGENT, "no-rescue": _NO_RESCUE},
    }
)

FAKE_HARDWARE = HardwareType(
    {
        **{kind: {"fake": _FAKE, **names} for kind, names in _NONE_AT_ALL.items()},
        "boot": {"fake": _FAKE, **_NETBOOT},
        "management": {"fake": _FAKE},
        "network": _NETWORKS,
        "power": {"fake": _FAKE},
        "rescue": {"fake": _FAKE, "agent": _AGENT, "no-rescue": _NO_RESCUE},
        "storage": {"noop": f"{_NONE}:Noop", "fake": _FAKE},
    }
)
