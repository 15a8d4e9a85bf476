"""A Network service, a fake or the real one, and what tests make and see in it."""

import uuid
from typing import Any

from stbernard.openstack.session import make_adapter
from stbernard.openstack.settings import Neutron

PHYSICAL_NETWORK = "physnet1"


class World:
    """`options`: how the service under test, and this, reach the Network service."""

    def __init__(self, options: Neutron, url: str) -> None:
        self.options = options
        self._url = f"{url}/v2.0"
        self._session = make_adapter("neutron", options, "network")
        self._made: list[str] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, whatever its status."""
        return self._session.request(self._url + path, method, json=body, raise_exc=False)

    def network(self, name: str, **values: Any) -> str:
        """A new network with a subnet; its UUID."""
        ident = self._make("network", name=name, **values)
        number = len(self._made)
        self._make("subnet", network_id=ident, ip_version=4, cidr=f"10.88.{number}.0/24")
        return ident

    def security_group(self, name: str) -> str:
        return self._make("security-group", name=name)

    def vif(self, network: str, instance: str) -> str:
        """A port as Compute makes it for an instance."""
        return self._make(
            "port",
            network_id=network,
            device_id=instance,
            device_owner="compute:nova",
            **{"binding:vnic_type": "baremetal"},
        )

    def port(self, ident: str) -> dict[str, Any]:
        answer = self.call("GET", f"/ports/{ident}")
        assert answer.ok, answer.text
        port: dict[str, Any] = answer.json()["port"]
        return port

    def ports(self) -> dict[str, Any]:
        """All there are, as far as tests compare them: by UUID, without what changes with time."""
        fading = ("updated_at", "revision_number", "mac_address", "status", "fixed_ips")
        answer = self.call("GET", "/ports")
        assert answer.ok, answer.text
        return {
            port["id"]: {key: port[key] for key in port if key not in fading}
            for port in answer.json()["ports"]
        }

    def delete(self, path: str) -> None:
        answer = self.call("DELETE", path)
        assert answer.ok, answer.text

    def rename(self, network: str, name: str) -> None:
        answer = self.call("PUT", f"/networks/{network}", {"network": {"name": name}})
        assert answer.ok, answer.text

    def clean(self) -> None:
        """Delete what was made here, and all ports."""
        for ident in self.ports():
            self.delete(f"/ports/{ident}")
        for path in reversed(self._made):
            self.call("DELETE", path)

    def _make(self, kind: str, **values: Any) -> str:
        key = kind.replace("-", "_")
        answer = self.call("POST", f"/{kind}s", {key: values})
        assert answer.ok, answer.text
        ident: str = answer.json()[key]["id"]
        self._made.append(f"/{kind}s/{ident}")
        return ident


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"
