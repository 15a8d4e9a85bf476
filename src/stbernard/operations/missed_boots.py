"""Rescues whose server was switched on while the service was down.

Such a server asks for its boot script, hears nothing, and goes on to its disk: no agent would ever
call. What is known is in the journal: a server that has fetched its ramdisk needs no help (its
agent keeps calling), any other is switched off and on again.
"""

import structlog

from stbernard.nodes import Node
from stbernard.operations.advance import go_back
from stbernard.operations.boot_signs import RAMDISK
from stbernard.operations.rescue import RESCUE, wait_for_agent
from stbernard.operations.steps import power_off
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.journal import Event
from stbernard.store.pages import Page

log = structlog.get_logger()


def boot_again(store: Store, settings: Settings) -> None:
    """To be called when the service starts, before its worker does, if no other one serves."""
    waiting = {
        "operation": RESCUE.name,
        "step": wait_for_agent.__name__,
        "undoing": False,
        "conductor_group": settings.default.conductor_group,
    }
    for node in store.nodes.list(Page(filters=waiting)):
        if node.agent.last_heartbeat is None and not _has_its_ramdisk(store, node):
            back = go_back(node, RESCUE, power_off.__name__, settings, "missed its boot script")
            if store.leases.take_over(node, back.changes, back.lines):
                log.info("booting again: the service was down at its boot", node=node.uuid)


def _has_its_ramdisk(store: Store, node: Node) -> bool:
    lines = store.journal.timeline(node.uuid, node.operation_id)
    return any(
        line.event == Event.SEEN and line.detail == RAMDISK and line.at >= (node.started_at or 0)
        for line in lines
    )
