"""An API with roles, and one caller for each kind of person who calls it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stbernard.api.gate import Gate
from stbernard.api.parts import Parts
from stbernard.api.policies import Policies
from stbernard.errors import Unauthorized
from stbernard.identity.caller import Caller
from stbernard.settings import Settings
from tests.unit.api.fakes import Client, client_of

OWNER, LESSEE, OTHER = "project-owner", "project-lessee", "project-other"
_IMPLIED = {
    "admin": ("admin", "manager", "member", "reader"),
    "manager": ("manager", "member", "reader"),
    "member": ("member", "reader"),
    "reader": ("reader",),
    "service": ("service",),
    "nobody": (),
}


def caller(where: str, role: str) -> Caller:
    """With a role, and those that it implies in Keystone, in a project or the system."""
    roles = _IMPLIED[role]
    if where == "system":
        return Caller(user_id=role, system_scope="all", roles=roles)
    if where == "domain":
        return Caller(user_id=role, domain_id="default", roles=roles)
    return Caller(user_id=role, project_id=where, project_name=where, roles=roles)


class Tokens:
    """Tokens that say it all: `project-owner/member`."""

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        where, slash, role = headers.get("x-auth-token", "").partition("/")
        if not slash:
            raise Unauthorized("The request you have made requires authentication.", "Keystone")
        return caller(where, role)


def with_roles(parts: Parts, settings: Settings | None = None) -> Parts:
    settings = settings or parts.settings
    gate = Gate(Policies(settings), parts.store)
    return replace(parts, settings=settings, identity=Tokens(), gate=gate)


def as_(client: Client, who: str) -> Client:
    """The same client, from now on with this one's token."""
    client.headers["X-Auth-Token"] = who
    return client


def client_with_roles(parts: Parts, who: str, **settings: Any) -> Client:
    chosen = replace(parts.settings, **settings)
    return as_(client_of(with_roles(parts, chosen)), who)
