"""`/v1/volume`: how nodes reach their remote volumes (connectors), and which (targets)."""

from dataclasses import dataclass
from typing import Any

from litestar import Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler

from stbernard.api import pages, schemas
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.node_parts import NodePart, of_node, of_nodes
from stbernard.api.part_rules import check_volume_change, check_volume_delete
from stbernard.api.parts import Parts
from stbernard.api.patience import patient
from stbernard.nodes import VolumeConnector, VolumeTarget, without_secrets

CONNECTOR = NodePart(
    name="connector",
    path="volume/connectors",
    kind=VolumeConnector,
    given=schemas.VOLUME_CONNECTOR,
    required=("connector_id", "node_uuid", "type"),
    patchable=("connector_id", "extra", "node_uuid", "type"),
    shown=("uuid", "connector_id", "extra", "type", "node_uuid"),
    in_a_list=("uuid", "node_uuid", "type", "connector_id"),
    detail_since="volume query",
)


@dataclass(frozen=True)
class _TargetResource(NodePart[VolumeTarget]):
    def _value(self, record: VolumeTarget, name: str, call: Call) -> Any:
        """How a volume is reached is not for everybody who sees that there is one."""
        if name == "properties" and not call.access.allows("volume:view_target_properties"):
            return {
                "redacted_contents": "** Value redacted: Requires permission "
                "baremetal:volume:view_target_properties access. Permission denied. **"
            }
        return super()._value(record, name, call)


TARGET = _TargetResource(
    name="target",
    path="volume/targets",
    kind=VolumeTarget,
    given=schemas.VOLUME_TARGET,
    required=("boot_index", "node_uuid", "volume_id", "volume_type"),
    patchable=("boot_index", "extra", "node_uuid", "properties", "volume_id", "volume_type"),
    shown=("uuid", "boot_index", "extra", "volume_id", "volume_type", "node_uuid"),
    in_a_list=("uuid", "node_uuid", "volume_type", "boot_index", "volume_id"),
    detail_since="volume query",
    also={"properties": lambda target: without_secrets(target.properties)},
)
_KINDS = ("connectors", "targets")


@get("/v1/volume", sync_to_thread=False)
def show_volume(call: GivenCall) -> dict[str, Any]:
    return _links(call, "volume")


@get("/v1/nodes/{ident:str}/volume", sync_to_thread=True)
def show_volume_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need("volume")
    parts.store.nodes.get(call.node_ident(ident))
    return _links(call, f"nodes/{ident}/volume")


@patient
def _create(call: GivenCall, parts: GivenParts) -> Response[dict[str, Any]]:
    resource, records = _kind(call, parts)
    given = resource.read_new(call)
    given["node_uuid"] = parts.node_in_body(call, given["node_uuid"]).uuid
    return resource.created(records.create(resource.new(given)), call)


def _list_all(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    return _list(call, parts, call.query.get("node"))


def _list_of_node(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    return _list(call, parts, ident)


def _show(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    resource, records = _kind(call, parts)
    ident = resource.ident(call, ident)
    call.only("fields")
    return resource.show_one(records.get(ident), call)


@patient
def _change(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    resource, records = _kind(call, parts)
    record = records.get(resource.ident(call, ident))
    values = resource.read_changes(call, parts, record)
    check_volume_change(parts.store, record, resource.name)
    if changed := resource.changed(record, values):
        record = records.change(record.uuid, changed)
    return resource.show(record, call)


@patient
def _remove(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    resource, records = _kind(call, parts)
    record = records.get(resource.ident(call, ident))
    call.only()
    check_volume_delete(parts.store, record, resource.name)
    records.delete(record.uuid)


def _kind(call: Call, parts: Parts) -> tuple[NodePart[Any], Any]:
    """The resource that the path is about, and its records."""
    if "connectors" in call.path.split("/"):
        return CONNECTOR, parts.store.volume_connectors
    return TARGET, parts.store.volume_targets


def _list(call: Call, parts: Parts, node: str | None) -> dict[str, Any]:
    resource, records = _kind(call, parts)
    names = resource.listed_fields(call)
    call.only("node", *pages.PAGING, "fields", "detail")
    part = resource.page(call, parts.settings, filters=of_node(call, parts, node), **of_nodes(call))
    path = call.path.removeprefix("/v1/").rstrip("/")
    return resource.listed(records.list(part), call, part, names=names, path=path)


def _links(call: Call, path: str) -> dict[str, Any]:
    call.need("volume")
    call.only()
    return {
        "links": call.links(f"{path}/"),
        **{kind: call.links(f"{path}/{kind}") for kind in _KINDS},
    }


def _handlers(kind: str) -> tuple[HTTPRouteHandler, ...]:
    """Each path has handlers of its own: Litestar runs no synchronous one for two of them."""
    many, of_node = f"/v1/volume/{kind}", f"/v1/nodes/{{ident:str}}/volume/{kind}"
    one = f"{many}/{{ident:str}}"
    return (
        post(many)(_create),
        get(many, sync_to_thread=True)(_list_all),
        get(of_node, sync_to_thread=True)(_list_of_node),
        get(one, sync_to_thread=True)(_show),
        patch(one)(_change),
        delete(one)(_remove),
    )


HANDLERS = tuple(handler for kind in _KINDS for handler in _handlers(kind))
