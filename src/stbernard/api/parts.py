"""What the API is made of; the service puts it together."""

from collections.abc import Callable
from dataclasses import dataclass

from stbernard.api.call import Call
from stbernard.errors import BadRequest, NotFound
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

    def node_in_body(self, call: Call, ident: str | None) -> Node:
        """The node that a body names. Raises BadRequest: a 404 would be about the path."""
        try:
            return self.store.nodes.get(call.node_ident(ident or ""))
        except NotFound as error:
            raise BadRequest(str(error)) from None
