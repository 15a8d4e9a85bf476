"""`/v1/nodes/{ident}/history`: how each operation of a node ended."""

from collections.abc import Mapping
from typing import Any

from litestar import get

from stbernard.api import pages
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.schemas import uuid
from stbernard.api.timestamps import timestamp
from stbernard.nodes import Node
from stbernard.store.journal import Entry, Event
from stbernard.store.pages import Page

_SHORT = ("uuid", "created_at", "severity", "event", "links")
_LONGEST_EVENT = 255  # characters, where no details are asked for
_SORTABLE = ("created_at", "severity", "event", "event_type", "uuid")


@get("/v1/nodes/{ident:str}/history", sync_to_thread=True)
def list_history(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node("history")
    call.only("detail", *pages.PAGING)
    node = parts.store.nodes.get(call.node_ident(ident))
    part = Page(
        limit=pages.limit(call, parts.settings.api.max_limit),
        sort_key=pages.sort_key(call, _SORTABLE, "created_at"),
        sort_dir=pages.sort_dir(call),
    )
    shown = pages.cut(_history(node, call, parts), part, "uuid", call.query.get("marker"))
    detail = bool(call.flag("detail"))
    entries = shown if detail else [_short(each) for each in shown]
    last = shown[-1]["uuid"] if shown else None
    path = f"nodes/{ident}/history"
    return pages.rendered(call, ("history", path), entries, last, part=part, fields=None)


@get("/v1/nodes/{ident:str}/history/{event:str}", sync_to_thread=True)
def show(ident: InPath, event: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node("history")
    call.only()
    node = parts.store.nodes.get(call.node_ident(ident))
    line = parts.store.journal.history_event(node, uuid("event", event))
    started = _started(parts, node)
    return _show(line, started, node, call)


def _history(node: Node, call: Call, parts: Parts) -> list[dict[str, Any]]:
    started = _started(parts, node)
    return [_show(line, started, node, call) for line in parts.store.journal.history(node)]


def _started(parts: Parts, node: Node) -> dict[str | None, float]:
    """When each operation of a node was accepted."""
    lines = parts.store.journal.timeline(node.uuid)
    return {line.operation_id: line.at for line in lines if line.event == Event.ACCEPTED}


def _show(
    line: Entry, started: Mapping[str | None, float], node: Node, call: Call
) -> dict[str, Any]:
    seconds = line.at - started.get(line.operation_id, line.at)
    shown = {
        "uuid": line.uuid,
        "created_at": timestamp(line.at),
        "severity": "ERROR" if line.event == Event.FAILED else "INFO",
        "event_type": line.operation,
        "event": line.detail or f"The {line.operation} operation succeeded.",
        "conductor": line.worker or node.lease_owner,
        "user": None,
        "project": None,
        "state": line.provision_state,
        "target_provision_state": line.target_provision_state,
        "duration_seconds": round(seconds),
        "links": [call.link(f"nodes/{node.uuid}/history/{line.uuid}")],
    }
    return {name: shown[name] for name in shown if call.version.allows("history field", name)}


def _short(shown: Mapping[str, Any]) -> dict[str, Any]:
    event = shown["event"]
    if len(event) > _LONGEST_EVENT:
        event = event[: _LONGEST_EVENT - 4] + "..."
    return {name: shown[name] for name in _SHORT} | {"event": event}
