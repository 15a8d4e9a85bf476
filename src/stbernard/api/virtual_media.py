"""`/v1/nodes/{ident}/vmedia`: virtual media that people attach to a node and detach.

Both are operations of the engine's; how one failed is in last_error."""

from urllib.parse import urlsplit

from litestar import delete, post

from stbernard.api import node_view, schemas
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.errors import InvalidParameter, NodeLocked
from stbernard.nodes import Node
from stbernard.operations.management import check_virtual_media

_DEVICES = ("disk", "cdrom", "floppy")
_SCHEMES = ("http", "https", "nfs", "cifs")
_MEDIA: schemas.Fields = {
    "device_type": schemas.Field(("string",)),
    "image_url": schemas.Field(("string",)),
    "image_download_source": schemas.Field(("string",)),
}


@post("/v1/nodes/{ident:str}/vmedia", status_code=204)
@patient
def attach(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.need_below_node("vmedia")
    call.only()
    given = schemas.check("vmedia", call.json(), _MEDIA, required=("device_type", "image_url"))
    _check_devices((given["device_type"],))
    _check_url(given["image_url"])
    node = _with_media(ident, call, parts)
    wanted = {name: given[name] for name in ("device_type", "image_url")}
    parts.requests.begin(node, "attach virtual media", **wanted)


@delete("/v1/nodes/{ident:str}/vmedia")
@patient
def detach(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.need_below_node("vmedia")
    call.only("device_types")
    devices = call.words("device_types") or _DEVICES
    _check_devices(devices)
    node = _with_media(ident, call, parts)
    parts.requests.begin(node, "detach virtual media", device_types=list(devices))


def _with_media(ident: str, call: Call, parts: Parts) -> Node:
    """Raises InvalidDriverInfo (400) if its management interface has no virtual media."""
    node = parts.store.nodes.get(call.node_ident(ident))
    check_virtual_media(parts.tasks.of(node))
    if node_view.is_held(node):
        raise NodeLocked(node.uuid, str(node.operation), node.lease_owner)
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
