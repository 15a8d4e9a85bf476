"""What a node and its parts are: frozen types, no I/O. Other records are in records.py.

Names and meanings are Ironic's (contract: the Bare Metal API v1, microversion 1.115). Times are
seconds since the epoch (UTC).
"""

import hashlib
import secrets
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypedDict

import msgspec

INTERFACES = (
    "bios",
    "boot",
    "console",
    "deploy",
    "firmware",
    "inspect",
    "management",
    "network",
    "power",
    "raid",
    "rescue",
    "storage",
    "vendor",
)
"""The interface types of a node, each with a field `<type>_interface`."""


class Power(StrEnum):
    """Power states, and what a client may ask for (`PUT …/states/power`)."""

    ON = "power on"
    OFF = "power off"
    REBOOT = "rebooting"
    SOFT_OFF = "soft power off"
    SOFT_REBOOT = "soft rebooting"
    ERROR = "error"


class BootDevice(msgspec.Struct, frozen=True):
    """Where a server boots from next (`persistent`: at every boot; else once)."""

    device: str | None
    persistent: bool | None


class Indicator(msgspec.Struct, frozen=True):
    """An LED of a server, and what it can be made to show."""

    readonly: bool
    states: tuple[str, ...]


class HowItWas(msgspec.Struct, frozen=True, kw_only=True):
    """The server as it was before a rescue: what unrescue, and every undo, goes back to."""

    power_state: str
    boot_device: str | None = None
    persistent: bool | None = None
    boot_mode: str | None = None
    medium: str | None = None  # the URL of what was in the drive that the rescue needs


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How a rescued server is reached: the addresses and ssh host key its agent reported.

    `seen_at`: those of the addresses where this host has seen its ssh in the rescue;
    `silent_since`: when it was first noticed that it answers there no more; `started_at`: when it
    began to boot last, as the BMC told (by its clock) when the login was proven. After the unrescue
    it says where to look for the instance."""

    addresses: tuple[str, ...] = ()
    ssh_host_key: str | None = None
    seen_at: tuple[str, ...] = ()
    silent_since: float | None = None
    started_at: float | None = None


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the agent in the running ramdisk; all None before its first call.

    `token` is what the service shows the agent; what the agent shows is compared by `token_hash`.
    """

    token: str | None = None
    token_hash: str | None = None
    url: str | None = None
    verify_ca: str | None = None
    version: str | None = None
    last_heartbeat: float | None = None


def new_agent_token() -> str:
    """A secret that an agent and the service share; 43 characters, as Ironic's."""
    return secrets.token_urlsafe(32)


def agent_with(token: str) -> Agent:
    """One that has been given this token, and not called yet."""
    return Agent(token=token, token_hash=hash_of_token(token))


def hash_of_token(token: str) -> str:
    """Without salt and key: nobody tries all of 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What everything that is kept in a table of its own has; `id` is the store's."""

    id: int = 0
    uuid: str
    created_at: float
    updated_at: float | None = None


class Part(Record, frozen=True, kw_only=True):
    """What belongs to a node."""

    node_uuid: str


class Port(Part, frozen=True, kw_only=True):
    """A network card of a node, known by its MAC address."""

    address: str
    extra: dict[str, Any] = {}
    internal_info: dict[str, Any] = {}
    local_link_connection: dict[str, Any] = {}
    portgroup_uuid: str | None = None
    pxe_enabled: bool = True
    physical_network: str | None = None
    is_smartnic: bool = False
    name: str | None = None
    description: str | None = None
    vendor: str | None = None
    category: str | None = None
    available_for_dynamic_portgroup: bool = True


class Portgroup(Part, frozen=True, kw_only=True):
    """Ports of a node that work as one: a bond. `mode` and `properties` are the kernel's."""

    name: str | None = None
    address: str | None = None
    extra: dict[str, Any] = {}
    internal_info: dict[str, Any] = {}
    standalone_ports_supported: bool = True
    mode: str = "active-backup"
    properties: dict[str, Any] = {}
    physical_network: str | None = None
    category: str | None = None
    dynamic_portgroup: bool = False


class VolumeConnector(Part, frozen=True, kw_only=True):
    """How a node reaches its remote volumes: an iSCSI name, an IP or a WWN (`type`)."""

    type: str
    connector_id: str
    extra: dict[str, Any] = {}


class VolumeTarget(Part, frozen=True, kw_only=True):
    """A remote volume of a node; the one with `boot_index` 0 is booted from."""

    volume_type: str
    volume_id: str
    boot_index: int
    properties: dict[str, Any] = {}
    extra: dict[str, Any] = {}


class Node(Record, frozen=True, kw_only=True):
    """A server. The first half is the contract's, the second the engine's own."""

    name: str | None = None

    driver: str
    driver_info: dict[str, Any] = {}
    driver_internal_info: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    instance_info: dict[str, Any] = {}
    instance_uuid: str | None = None
    instance_name: str | None = None
    network_data: dict[str, Any] = {}

    bios_interface: str | None = None
    boot_interface: str | None = None
    console_interface: str | None = None
    deploy_interface: str | None = None
    firmware_interface: str | None = None
    inspect_interface: str | None = None
    management_interface: str | None = None
    network_interface: str | None = None
    power_interface: str | None = None
    raid_interface: str | None = None
    rescue_interface: str | None = None
    storage_interface: str | None = None
    vendor_interface: str | None = None

    resource_class: str | None = None
    conductor_group: str = ""
    traits: tuple[str, ...] = ()
    allocation_uuid: str | None = None
    chassis_uuid: str | None = None
    parent_node: str | None = None
    owner: str | None = None
    lessee: str | None = None
    shard: str | None = None
    description: str | None = None
    automated_clean: bool | None = None
    protected: bool = False
    protected_reason: str | None = None
    retired: bool = False
    retired_reason: str | None = None
    disable_power_off: bool = False
    console_enabled: bool = False

    power_state: str | None = None
    target_power_state: str | None = None
    provision_state: str = "enroll"
    target_provision_state: str | None = None
    provision_updated_at: float | None = None
    boot_mode: str | None = None
    secure_boot: bool | None = None
    raid_config: dict[str, Any] = {}
    target_raid_config: dict[str, Any] = {}
    clean_step: dict[str, Any] = {}
    deploy_step: dict[str, Any] = {}
    service_step: dict[str, Any] = {}
    inspection_started_at: float | None = None
    inspection_finished_at: float | None = None
    last_error: str | None = None
    fault: str | None = None
    maintenance: bool = False
    maintenance_reason: str | None = None

    agent: Agent = Agent()
    before_rescue: HowItWas | None = None
    login: Login | None = None

    # The engine's: which operation holds the node, where it is, who works on it.
    operation: str | None = None
    operation_id: str | None = None  # of one run in the journal: the id of the request for it
    arguments: dict[str, Any] = {}  # what the request asked for; may hold a hash, never shown
    step: str | None = None
    attempt: int = 0
    undoing: bool = False
    failure: str | None = None  # why the operation is being undone
    not_restored: tuple[str, ...] = ()  # the undos that failed for good
    started_at: float | None = None  # when the step started
    due_at: float | None = None  # when a worker is to look at it
    deadline: float | None = None  # when the step has failed; None: never
    operation_deadline: float | None = None  # when the operation as a whole has; None: never
    lease_owner: str | None = None
    lease_until: float | None = None
    fence: int = 0  # grows with every claim; a write under an older one is lost
    wakeups: int = 0  # grows with every event (heartbeat …)

    @property
    def ends_by(self) -> float | None:
        """When time runs out: the step's, or the operation's if it is over first.

        What is undone has only the time of its steps: it is too late for the whole already."""
        whole = None if self.undoing else self.operation_deadline
        return min((at for at in (self.deadline, whole) if at is not None), default=None)

    def interface(self, kind: str) -> str | None:
        """The name of the interface of this kind, e.g. `interface("power")` → `redfish`."""
        value: str | None = getattr(self, f"{kind}_interface")
        return value


AUTOMATIC_LESSEE = "automatic_lessee"
"""In driver_internal_info, as in Ironic's: the lessee goes with the instance."""


class Changes(TypedDict, total=False):
    """The fields an operation's step may set (see `operations.outcome`)."""

    power_state: str | None
    target_power_state: str | None
    boot_mode: str | None
    secure_boot: bool | None
    driver_internal_info: dict[str, Any]
    properties: dict[str, Any]
    instance_info: dict[str, Any]
    instance_uuid: str | None
    instance_name: str | None
    allocation_uuid: str | None
    lessee: str | None
    raid_config: dict[str, Any]
    target_raid_config: dict[str, Any]
    console_enabled: bool
    clean_step: dict[str, Any]
    deploy_step: dict[str, Any]
    service_step: dict[str, Any]
    inspection_started_at: float | None
    inspection_finished_at: float | None
    maintenance: bool
    maintenance_reason: str | None
    fault: str | None
    agent: Agent
    before_rescue: HowItWas | None
    login: Login | None
    arguments: dict[str, Any]
    internal_info: Mapping[
        str, dict[str, Any]
    ]  # not the node's: its ports' and portgroups', by uuid
    volume_targets: tuple[()]  # not the node's: none are left of it


def ports_for_boot(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """The ports a node may boot from over the network."""
    return tuple(port for port in ports if port.pxe_enabled)


_VIFS = ("cleaning", "provisioning", "rescuing", "inspection", "servicing", "tenant")


TENANT_VIF = "tenant_vif_port_id"


def tenant_vif(part: Port | Portgroup) -> str | None:
    """The network port (VIF) that a user attached to this one."""
    vif: str | None = part.internal_info.get(TENANT_VIF)
    return vif


def without_vif(part: Port | Portgroup) -> dict[str, Any]:
    """Its internal_info when that is detached."""
    return {key: value for key, value in part.internal_info.items() if key != TENANT_VIF}


def current_vif(part: Port | Portgroup) -> str | None:
    """The network port (VIF) that is in use: the service's own before a user's."""
    kept = (part.internal_info.get(f"{network}_vif_port_id") for network in _VIFS)
    return next((vif for vif in kept if vif), None)


def without_secrets(info: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a driver_info-like object with every password, token and secret as `******`.

    At any depth. Keys as Ironic masks them (oslo.utils `mask_dict_password`, and SNMP's keys)."""
    return {
        key: "******" if is_secret(key) else _without_secrets(value) for key, value in info.items()
    }


INSTANCE_SECRETS = ("configdrive", "image_url")
"""What instance_info has besides that must not be seen: the one holds passwords and keys, the other
may be a URL that lets everybody have the image."""

_SECRETS = ("password", "passwd", "passphrase", "secret", "token", "private_key", "sslkey")
_SECRETS_TOO = ("new_pass", "admin_pass", "adminpass", "sys_pswd", "snmp_auth_key", "snmp_priv_key")


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return without_secrets(value)
    return [_without_secrets(entry) for entry in value] if isinstance(value, list) else value


@lru_cache(maxsize=4096)  # the same few keys in all nodes
def is_secret(key: str) -> bool:
    """Whether what has this key is a password, a token or the like."""
    return any(word in key.lower() for word in (*_SECRETS, *_SECRETS_TOO))
