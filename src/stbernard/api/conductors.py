"""`/v1/conductors`: the workers, alive and dead."""

from typing import Any

from litestar import get

from stbernard.api import pages
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.node_view import timestamp
from stbernard.errors import BadRequest, InvalidParameter
from stbernard.store.conductors import Conductor
from stbernard.store.nodes import Page

_IN_A_LIST = ("hostname", "conductor_group", "alive")
_FIELDS = ("hostname", "conductor_group", "drivers", "alive", "created_at", "updated_at", "links")
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
    key = "hostname" if part.sort_key == "id" else part.sort_key
    shown.sort(key=lambda each: str(each[key]), reverse=part.sort_dir == "desc")
    shown = _after(shown, call.query.get("marker"))[: part.limit]
    last = shown[-1]["hostname"] if shown else None
    entries = [_only(each, fields) for each in shown]
    return pages.rendered(
        call, ("conductors", "conductors"), entries, last, part=part, fields=fields
    )


@get("/v1/conductors/{hostname:str}", sync_to_thread=True)
def show(hostname: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need("conductors")
    call.only("fields")
    return _only(_show(parts.store.conductors.get(hostname), call), call.words("fields"))


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


def _only(shown: dict[str, Any], fields: tuple[str, ...] | None) -> dict[str, Any]:
    if fields is None:
        return shown
    unknown = [name for name in fields if name not in _FIELDS]
    if unknown:
        raise InvalidParameter(f'Field(s) "{", ".join(unknown)[:300]}" are not valid')
    return {name: shown[name] for name in shown if name in fields or name == "links"}


def _after(shown: list[dict[str, Any]], marker: str | None) -> list[dict[str, Any]]:
    if marker is None:
        return shown
    for index, each in enumerate(shown):
        if each["hostname"] == marker:
            return shown[index + 1 :]
    raise BadRequest(f"Conductor {marker[:255]} could not be found.")
