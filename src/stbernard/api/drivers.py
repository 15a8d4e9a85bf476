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
from stbernard.store.conductors import Conductor

_LOGICAL_DISK = {
    "raid_level": "One of 'JBOD', '0', '1', '2', '5', '6', '1+0', '5+0', '6+0'. Required.",
    "size_gb": "Size in GiB (an integer), or 'MAX' for all the space that is left. Required.",
    "volume_name": "Name of the volume; made up unless given.",
    "is_root_volume": "Whether the volume is the root device; no unless given.",
    "share_physical_disks": "Whether other volumes may be on the same disks; no unless given.",
    "disk_type": "'hdd' or 'ssd'; any unless given.",
    "interface_type": "'sata', 'scsi' or 'sas'; any unless given.",
    "number_of_physical_disks": "How many disks to use; as few as the level needs unless given.",
    "controller": "The RAID controller to use; a suitable one unless given.",
    "physical_disks": "The disks to use (with `controller`); suitable ones unless given.",
}


@get("/v1/drivers", sync_to_thread=True)
def list_drivers(call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("type", "detail", "fields")
    call.version.require("driver query", call.query)
    kind, detail, fields = call.query.get("type"), call.flag("detail"), call.words("fields")
    if kind not in (None, "classic", "dynamic"):
        raise InvalidParameter(
            f"\"type\" filter must be one of 'classic' or 'dynamic', not {kind[:100]}"
        )
    if fields is not None and detail:
        raise InvalidParameter("Can not specify ?detail=True and fields in the same request.")
    names = parts.drivers.hardware_types() if kind != "classic" else ()
    conductors = parts.store.conductors.list()
    shown = [_show(name, call, parts, conductors, detail=bool(detail or fields)) for name in names]
    return {"drivers": [pages.only(each, fields) for each in shown]}


@get("/v1/drivers/{name:str}", sync_to_thread=True)
def show(name: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only("fields")
    call.version.require("driver query", call.query)
    check_driver(name, parts)
    shown = _show(name, call, parts, parts.store.conductors.list(), detail=True)
    return pages.only(shown, call.words("fields"))


@get("/v1/drivers/{name:str}/properties", sync_to_thread=True)
def properties(name: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.only()
    check_driver(name, parts)
    return dict(parts.drivers.properties(name))


@get("/v1/drivers/{name:str}/raid/logical_disk_properties", sync_to_thread=True)
def logical_disk_properties(name: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.version.require("driver field", ("raid",))
    call.only()
    check_driver(name, parts)
    if parts.drivers.default(name, "raid") == "no-raid":
        raise NotFound(f"Driver {name} does not support raid (disabled or not implemented).")
    return dict(_LOGICAL_DISK)


def check_driver(name: str, parts: Parts) -> None:
    """Raises NotFound."""
    if name not in parts.drivers.hardware_types():
        raise NotFound(
            f"Could not find the following driver(s) or hardware type(s): {name[:255]}. "
            f"Enabled are {', '.join(parts.drivers.hardware_types())}."
        )


def _show(
    name: str, call: Call, parts: Parts, conductors: Iterable[Conductor], *, detail: bool
) -> dict[str, Any]:
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
    return {key: shown[key] for key in shown if call.version.allows("driver field", key)}
