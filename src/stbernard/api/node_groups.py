"""How nodes belong together: `/v1/shards`, and the children of a node."""

from typing import Any

from litestar import get

from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.errors import NotFound


@get("/v1/shards", sync_to_thread=True)
def list_shards(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need("shards")
    call.only()
    # the nodes in no shard are counted under the name None, as in Ironic
    counted = parts.store.nodes.shards()
    return {"shards": [{"name": str(name), "count": count} for name, count in counted]}


@get("/v1/shards/{name:str}", sync_to_thread=False)
def show_shard(name: InPath, call: GivenCall) -> dict[str, Any]:
    call.need("shards")
    raise NotFound(f"Shard {name[:255]} cannot be shown alone. Ask for the nodes: ?shard=NAME")


@get("/v1/nodes/{ident:str}/children", sync_to_thread=True)
def list_children(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node("children")
    call.only()
    node = parts.store.nodes.get(call.node_ident(ident))
    return {
        "children": parts.store.nodes.children(node.uuid, call.access.project),
        "links": _link(call, node.uuid),
    }


def _link(call: Call, uuid: str) -> dict[str, str]:
    return call.link(f"nodes?parent_node={uuid}") | {"rel": "children"}
