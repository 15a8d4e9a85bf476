"""What came with which microversion, as one table, and the negotiation of the version.

Each number is the minor version (1.N) that brought the thing; what is not listed is as old as the
API. Source: Ironic's `versions.py` and REST API version history.
"""

import re
from collections.abc import Iterable, Mapping

from stbernard.errors import NotAcceptable

MINIMUM, MAXIMUM = 1, 115

_HARDWARE_INTERFACES = ("boot", "console", "deploy", "inspect", "management", "power", "raid")

SINCE: Mapping[str, Mapping[str, int]] = {
    "node field": {
        "driver_internal_info": 3,
        "name": 5,
        "inspection_finished_at": 6,
        "inspection_started_at": 6,
        "clean_step": 7,
        "raid_config": 12,
        "target_raid_config": 12,
        "states": 14,
        "network_interface": 20,
        "resource_class": 21,
        "portgroups": 24,
        **{f"{kind}_interface": 31 for kind in (*_HARDWARE_INTERFACES, "vendor")},
        "volume": 32,
        "storage_interface": 33,
        "traits": 37,
        "rescue_interface": 38,
        "bios_interface": 40,
        "fault": 42,
        "deploy_step": 44,
        "conductor_group": 46,
        "automated_clean": 47,
        "protected": 48,
        "protected_reason": 48,
        "conductor": 49,
        "owner": 50,
        "description": 51,
        "allocation_uuid": 52,
        "retired": 61,
        "retired_reason": 61,
        "lessee": 65,
        "network_data": 66,
        "boot_mode": 75,
        "secure_boot": 75,
        "shard": 82,
        "parent_node": 83,
        "firmware_interface": 86,
        "service_step": 87,
        "disable_power_off": 95,
        "instance_name": 104,
        "health": 109,
    },
    "node states field": {
        "raid_config": 12,
        "target_raid_config": 12,
        "boot_mode": 75,
        "secure_boot": 75,
    },
    "node filter": {
        "provision_state": 9,
        "driver": 16,
        "resource_class": 21,
        "fault": 42,
        "conductor_group": 46,
        "conductor": 49,
        "owner": 50,
        "lessee": 65,
        "shard": 82,
        "sharded": 82,
        "parent_node": 83,
        "include_children": 83,
        "instance_name": 104,
    },
    "list query": {"fields": 8, "detail": 43},
    "volume query": {"detail": 32},
    "node query": {"reset_interfaces": 45},
    "allocation field": {"owner": 60},
    "allocation filter": {"owner": 60},
    "port field": {
        "internal_info": 18,
        "pxe_enabled": 19,
        "local_link_connection": 19,
        "portgroup_uuid": 24,
        "physical_network": 34,
        "is_smartnic": 53,
        "name": 88,
        "node_ident": 94,
        "description": 97,
        "vendor": 100,
        "category": 101,
        "available_for_dynamic_portgroup": 111,
    },
    "deploy template field": {},
    "runbook field": {"description": 112, "traits": 112},
    "inspection rule field": {},
    "port filter": {"portgroup": 24, "shard": 82},
    "port link": {
        "network_type": 64,
        "vtep-logical-switch": 90,
        "vtep-physical-switch": 90,
    },
    "portgroup field": {
        "mode": 26,
        "properties": 26,
        "physical_network": 102,
        "category": 103,
        "dynamic_portgroup": 111,
    },
    "portgroup filter": {"shard": 106},
    "driver field": {
        "raid": 12,
        "properties": 14,
        "type": 30,
        **{
            f"{word}_interface{plural}": since
            for kind, since in (
                *((kind, 30) for kind in (*_HARDWARE_INTERFACES, "vendor", "network")),
                ("storage", 33),
                ("rescue", 38),
                ("bios", 40),
                ("firmware", 86),
            )
            for word, plural in ((f"default_{kind}", ""), (f"enabled_{kind}", "s"))
        },
    },
    "driver query": {"type": 30, "detail": 30, "fields": 77},
    "verb": {
        "manage": 4,
        "provide": 4,
        "inspect": 6,
        "abort": 13,
        "clean": 15,
        "adopt": 17,
        "rescue": 38,
        "unrescue": 38,
        "deploy": 73,
        "undeploy": 73,
        "unhold": 85,
        "service": 87,
    },
    "provision argument": {
        "clean_steps": 15,
        "configdrive": 1,
        "deploy_steps": 69,
        "service_steps": 87,
        "runbook": 92,
    },
    "disable_ramdisk": {"clean": 70, "service": 108},
    "configdrive with": {"active": 1, "rebuild": 35},
    "configdrive part": {"configdrive": 56, "vendor_data": 59},
    "abort in state": {"inspect wait": 41, "wait call-back": 110},
    "power": {"soft power off": 27, "soft rebooting": 27, "timeout": 27},
    "heartbeat field": {
        "agent_version": 36,
        "agent_verify_ca": 68,
        "agent_status": 72,
        "agent_status_message": 72,
    },
    "lookup": {"agent_token": 62},
    "history field": {
        "project": 113,
        "state": 115,
        "target_provision_state": 115,
        "duration_seconds": 115,
    },
    "resource": {
        "portgroups": 23,
        "volume": 32,
        "lookup": 22,
        "heartbeat": 22,
        "conductors": 49,
        "allocations": 52,
        "events": 54,
        "deploy_templates": 55,
        "shards": 82,
        "runbooks": 92,
        "inspection_rules": 96,
        "continue_inspection": 84,
    },
    "node resource": {
        "states/raid": 12,
        "portgroups": 24,
        "vifs": 28,
        "management/inject_nmi": 29,
        "volume": 32,
        "traits": 37,
        "bios": 40,
        "allocation": 52,
        "management/indicators": 63,
        "states/boot_mode": 76,
        "states/secure_boot": 76,
        "history": 78,
        "inventory": 81,
        "children": 83,
        "firmware": 86,
        "vmedia": 89,
    },
    "runbook resource": {"traits": 112},
    "behaviour": {
        "available has a name": 2,
        "names": 5,
        "free names": 10,
        "new is enroll": 11,
        "inspect wait has a name": 39,
        "allocations are patched": 57,
        "allocations are backfilled": 58,
        "BIOS settings have details": 74,
        "firmware has an identity": 114,
        "chassis can be left": 25,
        "vifs choose their port": 67,
        "portgroups have one network": 102,
    },
}

_HEADER = "X-OpenStack-Ironic-API-Version"
_NUMBER = re.compile(r"([1-9]\d{0,4}|0)\.([1-9]\d{0,4}|0)", re.ASCII)


class Version(int):
    """The minor part of a version; `allows` looks things up in the table.

    What is not in it is as old as the API."""

    def __str__(self) -> str:
        return f"1.{int(self)}"

    def allows(self, kind: str, name: str) -> bool:
        return self >= SINCE.get(kind, {}).get(name, MINIMUM)

    def require(self, kind: str, names: Iterable[str]) -> None:
        """Raises NotAcceptable if one of these came later."""
        if not all(self.allows(kind, name) for name in names):
            raise NotAcceptable


LATEST = Version(MAXIMUM)


def asked(headers: Mapping[str, str]) -> str | None:
    """The version a client names: by the standard header, else by Ironic's own."""
    for service in headers.get("openstack-api-version", "").split(","):
        words = service.split()
        if words[:1] == ["baremetal"]:
            return words[1] if len(words) == 2 else ""  # noqa: PLR2004 (service and version)
    return headers.get(_HEADER.lower())


def negotiate(headers: Mapping[str, str]) -> Version:
    """The version to serve: what is asked for, 1.1 without a word. Raises NotAcceptable."""
    text = asked(headers)
    if text is None:
        return Version(MINIMUM)
    if text.lower() == "latest":
        return LATEST
    number = _NUMBER.fullmatch(text.strip())
    if not number:
        raise NotAcceptable(f"Invalid value for {_HEADER} header")
    supported = f"The supported version range is: [1.{MINIMUM}, 1.{MAXIMUM}]."
    if number[1] != "1":
        raise NotAcceptable(
            f"Mutually exclusive versions requested. Version {number[0]} requested but not "
            f"supported by this service. {supported}"
        )
    if not MINIMUM <= int(number[2]) <= MAXIMUM:
        raise NotAcceptable(
            f"Version {number[0]} was requested but the minor version is not supported by this "
            f"service. {supported}"
        )
    return Version(int(number[2]))
