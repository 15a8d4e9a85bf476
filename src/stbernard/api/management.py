"""What else a node's hardware is asked for: boot mode, console, RAID to come, virtual media.

Boot mode and virtual media are operations of the engine's; how one failed is in last_error."""

from typing import Any
from urllib.parse import urlsplit

from litestar import Response, delete, get, post, put

from stbernard.api import node_view, schemas
from stbernard.api.call import Call, boolean
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.errors import InvalidDriverInfo, InvalidParameter, NodeLocked, NotFound
from stbernard.nodes import Node
from stbernard.operations.management import check_virtual_media

_BOOT_MODES = ("bios", "uefi")
_DEVICES = ("disk", "cdrom", "floppy")
_SCHEMES = ("http", "https", "nfs", "cifs")
_MEDIA: schemas.Fields = {
    "device_type": schemas.Field(("string",)),
    "image_url": schemas.Field(("string",)),
    "image_download_source": schemas.Field(("string",)),
}


@put("/v1/nodes/{ident:str}/states/boot_mode", status_code=202, sync_to_thread=True)
def set_boot_mode(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    node = _node(ident, call, parts, "states/boot_mode")
    mode = call.arguments(("target",), mandatory="target")["target"]
    if mode not in _BOOT_MODES:
        raise InvalidParameter(
            f"Invalid boot mode {str(mode)[:100]} requested for node. "
            f"Allowed boot modes are: {', '.join(_BOOT_MODES)}"
        )
    _check_free(node)
    parts.tasks.of(node).driver.management.validate(parts.tasks.of(node))
    parts.requests.begin(node.uuid, "set boot mode", boot_mode=mode)
    return _accepted(call, f"nodes/{ident}/states")


@get("/v1/nodes/{ident:str}/states/console", sync_to_thread=True)
def show_console(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    enabled = _node(ident, call, parts, "states/console").console_enabled
    return {"console_enabled": enabled, "console_info": {} if enabled else None}


@put("/v1/nodes/{ident:str}/states/console", status_code=202, sync_to_thread=True)
def set_console(ident: InPath, call: GivenCall, parts: GivenParts) -> Response[bytes]:
    node = _node(ident, call, parts, "states/console")
    given = call.arguments(("enabled",), mandatory="enabled")
    enabled = boolean("enabled", given["enabled"])
    parts.tasks.of(node).driver.named["console"].validate(parts.tasks.of(node))
    parts.store.nodes.change(node.uuid, {"console_enabled": enabled})
    return _accepted(call, f"nodes/{ident}/states/console")


@put("/v1/nodes/{ident:str}/states/raid", status_code=204, sync_to_thread=True)
def set_raid(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    """What the RAID is to be like; a clean step makes it so."""
    node = _node(ident, call, parts, "states/raid")
    wanted = call.json()
    if not isinstance(wanted, dict):
        raise InvalidParameter("The body has to be a JSON object.")
    try:
        parts.tasks.of(node).driver.named["raid"].validate(parts.tasks.of(node))
    except InvalidDriverInfo as error:  # a 404 in Ironic
        raise NotFound(str(error)) from None
    parts.store.nodes.change(node.uuid, {"target_raid_config": wanted})


@post("/v1/nodes/{ident:str}/vmedia", status_code=204, sync_to_thread=True)
def attach_media(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.need_below_node("vmedia")
    call.only()
    given = schemas.check("vmedia", call.json(), _MEDIA, required=("device_type", "image_url"))
    _check_devices((given["device_type"],))
    _check_url(given["image_url"])
    node = _with_media(ident, call, parts)
    wanted = {name: given[name] for name in ("device_type", "image_url")}
    parts.requests.begin(node.uuid, "attach virtual media", **wanted)


@delete("/v1/nodes/{ident:str}/vmedia", sync_to_thread=True)
def detach_media(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.need_below_node("vmedia")
    call.only("device_types")
    devices = call.words("device_types") or _DEVICES
    _check_devices(devices)
    node = _with_media(ident, call, parts)
    parts.requests.begin(node.uuid, "detach virtual media", device_types=list(devices))


def _node(ident: str, call: Call, parts: Parts, resource: str) -> Node:
    call.need_below_node(resource)
    call.only()
    return parts.store.nodes.get(call.node_ident(ident))


def _with_media(ident: str, call: Call, parts: Parts) -> Node:
    """Raises InvalidDriverInfo (400) if its management interface has no virtual media."""
    node = parts.store.nodes.get(call.node_ident(ident))
    check_virtual_media(parts.tasks.of(node))
    _check_free(node)
    return node


def _check_devices(devices: tuple[str, ...]) -> None:
    unknown = [name for name in devices if name not in _DEVICES]
    if unknown:
        raise InvalidParameter(
            f"Invalid device type(s) {', '.join(unknown)[:300]} (valid are {', '.join(_DEVICES)})"
        )


def _check_url(url: str) -> None:
    try:
        scheme = urlsplit(url).scheme
    except ValueError as error:
        raise InvalidParameter(f"image_url is no URL: {error}.") from None
    if scheme not in _SCHEMES:
        raise InvalidParameter(f"Unsupported or missing URL scheme: {scheme[:100]}")


def _check_free(node: Node) -> None:
    if node_view.is_held(node):
        raise NodeLocked(node.uuid, str(node.operation), node.lease_owner)


def _accepted(call: Call, path: str) -> Response[bytes]:
    return Response(b"", status_code=202, headers={"Location": call.link(path)["href"]})
