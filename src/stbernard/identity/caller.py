"""Who sent a request, as the Identity service knows it."""

from typing import Any

import msgspec


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The user of a token, the scope the user acts in, and the roles there.

    `project_name` and the like are None in another scope; `service_*` are those of the service
    that sent the request on behalf of the user (X-Service-Token)."""

    user_id: str | None = None
    user_name: str | None = None
    user_domain_id: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    domain_id: str | None = None
    system_scope: str | None = None
    is_admin_project: bool = True
    roles: tuple[str, ...] = ()
    service_user_id: str | None = None
    service_project_id: str | None = None
    service_roles: tuple[str, ...] = ()

    @property
    def in_system_scope(self) -> bool:
        return self.system_scope == "all"

    def credentials(self) -> dict[str, Any]:
        """As oslo.policy's rules name them: `role:admin and system_scope:all`."""
        known = msgspec.structs.asdict(self)
        return known | {"roles": list(self.roles), "service_roles": list(self.service_roles)}
