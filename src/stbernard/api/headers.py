"""The headers that every answer carries."""

import time
import uuid
from typing import cast

from litestar.types import HTTPScope, Message, Scope

from stbernard import metrics
from stbernard.api.microversions import MAXIMUM, MINIMUM


def request_id(scope: Scope) -> str:
    """The id of a request, made when it is first asked for."""
    return str(scope["state"].setdefault("request_id", f"req-{uuid.uuid4()}"))


async def add_headers(message: Message, scope: Scope) -> None:
    """Versions and request id. An empty answer has no content type (as in Ironic)."""
    if message["type"] != "http.response.start":
        return
    _count(message["status"], scope)
    name = "X-OpenStack-Ironic-API"
    added = {
        f"{name}-Minimum-Version": f"1.{MINIMUM}",
        f"{name}-Maximum-Version": f"1.{MAXIMUM}",
        "x-openstack-request-id": request_id(scope),
        "openstack-request-id": request_id(scope),
    }
    if version := scope["state"].get("version"):
        added[f"{name}-Version"] = version
    headers = list(message["headers"])
    if (b"content-length", b"0") in headers:
        headers = [(key, value) for key, value in headers if key != b"content-type"]
    encoded = [(key.lower().encode(), value.encode()) for key, value in added.items()]
    message["headers"] = [*headers, *encoded]


def _count(status: int, scope: Scope) -> None:
    """By the route's template: what clients make up is one route, none."""
    request = cast(HTTPScope, scope)
    route = request.get("path_template") or "none"
    seconds = time.perf_counter() - request["state"]["began"]
    metrics.answered(str(request["method"]), route, status, seconds)
