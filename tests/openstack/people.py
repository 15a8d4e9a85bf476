"""Projects and users of the private OpenStack, made for a test run."""

from dataclasses import dataclass
from typing import Any

from keystoneauth1.adapter import Adapter
from tools.openstack.config import IDENTITY, credentials

from stbernard.openstack.session import make_adapter
from stbernard.openstack.settings import Client

PASSWORD = "their-secret"


@dataclass(frozen=True)
class Person:
    """A user with one role, and how to log in as that one."""

    name: str
    project: str | None

    def login(self) -> tuple[str, ...]:
        """As the options of the `openstack` client."""
        where = ["--os-system-scope", "all"]
        if self.project:
            where = ["--os-project-name", self.project, "--os-project-domain-name", "Default"]
        who = ["--os-username", self.name, "--os-password", PASSWORD]
        who += ["--os-user-domain-name", "Default", "--os-auth-url", IDENTITY]
        return ("--os-auth-type", "password", *who, *where)

    def token(self) -> str:
        scope: dict[str, Any] = {"system_scope": "all"}
        if self.project:
            scope = {"project_name": self.project, "project_domain_name": "Default"}
        user: dict[str, Any] = {"username": self.name, "password": PASSWORD}
        options = Client(
            auth_type="password", auth_url=IDENTITY, user_domain_name="Default", **user, **scope
        )
        return str(make_adapter("test", options, "identity").get_token())


class People:
    """Makes them, as the cloud's first user."""

    def __init__(self) -> None:
        admin = credentials("admin") | {"project_name": "admin"}
        self._identity: Adapter = make_adapter("test", Client(**admin), "identity")

    def project(self, name: str) -> str:
        """Its id."""
        return self._make("project", {"name": name})

    def person(self, name: str, role: str, project: str | None = None) -> Person:
        """With this role in a project, or (None) in the system."""
        user = self._make("user", {"name": name, "password": PASSWORD})
        where = f"projects/{self.project(project)}" if project else "system"
        self._call("PUT", f"/{where}/users/{user}/roles/{self._make('role', {'name': role})}")
        return Person(name, project)

    def token(self) -> str:
        """Of the cloud's first user."""
        return str(self._identity.get_token())

    def revoke(self, token: str) -> None:
        self._call("DELETE", "/auth/tokens", headers={"X-Subject-Token": token})

    def _make(self, kind: str, about: dict[str, str]) -> str:
        found = self._call("GET", f"/{kind}s", params={"name": about["name"]})[f"{kind}s"]
        made = found or [self._call("POST", f"/{kind}s", json={kind: about})[kind]]
        return str(made[0]["id"])

    def _call(self, method: str, path: str, **request: Any) -> Any:
        answer = self._identity.request(f"{IDENTITY}{path}", method, **request)
        return answer.json() if answer.content else None
