"""`/v1/nodes/{ident}/rescue/events`: the rescue as it goes on, as server-sent events.

A listener is a coroutine that looks into the journal every second, by way of a few threads that all
listeners share: it sees what any worker writes, and holds no thread while nothing happens.
"""

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import anyio
import msgspec
from anyio import CapacityLimiter, to_thread
from litestar import Request, Response, get
from litestar.response import Stream

from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.rescue import lines_of, show_line
from stbernard.errors import NotFound, Unavailable
from stbernard.operations.instance_back import is_looked_for
from stbernard.store.journal import Entry

LISTENERS = 50  # in this process
LOOK_AGAIN = 1.0  # seconds
KEEP_ALIVE = 15.0  # seconds without an event, after which a comment tells that the service is there
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # no proxy keeps it back

_LOOKING = CapacityLimiter(4)
_listening: set[object] = set()


@get("/v1/nodes/{ident:str}/rescue/events", described_as="text/event-stream")
async def listen(
    ident: InPath, call: GivenCall, parts: GivenParts, request: Request[Any, Any, Any]
) -> Response[Any]:
    """Each line of the timeline as an event with its `id`; ends when the operation does.

    Who comes back with a Last-Event-ID is sent what follows; 204 if nothing ever will."""
    call.only()
    if len(_listening) >= LISTENERS:
        raise Unavailable(f"{LISTENERS} listeners are there already. Try again later.")
    given = request.headers.get("last-event-id", "")
    seen = int(given) if given.isascii() and given.isdecimal() else 0
    look = partial(_look, call.node_ident(ident), parts)
    goes_on, lines = await to_thread.run_sync(look, limiter=_LOOKING)
    if seen and not goes_on and all(line.id <= seen for line in lines):
        return Response(None, status_code=204)
    events = _events(look, seen, parts)
    return Stream(events, media_type="text/event-stream", headers=_HEADERS)


async def _events(
    look: "partial[tuple[bool, tuple[Entry, ...]]]", seen: int, parts: Parts
) -> AsyncIterator[bytes]:
    me = object()
    sent: set[int] = set()
    said = time.monotonic()
    _listening.add(me)
    try:
        while parts.works():
            goes_on, lines = await to_thread.run_sync(look, limiter=_LOOKING)
            for line in lines:
                if line.id > seen and line.id not in sent:
                    sent.add(line.id)
                    said = time.monotonic()
                    yield b"id: %d\ndata: %b\n\n" % (line.id, msgspec.json.encode(show_line(line)))
            if not goes_on:
                return
            if time.monotonic() - said > KEEP_ALIVE:
                said = time.monotonic()
                yield b": still here\n\n"
            await anyio.sleep(LOOK_AGAIN)
    except (NotFound, Unavailable):
        return  # the client asks again, and is told then
    finally:
        _listening.discard(me)


def _look(ident: str, parts: Parts) -> tuple[bool, tuple[Entry, ...]]:
    """Whether the rescue (or unrescue, or the search for the instance) goes on, and its lines so
    far. Raises NotFound."""
    node = parts.store.nodes.get(ident)  # first: what ends it is in the lines then
    lines = lines_of(node, parts)
    return node.operation_id == lines[-1].operation_id or is_looked_for(node), lines
