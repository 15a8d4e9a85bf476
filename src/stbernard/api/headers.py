"""The headers that every answer carries."""

import time
import uuid
from typing import cast

from litestar.types import HTTPScope, Message, Scope

from stbernard import metrics
from stbernard.api.microversions import MAXIMUM, MINIMUM

_VERSION = b"x-openstack-ironic-api-version"
_ALWAYS = (
    (b"x-openstack-ironic-api-minimum-version", f"1.{MINIMUM}".encode()),
    (b"x-openstack-ironic-api-maximum-version", f"1.{MAXIMUM}".encode()),
)


class _AsWritten(bytes):
    """The name of a header that uvicorn sends in these letters, and still knows.

    GRUB finds no other (grub-core/net/http.c of 2.06)."""

    def lower(self) -> bytes:
        return self

    def __eq__(self, other: object) -> bool:
        return super().lower() == other

    __hash__ = None  # type: ignore[assignment]


_LENGTH = _AsWritten(b"Content-Length")


def request_id(scope: Scope) -> str:
    """The id of a request, made when it is first asked for."""
    state = scope["state"]
    if "request_id" not in state:
        state["request_id"] = f"req-{uuid.uuid4()}"
    return str(state["request_id"])


async def add_headers(message: Message, scope: Scope) -> None:
    """Versions and request id. An empty answer has no content type (as in Ironic)."""
    if message["type"] != "http.response.start":
        return
    _count(message["status"], scope)
    ident = request_id(scope).encode()
    added = [*_ALWAYS, (b"x-openstack-request-id", ident), (b"openstack-request-id", ident)]
    if version := scope["state"].get("version"):
        added.append((_VERSION, version.encode()))
    headers = list(message["headers"])
    if (b"content-length", b"0") in headers:
        headers = [(key, value) for key, value in headers if key != b"content-type"]
    if scope["path"].startswith("/boot/"):
        headers = [(_LENGTH if key == _LENGTH else key, value) for key, value in headers]
    message["headers"] = [*headers, *added]


def _count(status: int, scope: Scope) -> None:
    """By the route's template: what clients make up is one route, none."""
    request = cast(HTTPScope, scope)
    route = request.get("path_template") or "none"
    seconds = time.perf_counter() - request["state"]["began"]
    metrics.answered(str(request["method"]), route, status, seconds)
