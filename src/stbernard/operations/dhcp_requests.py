"""Who asks the service's own DHCP server for an address: noted in the rescue that waits for it."""

import structlog

from stbernard.errors import Unavailable
from stbernard.operations.boot_signs import DHCP_REQUEST
from stbernard.operations.rescue import wait_for_agent
from stbernard.store import Store
from stbernard.store.journal import Event, entry

log = structlog.get_logger()


def note_request(store: Store, mac: str) -> None:
    """The first one of each boot: firmware, loader and ramdisk ask one after the other."""
    try:
        for node in store.nodes.by_addresses((mac,)):
            if node.step != wait_for_agent.__name__ or node.undoing:
                continue
            lines = store.journal.timeline(node.uuid, node.operation_id)
            if not any(
                line.detail == DHCP_REQUEST and line.at >= (node.started_at or 0) for line in lines
            ):
                store.journal.note(entry(node, Event.SEEN, detail=DHCP_REQUEST))
    except Unavailable as error:
        log.warning("a DHCP request is not in the journal", mac=mac, error=str(error))
