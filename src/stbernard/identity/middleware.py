"""The door of the API: who may not come in is answered here, in the shape that clients know."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

from structlog.contextvars import bind_contextvars

from stbernard.errors import SettingsError, StBernardError
from stbernard.identity.caller import Caller
from stbernard.settings import Settings

Scope = Any

_PUBLIC = frozenset(
    (
        *("/", "/v1", "/v1/lookup", "/v1/continue_inspection"),
        *("/openapi.json", "/healthz", "/readyz", "/metrics"),
    )
)
_PUBLIC_BELOW = ("/v1/heartbeat/", "/boot/")


class Strategy(Protocol):
    """A way to find out who sends a request."""

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Raises Unauthorized, BadRequest, Unavailable. `headers` are in lower case."""


def strategy(settings: Settings) -> Strategy | None:
    """The one of [DEFAULT]auth_strategy; None: nobody is asked. Raises SettingsError."""
    match settings.default.auth_strategy:
        case "noauth":
            return None
        case "http_basic":
            from stbernard.identity.http_basic import HttpBasic  # noqa: PLC0415

            return HttpBasic(settings.default.http_basic_auth_user_file)
        case "keystone":
            from stbernard.identity.keystone import Keystone  # noqa: PLC0415 (keystoneauth1)

            return Keystone(settings.keystone_authtoken)
        case other:
            raise SettingsError(f"[DEFAULT]auth_strategy is wrong: there is no {other!r}.")


def is_public(path: str) -> bool:
    """Whether this path needs no authentication: what tells of no node but to its own ramdisk."""
    return (path.rstrip("/") or "/") in _PUBLIC or path.startswith(_PUBLIC_BELOW)


async def not_admitted(strategy: Strategy, scope: Scope) -> StBernardError | None:
    """Find out who sends a request, for scope["state"]["caller"]; or why it may not come in."""
    if is_public(scope["path"]):
        return None
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    try:
        caller = await strategy.caller(headers)
    except StBernardError as error:
        return error
    scope["state"]["caller"] = caller
    bind_contextvars(user=caller.user_id)  # in every line of the request's log
    return None


def refusal(error: StBernardError) -> tuple[Any, Any]:
    """The answer, as the two messages of ASGI."""
    status = HTTPStatus(error.status)
    body = json.dumps({"error": {"message": str(error), "code": status.value}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if challenge := getattr(error, "challenge", None):
        headers.append((b"www-authenticate", challenge.encode("latin-1", "replace")))
    if retry_after := getattr(error, "retry_after", None):
        headers.append((b"retry-after", str(retry_after).encode()))
    start = {"type": "http.response.start", "status": status.value, "headers": headers}
    return start, {"type": "http.response.body", "body": body, "more_body": False}
