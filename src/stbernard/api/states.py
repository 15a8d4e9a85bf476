"""The states of a node, its power, maintenance and boot device (its provisioning: provision.py)."""

from functools import partial
from typing import Any

from litestar import Response, delete, get, put

from stbernard.api import hardware, node_view
from stbernard.api.call import Call, boolean
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.api.schemas import integer, string
from stbernard.errors import BadRequest, InvalidParameter, InvalidState, NodeLocked
from stbernard.nodes import BootDevice, Power
from stbernard.operations.machine import State

_LONGEST_TIMEOUT = 7 * 24 * 3600  # seconds
_TARGETS = {power.value: power for power in Power if power != Power.ERROR}


@get("/v1/nodes/{ident:str}/states", sync_to_thread=True)
def show_states(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    node = parts.store.nodes.get(call.node_ident(ident))
    return node_view.show_states(node, parts.settings, call)


@put("/v1/nodes/{ident:str}/states/power", status_code=202)
@patient
def power(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    given = call.arguments(("target", "timeout"), mandatory="target")
    target = string("target", given["target"]) or ""
    node = parts.store.nodes.get(call.node_ident(ident))
    timeout = given.get("timeout")
    call.version.require("power", {target} | ({"timeout"} if timeout is not None else set()))
    if timeout is not None:
        timeout = integer("timeout", timeout)
        if not 0 < timeout <= _LONGEST_TIMEOUT:
            raise BadRequest(f"timeout has to be positive integer, at most {_LONGEST_TIMEOUT}")
    if target not in _TARGETS:
        raise InvalidState(
            f'The requested action "{target[:100]}" can not be performed on node "{node.uuid}" '
            f'while it is in state "{node.power_state}".'
        )
    if node.provision_state in (State.CLEANING, State.CLEAN_WAIT):
        raise InvalidState(
            f'The requested action "{target}" can not be performed on node "{node.uuid}" '
            f'while it is in state "{node.provision_state}".'
        )
    if node_view.is_held(node):
        raise NodeLocked(node.uuid, str(node.operation), node.lease_owner)
    parts.requests.power(node.uuid, _TARGETS[target], timeout)
    return accepted(call, ident)


@put("/v1/nodes/{ident:str}/maintenance", status_code=202, sync_to_thread=True)
def set_maintenance(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    given = call.arguments(("reason",))
    reason = string("reason", given.get("reason"))
    return _maintain(ident, call, parts, {"maintenance": True, "maintenance_reason": reason})


@delete("/v1/nodes/{ident:str}/maintenance", status_code=202, sync_to_thread=True)
def unset_maintenance(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    none = {"maintenance": False, "maintenance_reason": None, "fault": None}
    return _maintain(ident, call, parts, none)


@get("/v1/nodes/{ident:str}/management/boot_device")
async def show_boot_device(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    return await hardware.wait_for(partial(_boot_device, ident, call, parts))


@get("/v1/nodes/{ident:str}/management/boot_device/supported", sync_to_thread=True)
def supported_boot_devices(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    task = parts.tasks.of(parts.store.nodes.get(call.node_ident(ident)))
    return {"supported_boot_devices": list(task.driver.management.supported_boot_devices(task))}


@put("/v1/nodes/{ident:str}/management/boot_device", status_code=204)
async def set_boot_device(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    await hardware.wait_for(partial(_set_boot_device, ident, call, parts))


def _boot_device(ident: str, call: Call, parts: Parts) -> dict[str, Any]:
    """As the BMC says now. Raises BMCError."""
    call.only()
    task = parts.tasks.of(parts.store.nodes.get(call.node_ident(ident)))
    task.driver.management.validate(task)
    found = task.driver.management.get_boot_device(task)
    return {"boot_device": found.device, "persistent": found.persistent}


def _set_boot_device(ident: str, call: Call, parts: Parts) -> None:
    """As an operation of the engine's, whose end is waited for. Raises HardwareError."""
    given = call.arguments(("boot_device", "persistent"), mandatory="boot_device")
    device = string("boot_device", given["boot_device"])
    persistent = given.get("persistent")
    persistent = boolean("persistent", persistent) if persistent is not None else False
    task = parts.tasks.of(parts.store.nodes.get(call.node_ident(ident)))
    supported = task.driver.management.supported_boot_devices(task)
    if device not in supported:
        raise InvalidParameter(
            f"Invalid boot device {str(device)[:100]} specified. "
            f"This node supports {', '.join(supported)}."
        )
    task.driver.management.validate(task)
    seconds = float(parts.settings.conductor.power_state_change_timeout)
    parts.requests.boot_device(task.node.uuid, BootDevice(device, persistent), seconds)


def _maintain(ident: str, call: Call, parts: Parts, changes: dict[str, Any]) -> Response[bytes]:
    """Also while an operation holds the node: it is a note of people's, no matter of the engine."""
    node = parts.store.nodes.get(call.node_ident(ident))
    parts.store.nodes.maintain(node.uuid, changes)
    return Response(b"", status_code=202)


def accepted(call: Call, ident: str) -> Response[bytes]:
    location = call.link(f"nodes/{ident}/states")["href"]
    return Response(b"", status_code=202, headers={"Location": location})
