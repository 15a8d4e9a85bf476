"""What ports, portgroups and volumes have in common: each belongs to a node."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from litestar import get

from stbernard.api.call import Call
from stbernard.api.given import InPath
from stbernard.api.parts import Parts
from stbernard.api.resource import Resource
from stbernard.errors import BadRequest, InvalidParameter, NotFound
from stbernard.nodes import Part
from stbernard.store import conditions

P = TypeVar("P", bound=Part)


@dataclass(frozen=True)
class NodePart(Resource[P]):
    """A kind of part as clients see it."""

    def read_changes(self, call: Call, parts: Parts, part: P) -> dict[str, Any]:
        """All patchable fields as a PATCH leaves them; the node, if it is another, exists, has the
        same owner, and the caller may change its parts, too.

        Raises InvalidParameter, BadRequest, Forbidden, NotAcceptable."""
        values = self.read_patch(call, part)
        if values["node_uuid"] is None:
            raise InvalidParameter("Schema error for patch: 'node_uuid' is a required property")
        if values["node_uuid"] != part.node_uuid:
            owner = parts.store.nodes.get(part.node_uuid).owner
            node = parts.node_to_link(call, "node_uuid", values["node_uuid"], owner)
            call.access.require(f"{self.path.partition('/')[0].removesuffix('s')}:update", node)
            values["node_uuid"] = node.uuid
        return values


def of_node(call: Call, parts: Parts, ident: str | None) -> dict[str, Any]:
    """The filter for what belongs to this node, if one is named. Raises NotFound."""
    if not ident:
        return {}
    node = parts.store.nodes.get(call.node_ident(ident))
    if not call.access.allows("node:get", node):
        raise NotFound(f"Node {ident} could not be found.")
    return {"node_uuid": node.uuid}


def of_nodes(call: Call) -> dict[str, Any]:
    """The filters for what belongs to nodes of these shards and conductor groups, and that the
    caller may see."""
    found = []
    if project := call.access.project:
        found.append(conditions.of_project(project))
    if shards := call.words("shard"):
        found.append(conditions.one_of("shard", shards))
    if groups := call.words("conductor_groups"):
        found.append(conditions.one_of("conductor_group", groups))
    return {"of_nodes": tuple(found)}


def check_network(values: Mapping[str, Any]) -> None:
    """Raises BadRequest: an empty name would be a physical network of its own."""
    if values.get("physical_network") == "":
        raise BadRequest("A non-empty value is required when setting physical_network")


@get(
    [
        "/v1/nodes/{ident:str}/ports/{part:str}",
        "/v1/nodes/{ident:str}/portgroups/{part:str}",
        "/v1/nodes/{ident:str}/volume/connectors/{part:str}",
        "/v1/nodes/{ident:str}/volume/targets/{part:str}",
        "/v1/portgroups/{ident:str}/ports/{part:str}",
        "/v1/chassis/{ident:str}/nodes/{part:str}",
    ],
    sync_to_thread=False,
)
def not_here(ident: InPath, part: InPath) -> None:  # noqa: ARG001
    """Below what they belong to there are lists only."""
    raise BadRequest("Malformed request URI.")
