"""What nodes can do elsewhere and not here: refused, once the node is found, as Ironic does it when
the interface behind it is disabled."""

from collections.abc import Mapping

from litestar import route
from litestar.enums import HttpMethod

from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.errors import BadRequest

_OF_A_NODE: Mapping[str, tuple[tuple[HttpMethod, ...], str]] = {
    "states/secure_boot": ((HttpMethod.PUT,), "set_secure_boot_state"),
    "management/inject_nmi": ((HttpMethod.PUT,), "inject_nmi"),
    "management/indicators": ((HttpMethod.GET,), "get_supported_indicators"),
    "management/indicators/{indicator:str}": (
        (HttpMethod.GET, HttpMethod.PUT),
        "get_supported_indicators",
    ),
    "vmedia": ((HttpMethod.GET,), "get_virtual_media"),
}
"""Path below a node to methods, and the word for it in the error."""


def _refuse(ident: InPath, call: GivenCall, parts: GivenParts) -> None:
    below = call.path.split("/", 4)[4]
    call.need_below_node("management/indicators" if "/indicators" in below else below)
    node = parts.store.nodes.get(call.node_ident(ident))
    _, extension = _OF_A_NODE.get(below, ((), "get_supported_indicators"))
    raise BadRequest(
        f"Driver {node.driver} does not support {extension} (disabled or not implemented)."
    )


ROUTES = tuple(
    route(f"/v1/nodes/{{ident:str}}/{path}", http_method=methods, sync_to_thread=True)(_refuse)
    for path, (methods, _) in _OF_A_NODE.items()
)
