"""`/v1/drivers`: the hardware types, their interfaces and the driver_info they understand."""

from collections.abc import Iterable
from typing import Any

from litestar import get

from stbernard.api import pages
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.errors import InvalidParameter, NotFound
from stbernard.nodes import INTERFACES


@get("/v1/drivers", sync_to_thread=True)
def list_drivers(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("type", "detail", "fields")
    call.version.require("driver query", call.query)
    kind, detail, fields = call.query.get("type"), call.flag("detail"), call.words("fields")
    if kind not in (None, "classic", "dynamic"):
        raise InvalidParameter(
            f"\"type\" filter must be one of 'classic' or 'dynamic', not {kind[:100]}"
        )
    names = parts.drivers.hardware_types() if kind != "classic" else ()
    return {"drivers": [_show(name, call, parts, fields, detail=bool(detail)) for name in names]}


@get("/v1/drivers/{name:str}", sync_to_thread=True)
def show(name: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("fields")
    call.version.require("driver query", call.query)
    if name not in parts.drivers.hardware_types():
        raise _unknown(name)
    return _show(name, call, parts, call.words("fields"), detail=True)


@get("/v1/drivers/{name:str}/properties", sync_to_thread=True)
def properties(name: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    if name not in parts.drivers.hardware_types():
        raise _unknown(name)
    return dict(parts.drivers.properties(name))


def _unknown(name: str) -> NotFound:
    return NotFound(f"Could not find the following driver(s) or hardware type(s): {name[:255]}.")


def _show(
    name: str, call: Call, parts: Parts, fields: Iterable[str] | None, *, detail: bool
) -> dict[str, Any]:
    conductors = parts.store.conductors.list()
    shown: dict[str, Any] = {
        "name": name,
        "hosts": [each.hostname for each in conductors if each.alive and name in each.drivers],
        "links": call.links(f"drivers/{name}"),
        "properties": call.links(f"drivers/{name}/properties"),
        "type": "dynamic",
    }
    if detail:
        for kind in INTERFACES:
            shown[f"default_{kind}_interface"] = parts.drivers.default(name, kind)
            shown[f"enabled_{kind}_interfaces"] = list(parts.drivers.supported(name, kind))
    shown = {key: shown[key] for key in shown if call.version.allows("driver field", key)}
    return pages.only(shown, fields)
