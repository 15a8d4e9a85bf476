"""JSON patches (RFC 6902) of nodes: what may be changed, when, and to what."""

from collections.abc import Mapping
from typing import Any

from stbernard.api import network_data, schemas
from stbernard.api.call import Call, as_uuid, is_name
from stbernard.api.patches import patched, root, steps
from stbernard.errors import BadRequest, Conflict, InvalidParameter, NotAcceptable
from stbernard.nodes import INTERFACES, Node
from stbernard.operations.machine import CHANGEABLE_WITH_TARGET, INTERFACES_CHANGEABLE, State
from stbernard.operations.tasks import Drivers

PATCHABLE = (
    *("automated_clean", "bios_interface", "boot_interface", "chassis_uuid", "conductor_group"),
    *("console_interface", "deploy_interface", "description", "disable_power_off", "driver"),
    *("driver_info", "extra", "inspect_interface", "instance_info", "instance_name"),
    *("instance_uuid", "lessee", "maintenance", "management_interface", "name", "network_data"),
    *("network_interface", "owner", "power_interface", "properties", "protected"),
    *("protected_reason", "raid_interface", "rescue_interface", "resource_class", "retired"),
    *("retired_reason", "shard", "storage_interface", "vendor_interface", "parent_node"),
    "firmware_interface",
)
_OBJECTS = ("driver_info", "extra", "instance_info", "network_data", "properties")
_FLAGS = ("disable_power_off", "maintenance", "protected", "retired")
_RESERVED = ("detail", "maintenance", "management", "ports", "states", "validate", "history")
_RESERVED_TOO = ("portgroups", "vifs", "volume", "traits", "bios", "allocation", "inventory")


def changes(node: Node, call: Call, drivers: Drivers, *, reset_interfaces: bool) -> dict[str, Any]:
    """The fields that the patch of a request changes, with what follows from them.

    Raises NotAcceptable, InvalidParameter, BadRequest, Conflict."""
    wanted = steps(call, PATCHABLE)
    call.version.require("node field", {root(step) for step in wanted})
    if reset_interfaces and not any(root(step) == "driver" for step in wanted):
        raise BadRequest(
            "The reset_interfaces parameter can only be used when changing the node's driver."
        )
    freed = node.maintenance and wanted == [{"op": "remove", "path": "/instance_uuid"}]
    moves = node.target_provision_state and node.provision_state not in CHANGEABLE_WITH_TARGET
    if moves and not freed:
        raise Conflict(
            f"Node {node.uuid} can not be updated while a state transition is in progress."
        )
    inspected = node.provision_state == State.INSPECTING
    if inspected and call.version.allows("behaviour", "inspect wait has a name"):
        raise Conflict(
            f'Cannot update node "{node.uuid}" while it is in state "{node.provision_state}".'
        )
    if any(step["path"] == "/name" and step.get("value", "") is None for step in wanted):
        raise BadRequest(f"Node {node.uuid}: Cannot change name to invalid name 'None'. Remove it.")
    document = patched({name: getattr(node, name) for name in PATCHABLE}, wanted)
    checked = schemas.check("patch", document, schemas.NODE_PATCH, required=("driver",))
    values = read({name: checked.get(name) for name in PATCHABLE}, call)
    changed = {name: value for name, value in values.items() if value != getattr(node, name)}
    if node.chassis_uuid and changed.get("chassis_uuid", node.chassis_uuid) is None:
        call.version.require("behaviour", ("chassis can be left",))
    _check_states(node, changed)
    changed |= _interfaces(node, changed, drivers, reset=reset_interfaces)
    return changed | _consequences(node, changed)


def read(values: Mapping[str, Any], call: Call) -> dict[str, Any]:
    """Checked values as the store keeps them. Raises InvalidParameter, BadRequest."""
    result = dict(values)
    result |= {name: {} for name in _OBJECTS if name in values and values[name] is None}
    result |= {name: False for name in _FLAGS if name in values and values[name] is None}
    if "conductor_group" in values:
        result["conductor_group"] = (values["conductor_group"] or "").lower()
    if values.get("name") is not None:
        check_name(values["name"], call)
    network_data.check(result.get("network_data") or {})
    for secret in ("rescue_password", "hashed_rescue_password"):
        if secret in (result.get("instance_info") or {}):
            raise BadRequest(
                f"instance_info/{secret} cannot be set: passwords are not stored. Give it with "
                "the request: openstack baremetal node rescue --rescue-password PASSWORD NODE"
            )
    return result


def check_name(name: str, call: Call) -> None:
    """Raises NotAcceptable, BadRequest."""
    if not call.version.allows("behaviour", "names"):
        raise NotAcceptable
    if not is_name(name, call.version) or as_uuid(name):
        raise BadRequest(
            f"A node cannot have the invalid name '{name[:255]}'. A name is no UUID and made of "
            "letters, digits and - . _ ~"
        )
    reserved = sorted((*_RESERVED, *_RESERVED_TOO))
    if name in reserved:
        raise BadRequest(
            f'The word "{name}" is reserved and can not be used as a node name. '
            f"Reserved words are: {', '.join(reserved)}."
        )


def _check_states(node: Node, changed: Mapping[str, Any]) -> None:
    """Raises Conflict if the node's state forbids the change."""
    changeable = node.provision_state in INTERFACES_CHANGEABLE
    for name in (*(f"{kind}_interface" for kind in INTERFACES), "resource_class"):
        exempt = node.maintenance if name != "resource_class" else node.resource_class is None
        if name in changed and not changeable and not exempt:
            raise Conflict(
                f"Node {node.uuid} can not have {name} updated unless it is in one of allowed "
                f"({', '.join(INTERFACES_CHANGEABLE)}) states or in maintenance mode. "
                f"Current state is '{node.provision_state}'."
            )
    if changed.get("instance_uuid") and node.instance_uuid:
        raise Conflict(f"Node {node.uuid} is associated with instance {node.instance_uuid}.")
    if "instance_uuid" in changed and node.allocation_uuid and not changeable | node.maintenance:
        raise Conflict(
            f"Node {node.uuid} with an allocation can not have instance_uuid removed unless it is "
            f"in one of allowed ({', '.join(INTERFACES_CHANGEABLE)}) states or in maintenance "
            f"mode. Current state is '{node.provision_state}'."
        )
    if "driver" in changed and node.console_enabled:
        raise Conflict(
            f"Node {node.uuid} can not update the driver while the console is enabled. Please "
            "stop the console first."
        )
    if changed.get("protected") and node.provision_state not in (State.ACTIVE, State.RESCUE):
        raise Conflict(
            f"Node {node.uuid} can only be made protected in provision states 'active' or "
            f"'rescue', the current state is '{node.provision_state}'"
        )
    if changed.get("retired") and node.provision_state == State.AVAILABLE:
        raise Conflict(
            f"Node {node.uuid} can not have 'retired' set in provision state 'available'"
        )


def _interfaces(
    node: Node, changed: Mapping[str, Any], drivers: Drivers, *, reset: bool
) -> dict[str, str]:
    """All interfaces anew if the driver or one of them changes. Raises InvalidParameter."""
    names = {kind: f"{kind}_interface" for kind in INTERFACES}
    if "driver" not in changed and not any(name in changed for name in names.values()):
        return {}
    given = {
        kind: changed.get(name) if reset or name in changed else node.interface(kind)
        for kind, name in names.items()
    }
    resolved = drivers.resolve(changed.get("driver", node.driver), given)
    return {names[kind]: name for kind, name in resolved.items()}


def _consequences(node: Node, changed: Mapping[str, Any]) -> dict[str, Any]:
    follow: dict[str, Any] = {}
    if changed.get("maintenance") is False:
        follow |= {"maintenance_reason": None, "fault": None}
    for flag in ("protected", "retired"):
        if changed.get(flag) is False:
            follow[f"{flag}_reason"] = None
        elif changed.get(f"{flag}_reason") and not changed.get(flag, getattr(node, flag)):
            raise InvalidParameter(f"The {flag}_reason field can only be set when {flag} is True")
    if "instance_info" in changed and not changed.get("instance_name", node.instance_name):
        display_name = changed["instance_info"].get("display_name")
        if isinstance(display_name, str) and display_name:
            follow["instance_name"] = display_name[:255]
    return follow
