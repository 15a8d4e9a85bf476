"""What the API sees of an operation on its way: told in the node's timeline and in the log."""

import structlog

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from stbernard.store.journal import Event, entry

log = structlog.get_logger()


def tell(node: Node, what: str, parts: Parts) -> None:
    """Raises Unavailable."""
    parts.store.journal.note(entry(node, Event.SEEN, detail=what))
    log.info(
        Event.SEEN.value,
        detail=what,
        node=node.uuid,
        operation=node.operation,
        run=node.operation_id,
    )
