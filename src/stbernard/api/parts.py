"""What the API is made of; the service puts it together."""

from collections.abc import Callable
from dataclasses import dataclass

from stbernard.api.call import Call
from stbernard.api.gate import Gate
from stbernard.errors import BadRequest, NotFound
from stbernard.identity.middleware import Strategy
from stbernard.nodes import Node
from stbernard.operations.accept import Requests
from stbernard.operations.tasks import Drivers, Tasks
from stbernard.settings import Settings
from stbernard.store import Store


@dataclass(frozen=True)
class Parts:
    settings: Settings
    store: Store
    requests: Requests
    tasks: Tasks
    drivers: Drivers
    works: Callable[[], bool] = lambda: True
    """Whether the worker of this process, if it has one, is at work."""
    identity: Strategy | None = None
    """How to find out who sends a request; None: everybody may."""
    gate: Gate | None = None
    """Who may do what; None: who may come in may do everything."""

    def node_in_body(self, call: Call, ident: str | None) -> Node:
        """The node that a body names. Raises BadRequest: a 404 would be about the path."""
        try:
            node = self.store.nodes.get(call.node_ident(ident or ""))
        except NotFound as error:
            raise BadRequest(str(error)) from None
        if not call.access.allows("node:get", node):
            raise BadRequest(f"Node {ident} could not be found.")
        return node

    def node_to_link(self, call: Call, field: str, ident: str, owner: str | None) -> Node:
        """The node that a link of something of this owner is to lead to; of the same owner, so that
        nothing of one project's comes to be another's. Raises BadRequest."""
        node = self.node_in_body(call, ident)
        if node.owner != owner:
            raise BadRequest(
                f"Unable to apply the requested {field} {node.uuid}: its owner is another one. "
                "Give both nodes the same owner."
            )
        return node
