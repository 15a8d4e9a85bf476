"""[DEFAULT]auth_strategy = keystone: tokens, as the Identity service says who has them.

What it said is remembered for [keystone_authtoken]token_cache_time, but never beyond the token's
end. Requests with one token that come together ask once. An Identity service that is away, or does
not let this service in, is a 503: nobody's token is wrong for that.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import structlog
from anyio import CapacityLimiter, to_thread

from stbernard.errors import Unauthorized, Unavailable
from stbernard.identity.caller import Caller
from stbernard.openstack.session import make_session
from stbernard.openstack.settings import KeystoneAuthtoken

if TYPE_CHECKING:
    from keystoneauth1.adapter import Adapter

log = structlog.get_logger()

TIMEOUT = 10  # seconds
_AT_A_TIME = 8  # questions to the Identity service
_REMEMBERED = 10_000  # tokens


class _Known(NamedTuple):
    """What is remembered of a token: None if it is none. `until`: on time.monotonic()."""

    caller: Caller | None
    ends_at: float
    until: float


class Keystone:
    """The Identity service of these options."""

    def __init__(self, options: KeystoneAuthtoken) -> None:
        """Asks it nothing yet. Raises SettingsError."""
        self._options = options
        self._adapter = _adapter(options)
        self._known: dict[bytes, _Known] = {}
        self._asked: dict[bytes, asyncio.Task[_Known]] = {}
        self._limiter: CapacityLimiter | None = None  # made in the event loop
        where = options.www_authenticate_uri or options.auth_url
        self._challenge = f'Keystone uri="{where}"'

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Raises Unauthorized, Unavailable."""
        service, expired_too = None, False
        if token := headers.get("x-service-token"):
            service = await self._service(token)
            expired_too = self._is_service(service)
        token = headers.get("x-auth-token")
        if not token:
            raise self._unauthorized()
        user = await self._whose(token, expired_too=expired_too)
        if service is None:
            return user
        return msgspec.structs.replace(
            user,
            service_user_id=service.user_id,
            service_project_id=service.project_id,
            service_roles=service.roles,
        )

    async def _service(self, token: str) -> Caller:
        service = await self._whose(token)
        if self._options.service_token_roles_required and not self._is_service(service):
            log.info("a service token without one of the roles", user=service.user_id)
            raise self._unauthorized()
        return service

    def _is_service(self, caller: Caller) -> bool:
        return bool(set(caller.roles).intersection(self._options.service_token_roles))

    async def _whose(self, token: str, *, expired_too: bool = False) -> Caller:
        key = hashlib.sha256(f"{expired_too} {token.strip()}".encode()).digest()
        known = self._known.get(key)
        if known is None or known.until <= time.monotonic():
            known = await self._ask_once(key, token.strip(), expired_too=expired_too)
        if known.caller is None or (not expired_too and known.ends_at <= time.time()):
            raise self._unauthorized()
        return known.caller

    async def _ask_once(self, key: bytes, token: str, *, expired_too: bool) -> _Known:
        task = self._asked.get(key)
        if task is None:
            self._limiter = self._limiter or CapacityLimiter(_AT_A_TIME)
            asked = to_thread.run_sync(self._ask, token, expired_too, limiter=self._limiter)
            task = self._asked[key] = asyncio.ensure_future(asked)
            task.add_done_callback(lambda done: self._remember(key, done))
        return await asyncio.shield(task)  # who goes away takes the answer from nobody else

    def _remember(self, key: bytes, task: "asyncio.Task[_Known]") -> None:
        self._asked.pop(key, None)
        self._known.pop(key, None)
        if task.cancelled() or task.exception() or self._options.token_cache_time <= 0:
            return
        if len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)))  # the oldest
        self._known[key] = task.result()

    def _ask(self, token: str, expired_too: bool) -> _Known:
        """One GET /v3/auth/tokens, on a thread. Raises Unavailable."""
        from keystoneauth1.exceptions import ClientException, NotFound  # noqa: PLC0415

        until = time.monotonic() + self._options.token_cache_time
        try:
            answer = self._adapter.get(
                "/auth/tokens",
                params={"nocatalog": ""} | ({"allow_expired": "1"} if expired_too else {}),
                headers={"X-Subject-Token": token, "Accept": "application/json"},
                authenticated=True,
                log=False,  # it would be this token
            )
            body = answer.json()["token"]
            return _Known(_caller(body), _seconds(body["expires_at"]), until)
        except NotFound:
            return _Known(None, 0, until)
        except (ClientException, ValueError, KeyError, TypeError) as error:
            log.error("the Identity service does not say whose a token is", error=str(error)[:500])
            raise Unavailable(
                "The Identity service cannot say now whose token this is. Try again."
            ) from error

    def _unauthorized(self) -> Unauthorized:
        return Unauthorized("The request you have made requires authentication.", self._challenge)


def _adapter(options: KeystoneAuthtoken) -> "Adapter":
    from keystoneauth1.adapter import Adapter  # noqa: PLC0415

    return Adapter(
        make_session("keystone_authtoken", options, options.http_connect_timeout or TIMEOUT),
        service_type="identity",
        interface=[options.interface, "public"],
        region_name=options.region_name,
        min_version="3",
        max_version="3.latest",
        connect_retries=options.http_request_max_retries,
    )


def _caller(token: Mapping[str, Any]) -> Caller:
    """The caller of the `token` of an answer (Identity API v3)."""
    user, project = token["user"], token.get("project") or {}
    return Caller(
        user_id=user["id"],
        user_name=user.get("name"),
        user_domain_id=user.get("domain", {}).get("id"),
        project_id=project.get("id"),
        project_name=project.get("name"),
        project_domain_id=project.get("domain", {}).get("id"),
        domain_id=(token.get("domain") or {}).get("id"),
        system_scope="all" if (token.get("system") or {}).get("all") else None,
        is_admin_project=token.get("is_admin_project", True),
        roles=tuple(role["name"] for role in token.get("roles", ())),
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
