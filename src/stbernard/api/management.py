"""A node's boot device and mode, Secure Boot, NMI, console, and the RAID it is to have.

What the hardware does are operations of the engine's. Where a request does not wait for the end,
last_error tells how it failed."""

from functools import partial
from typing import Any

from litestar import Response, get, put

from stbernard.api import hardware
from stbernard.api.call import Call, boolean
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.api.schemas import string
from stbernard.api.states import accepted
from stbernard.errors import Conflict, InvalidDriverInfo, InvalidParameter, NotAcceptable, NotFound
from stbernard.nodes import Node
from stbernard.operations.machine import PASSING
from stbernard.operations.tasks import Task

_BOOT_MODES = ("bios", "uefi")


_RAID_LEVELS = ("JBOD", "0", "1", "2", "5", "6", "1+0", "5+0", "6+0")


@get("/v1/nodes/{ident:str}/management/boot_device")
async def show_boot_device(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    return await hardware.wait_for(partial(_boot_device, ident, call, parts))


@get("/v1/nodes/{ident:str}/management/boot_device/supported", sync_to_thread=True)
def supported_boot_devices(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    task = _task(ident, call, parts)
    return {"supported_boot_devices": list(task.driver.management.supported_boot_devices(task))}


@put("/v1/nodes/{ident:str}/management/boot_device", status_code=204)
async def set_boot_device(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    given = call.arguments(("boot_device", "persistent"), mandatory="boot_device")
    await hardware.wait_for_change(parts, partial(_set_boot_device, ident, given, call, parts))


@put("/v1/nodes/{ident:str}/management/inject_nmi", status_code=204)
async def inject_nmi(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.need_below_node("management/inject_nmi")
    call.arguments(())
    await hardware.wait_for_change(parts, partial(_inject_nmi, ident, call, parts))


@put("/v1/nodes/{ident:str}/states/boot_mode", status_code=202)
@patient
def set_boot_mode(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    call.need_below_node("states/boot_mode")
    mode = call.arguments(("target",), mandatory="target")["target"]
    if mode not in _BOOT_MODES:
        raise InvalidParameter(
            f"Invalid boot mode {str(mode)[:100]} requested for node. "
            f"Allowed boot modes are: {', '.join(_BOOT_MODES)}"
        )
    node = _stable_node(ident, call, parts, "boot mode")
    parts.requests.begin(node, "set boot mode", boot_mode=mode)
    return accepted(call, ident)


@put("/v1/nodes/{ident:str}/states/secure_boot", status_code=202)
@patient
def set_secure_boot(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    call.need_below_node("states/secure_boot")
    on = boolean("target", call.arguments(("target",), mandatory="target")["target"])
    node = _stable_node(ident, call, parts, "secure boot")
    parts.requests.begin(node, "set secure boot", secure_boot=on)
    return accepted(call, ident)


@get("/v1/nodes/{ident:str}/states/console", sync_to_thread=True)
def show_console(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    enabled = parts.store.nodes.get(call.node_ident(ident)).console_enabled
    return {"console_enabled": enabled, "console_info": {} if enabled else None}


@put("/v1/nodes/{ident:str}/states/console", status_code=202)
@patient
def set_console(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    given = call.arguments(("enabled",), mandatory="enabled")
    enabled = boolean("enabled", given["enabled"])
    task = _task(ident, call, parts)
    task.driver.named["console"].validate(task)
    parts.store.nodes.change(task.node.uuid, {"console_enabled": enabled})
    return accepted(call, ident, "states/console")


@put("/v1/nodes/{ident:str}/states/raid", status_code=204)
@patient
def set_raid(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    """What the RAID is to be like; a clean step makes it so."""
    call.need_below_node("states/raid", NotAcceptable())
    call.only()
    wanted = call.json()
    if not isinstance(wanted, dict):
        raise InvalidParameter("The body has to be a JSON object.")
    task = _task(ident, call, parts)
    try:
        task.driver.named["raid"].validate(task)
    except InvalidDriverInfo as error:  # a 404 in Ironic
        raise NotFound(str(error)) from None
    if wanted:  # nothing takes back what was asked for before
        _check_raid(wanted.get("logical_disks"))
    parts.store.nodes.change(task.node.uuid, {"target_raid_config": wanted})


def _check_raid(disks: object) -> None:
    """Raises InvalidParameter for what is no list of logical disks."""
    if not isinstance(disks, list) or not all(isinstance(disk, dict) for disk in disks):
        raise InvalidParameter(
            "RAID config validation error: 'logical_disks' has to be a list of objects."
        )
    for disk in disks:
        size, level = disk.get("size_gb"), disk.get("raid_level")
        if size != "MAX" and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
            raise InvalidParameter(
                "RAID config validation error: 'size_gb' of a logical disk has to be a number of "
                "GiB or 'MAX'."
            )
        if level not in _RAID_LEVELS:
            raise InvalidParameter(
                "RAID config validation error: 'raid_level' of a logical disk has to be one of "
                f"{', '.join(_RAID_LEVELS)}."
            )


def _boot_device(ident: str, call: Call, parts: Parts) -> dict[str, Any]:
    """As the BMC says now. Raises BMCError."""
    task = _manageable(ident, call, parts)
    found = task.driver.management.get_boot_device(task)
    return {"boot_device": found.device, "persistent": found.persistent}


def _set_boot_device(ident: str, given: dict[str, Any], call: Call, parts: Parts) -> None:
    """Raises HardwareError."""
    device = string("boot_device", given["boot_device"])
    persistent = given.get("persistent")
    persistent = boolean("persistent", persistent) if persistent is not None else False
    task = _task(ident, call, parts)
    supported = task.driver.management.supported_boot_devices(task)
    if device not in supported:
        raise InvalidParameter(
            f"Invalid boot device {str(device)[:100]} specified. "
            f"This node supports {', '.join(supported)}."
        )
    task.driver.management.validate(task)
    asked = {"device": device, "persistent": persistent}
    parts.requests.begin_and_wait(task.node, "set boot device", **asked)


def _inject_nmi(ident: str, call: Call, parts: Parts) -> None:
    """Raises HardwareError."""
    parts.requests.begin_and_wait(_manageable(ident, call, parts).node, "inject nmi")


def _stable_node(ident: str, call: Call, parts: Parts, what: str) -> Node:
    """Raises Conflict for a node that is on its way from one state to another."""
    node = _manageable(ident, call, parts).node
    if node.provision_state in PASSING:
        raise Conflict(
            f"Node {node.uuid} is in {node.provision_state} state. Since node is transitioning, "
            f"the {what} will not be set. Try again later."
        )
    return node


def _manageable(ident: str, call: Call, parts: Parts) -> Task:
    """Raises InvalidDriverInfo."""
    task = _task(ident, call, parts)
    task.driver.management.validate(task)
    return task


def _task(ident: str, call: Call, parts: Parts) -> Task:
    return parts.tasks.of(parts.store.nodes.get(call.node_ident(ident)))
