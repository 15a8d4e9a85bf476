"""What nodes can do elsewhere and not here: refused, once the node is found, as Ironic does it when
the interface behind it is disabled."""

from litestar import get

from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.errors import BadRequest


@get("/v1/nodes/{ident:str}/vmedia", sync_to_thread=True)
def show_virtual_media(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.need_below_node("vmedia")
    node = parts.store.nodes.get(call.node_ident(ident))
    raise BadRequest(
        f"Driver {node.driver} does not support get_virtual_media (disabled or not implemented)."
    )


ROUTES = (show_virtual_media,)
