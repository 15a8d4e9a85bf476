"""`/v1/events` and `/v1/continue_inspection`: told by the network service and by ramdisks.

They are checked; nothing here waits for them.
"""

from typing import Any, NoReturn

from litestar import post

from stbernard.api import schemas
from stbernard.api.given import GivenCall, GivenParts
from stbernard.errors import Forbidden, InvalidParameter, NotFound

_TYPES = ("network.bind_port", "network.unbind_port", "network.delete_port")
_EVENT: schemas.Fields = {
    "event": schemas.Field(("string",)),
    "port_id": schemas.Field(("string",), read=schemas.uuid),
    "mac_address": schemas.Field(("string",), read=schemas.mac_address),
    "status": schemas.Field(("string",)),
    "device_id": schemas.UUID,
    "binding:host_id": schemas.UUID,
    "binding:vnic_type": schemas.Field(("string", "null")),
}
_REQUIRED = ("event", "port_id", "mac_address", "status")


@post("/v1/events", status_code=204, sync_to_thread=False)
def receive(call: GivenCall) -> None:
    call.need("events")
    call.only()
    events = {"events": schemas.Field(("array",))}
    given: list[Any] = schemas.check("events", call.json(), events, required=("events",))["events"]
    if not given:
        raise InvalidParameter("Schema error for events: it should be non-empty")
    for each in given:
        event = schemas.check("event", each, _EVENT, required=_REQUIRED)
        if event["event"] not in _TYPES:
            raise InvalidParameter(
                f"Schema error for event: '{event['event'][:100]}' is not one of {list(_TYPES)}"
            )


@post("/v1/continue_inspection", status_code=202, sync_to_thread=False)
def continue_inspection(call: GivenCall, parts: GivenParts) -> NoReturn:
    """No inspection waits for a ramdisk, and unknown servers are not enrolled."""
    if not parts.settings.api.enable_ramdisk_endpoints:
        raise Forbidden("Access was denied to the following resource: /v1/continue_inspection")
    call.need("continue_inspection")
    call.only("node_uuid")
    given = call.json()
    inventory = given.get("inventory") if isinstance(given, dict) else None
    if not isinstance(inventory, dict) or not isinstance(inventory.get("interfaces"), list):
        raise InvalidParameter(
            "Schema error for data: an 'inventory' with 'interfaces' is required"
        )
    raise NotFound("Resource could not be found.")
