"""`PUT /v1/nodes/{ident}/states/provision`: the verbs of the state machine and their arguments."""

import re
from typing import Any

import msgspec
from litestar import Response, put

from stbernard.api import node_view, steps
from stbernard.api.call import Call, boolean
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.microversions import SINCE
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.api.schemas import string
from stbernard.api.states import accepted
from stbernard.errors import BadRequest, InvalidState, NodeLocked, NotAcceptable
from stbernard.nodes import Node
from stbernard.operations.machine import ALIASES, HOLDING, WAITING, transition

_ARGUMENTS = (
    *("target", "rescue_password", "configdrive", "clean_steps", "deploy_steps"),
    *("service_steps", "disable_ramdisk", "runbook"),
)
_DEPLOY = ("active", "rebuild")
_RUNBOOKS_FOR = ("clean", "service")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\n\r\t ]*", re.ASCII)


class ConfigDrive(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a configdrive is to be built from."""

    meta_data: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    network_data: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    user_data: dict[str, Any] | list[Any] | str | msgspec.UnsetType | None = msgspec.UNSET
    vendor_data: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


@put("/v1/nodes/{ident:str}/states/provision", status_code=202)
@patient
def provision(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    given = call.arguments(_ARGUMENTS, mandatory="target")
    target = string("target", given.pop("target")) or ""
    node = parts.store.nodes.get(call.node_ident(ident))
    call.version.require("verb", (target,))
    if given.get("rescue_password") is not None and target != "rescue":
        raise BadRequest(
            '"rescue_password" is only valid when setting target provision state to rescue'
        )
    if target in _DEPLOY and node.maintenance:
        raise BadRequest(
            f"The provisioning operation can't be performed on node {node.uuid} because it's in "
            "maintenance mode."
        )
    _check_actionable(node, target)
    read = _read(call, parts, node, target, given)
    parts.requests.provision(node.uuid, target, project=call.access.asking, **read)
    return accepted(call, ident)


def _check_actionable(node: Node, target: str) -> None:
    """Raises InvalidState; NodeLocked instead while an operation works on the node."""
    verb = ALIASES.get(target, target)
    if (verb == "abort" and node.provision_state in WAITING) or (
        verb == "unhold" and node.provision_state in HOLDING
    ):
        return
    try:
        transition(target, node.provision_state, node.uuid)
    except InvalidState:
        if node_view.is_held(node):
            raise NodeLocked(node.uuid, str(node.operation), node.lease_owner) from None
        raise


def _read(
    call: Call, parts: Parts, node: Node, target: str, given: dict[str, Any]
) -> dict[str, Any]:
    """The arguments, checked as far as the verb goes. Raises NotAcceptable, BadRequest."""
    if target == "abort":
        call.version.require("abort in state", (node.provision_state,))
    password = string("rescue_password", given.get("rescue_password"))
    read = {"rescue_password": password, "configdrive": _config_drive(call, target, given)}
    bare = given.get("disable_ramdisk")
    if bare is not None:
        read["disable_ramdisk"] = _disable_ramdisk(call, target, bare)
    if given.get("runbook"):
        given = given | _from_runbook(call, parts, node, target, given)
        read["disable_ramdisk"] = given["disable_ramdisk"]
    for name, only, refusal in (
        ("clean_steps", ("clean",), "clean"),
        ("deploy_steps", _DEPLOY, "active or rebuild"),
        ("service_steps", ("service",), "service"),
    ):
        if not given.get(name):
            continue
        call.version.require("provision argument", (name,))
        if target not in only:
            raise BadRequest(
                f'"{name}" is only valid when setting target provision state to {refusal}'
            )
        read[name] = steps.requested(name, given[name], deploy=name == "deploy_steps")
    return read


def _from_runbook(
    call: Call, parts: Parts, node: Node, target: str, given: dict[str, Any]
) -> dict[str, Any]:
    """Its steps as those of the request. Raises NotAcceptable, NotFound, BadRequest."""
    call.version.require("provision argument", ("runbook",))
    runbook = parts.store.runbooks.get(string("runbook", given["runbook"]) or "")
    if not runbook.public:
        call.access.require("runbook:use", runbook)
    name = f"{target}_steps"
    if target not in _RUNBOOKS_FOR:
        raise BadRequest(
            '"runbooks" is only valid when setting target provision state to any of '
            f"{list(_RUNBOOKS_FOR)}"
        )
    if given.get(name):
        raise BadRequest(f'Please provide either "{name}" or a runbook, but not both.')
    by_traits = call.version.allows("runbook resource", "traits")
    if not set(node.traits).intersection(runbook.traits if by_traits else (runbook.name,)):
        raise BadRequest(
            f"This runbook has not been approved for use on this node {node.uuid}. The node does "
            f"not have any of the runbook's traits {sorted(runbook.traits)}. Please ask an "
            "administrator to add a matching trait to your node."
        )
    ordered = sorted(runbook.steps, key=lambda step: int(step["order"]))
    return {name: ordered, "disable_ramdisk": runbook.disable_ramdisk}


def _disable_ramdisk(call: Call, target: str, value: object) -> bool:
    read = boolean("disable_ramdisk", value)
    if target not in ("clean", "service"):
        raise BadRequest("disable_ramdisk is supported only with manual cleaning or servicing")
    if not call.version.allows("disable_ramdisk", target):
        raise NotAcceptable("disable_ramdisk is not acceptable in this API version")
    return read


def _config_drive(call: Call, target: str, given: dict[str, Any]) -> object:
    """As Ironic takes it: a URL, base64, or what it is to be built from."""
    drive = given.get("configdrive")
    if not drive:
        return None
    targets = [each for each in _DEPLOY if call.version.allows("configdrive with", each)]
    if target not in targets:
        raise BadRequest(
            "Adding a config drive is only supported when setting provision state to "
            + ", ".join(targets)
        )
    if isinstance(drive, str):
        if "://" not in drive and not _BASE64.fullmatch(drive):
            raise BadRequest(
                "Invalid configdrive format: it is neither a JSON, nor a URL, nor a base64 string"
            )
        return drive
    try:
        msgspec.convert(drive, ConfigDrive)
    except msgspec.ValidationError as error:  # its texts tell places, and quote nothing
        raise BadRequest(f"Invalid configdrive format: {error}") from None
    for name, what in (("configdrive", "a JSON object for"), ("vendor_data", "vendor_data in")):
        since = SINCE["configdrive part"][name]
        if name in ("configdrive", *drive) and call.version < since:
            raise BadRequest(
                f"Providing {what} configdrive is only supported starting with API version "
                f"1.{since}"
            )
    return drive
