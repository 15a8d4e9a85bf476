"""`/v1/conductors`: the workers, alive and dead."""

from typing import Any

from litestar import get

from stbernard.api import pages
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.timestamps import timestamp
from stbernard.store.conductors import Conductor
from stbernard.store.pages import Page

_IN_A_LIST = ("hostname", "conductor_group", "alive")
_SORTABLE = ("id", "hostname", "conductor_group", "created_at", "updated_at")


@get("/v1/conductors", sync_to_thread=True)
def list_conductors(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need("conductors")
    call.only(*pages.PAGING, "fields", "detail")
    fields = pages.fields(call, _IN_A_LIST)
    part = Page(
        limit=pages.limit(call, parts.settings.api.max_limit),
        sort_key=pages.sort_key(call, _SORTABLE, "id"),
        sort_dir=pages.sort_dir(call),
    )
    shown = [_show(each, call) for each in parts.store.conductors.list()]
    shown = pages.cut(shown, part, "hostname", call.query.get("marker"))
    last = shown[-1]["hostname"] if shown else None
    entries = [pages.only(each, fields) for each in shown]
    return pages.rendered(
        call, ("conductors", "conductors"), entries, last, part=part, fields=fields
    )


@get("/v1/conductors/{hostname:str}", sync_to_thread=True)
def show(hostname: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need("conductors")
    call.only("fields")
    return pages.only(_show(parts.store.conductors.get(hostname), call), call.words("fields"))


def _show(conductor: Conductor, call: Call) -> dict[str, Any]:
    return {
        "hostname": conductor.hostname,
        "conductor_group": conductor.conductor_group,
        "drivers": list(conductor.drivers),
        "alive": conductor.alive,
        "created_at": timestamp(conductor.registered_at),
        "updated_at": timestamp(conductor.alive_at),
        "links": call.links(f"conductors/{conductor.hostname}"),
    }
