"""Users, roles, services and endpoints of the private OpenStack; may be done again."""

from typing import Any

from stbernard.openstack.session import make_adapter
from stbernard.openstack.settings import Client
from tools.openstack.config import HOST, IDENTITY, PORTS, REGION, credentials

SERVICES = {
    "placement": ("placement", f"http://{HOST}:{PORTS['placement']}"),
    "glance": ("image", f"http://{HOST}:{PORTS['glance']}"),
    "neutron": ("network", f"http://{HOST}:{PORTS['neutron']}"),
    "nova": ("compute", f"http://{HOST}:{PORTS['nova']}/v2.1"),
}
"""Each service's user, with its type and address."""


class Identity:
    """The Identity service, as its first user, who may do everything."""

    def __init__(self) -> None:
        admin = credentials("admin") | {"project_name": "admin"}
        self._session = make_adapter("admin", Client(**admin), "identity")

    def register(self, bare_metal: str) -> None:
        """What it has to know of everybody; `bare_metal`: the URL of that service."""
        project = self._ensure("project", name="service")
        roles = {name: self._ensure("role", name=name) for name in ("admin", "service")}
        password = credentials("")["password"]
        for name, (kind, url) in {**SERVICES, "ironic": ("baremetal", bare_metal)}.items():
            user = self._ensure("user", {"password": password}, name=name)
            for role in roles.values():
                self._call("PUT", f"/projects/{project}/users/{user}/roles/{role}")
            self._call("PUT", f"/system/users/{user}/roles/{roles['admin']}")
            service = self._ensure("service", {"type": kind}, name=name)
            for interface in ("public", "internal"):
                about = {"service_id": service, "interface": interface}
                endpoint = self._ensure("endpoint", {"url": url, "region_id": REGION}, **about)
                self._call("PATCH", f"/endpoints/{endpoint}", {"endpoint": {"url": url}})

    def _ensure(self, kind: str, more: dict[str, str] | None = None, **about: str) -> str:
        """The id of what is so, made if there is none."""
        found = self._call("GET", f"/{kind}s", params=about)[f"{kind}s"]
        made = found or [self._call("POST", f"/{kind}s", {kind: about | (more or {})})[kind]]
        return str(made[0]["id"])

    def _call(self, method: str, path: str, body: Any = None, **request: Any) -> Any:
        answer = self._session.request(f"{IDENTITY}{path}", method, json=body, **request)
        return answer.json() if answer.content else None
