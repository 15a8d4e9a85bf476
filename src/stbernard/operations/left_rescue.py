"""The server is not in its ramdisk any more, and nobody has asked for that: say so.

Nothing is done to the server: it runs its instance, or it is off, and the rescue's login with all
that a person had open is gone either way. How it was before the rescue stays known, so that both
ways out lead where they always do.
"""

import structlog

from stbernard import clock
from stbernard.nodes import Node
from stbernard.operations.machine import State
from stbernard.operations.rescue import RESCUE
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.journal import Event, entry

log = structlog.get_logger()


def left_rescue(
    store: Store, settings: Settings, node: Node, why: str, power_state: str | None
) -> bool:
    """`rescue failed`, with the reason and what to do; False if something was done to the node
    since it was read."""
    text = f"The server has left the rescue: {why} Now {ways_out(node)}"
    states = {
        "provision_state": State.RESCUE_FAILED,
        "target_provision_state": State.RESCUE,
    }
    changes = {
        **states,
        "provision_updated_at": clock.now(),
        "last_error": text,
        "power_state": power_state,
    }
    lines = store.journal.last_rescue(node.uuid)
    line = entry(
        node,
        Event.FAILED,
        operation=RESCUE.name,
        operation_id=lines[-1].operation_id if lines else None,
        detail=text,
        worker=settings.default.host,
        **states,
    )
    if not store.idle.note(node, changes, line):
        return False
    log.warning("the server has left the rescue", node=node.uuid, why=why)
    return True


def ways_out(node: Node) -> str:
    """For the end of a sentence."""
    name = node.name or node.uuid
    return (
        f"rescue it again (openstack baremetal node rescue {name}) or bring its instance back "
        f"(openstack baremetal node unrescue {name})."
    )
