"""The Network service (Neutron): the few calls that a bare metal service makes of it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from stbernard.errors import NetworkError, NetworkRefused
from stbernard.openstack.session import make_adapter
from stbernard.openstack.settings import Neutron

if TYPE_CHECKING:
    from keystoneauth1.adapter import Adapter

Found = dict[str, Any]
"""A network, security group or port as the Network API shows it."""

_VERSION = "/v2.0"
_NOT_FOUND = 404


class NetworkService:
    """One client for all threads. What fails raises NetworkError, NetworkRefused if for good."""

    def __init__(self, options: Neutron) -> None:
        self._options = options
        self._making = Lock()
        self._adapter: Adapter | None = None

    def networks(self, **filters: Any) -> list[Found]:
        """Those whose `id` or `name` is this one."""
        return self._list("networks", filters)

    def security_groups(self, ids: Sequence[str]) -> list[Found]:
        return self._list("security-groups", {"id": list(ids)})

    def ports(self, **filters: Any) -> list[Found]:
        """Those with this `network_id`, `mac_address`, `device_id`; a list: with any of these."""
        return self._list("ports", filters)

    def create_port(self, **values: Any) -> Found:
        answer = self._call("POST", "/ports", json={"port": values})
        port: Found = answer["port"]
        return port

    def port(self, ident: str) -> Found:
        port: Found = self._call("GET", f"/ports/{ident}")["port"]
        return port

    def update_port(self, ident: str, values: Mapping[str, Any]) -> Found:
        answer = self._call("PUT", f"/ports/{ident}", json={"port": dict(values)})
        port: Found = answer["port"]
        return port

    def delete_port(self, ident: str) -> None:
        """One that is not there is deleted already."""
        with suppress(PortNotFound):
            self._call("DELETE", f"/ports/{ident}")

    def _list(self, resource: str, filters: Mapping[str, Any]) -> list[Found]:
        answer = self._call("GET", f"/{resource}", params=dict(filters))
        found: list[Found] = answer[resource.replace("-", "_")]
        return found

    def _call(self, method: str, path: str, **request: Any) -> Any:
        from keystoneauth1 import exceptions  # noqa: PLC0415 (takes half a second)

        try:
            answer = self._client().request(self._base() + path, method, **request)
        except exceptions.HttpError as error:
            raise _refusal(method, path, error) from None
        except exceptions.ClientException as error:
            raise NetworkError(
                f"The Network service cannot be asked ({method} {path}): {error}. "
                "Check the service, its entry in the catalogue and [neutron] in the configuration."
            ) from None
        return answer.json() if answer.content else None

    def _client(self) -> "Adapter":
        with self._making:
            if self._adapter is None:
                seconds = self._options.timeout or self._options.request_timeout
                options = replace(self._options, timeout=seconds)
                self._adapter = make_adapter("neutron", options, "network")
            return self._adapter

    def _base(self) -> str:
        """The address of the API's one version; catalogues name it with the version or without."""
        endpoint = self._client().get_endpoint()
        if endpoint is None:
            raise NetworkError(
                "The service catalogue names no Network service for this region and interface. "
                "Add it there, or set [neutron]endpoint_override."
            )
        return str(endpoint).rstrip("/").removesuffix(_VERSION) + _VERSION


class PortNotFound(NetworkRefused):
    """There is no such port (any more)."""


def _refusal(method: str, path: str, error: Any) -> NetworkError:
    text = f"The Network service refused {method} {path} ({error.http_status}): {_reason(error)}"
    if error.http_status == _NOT_FOUND and path.startswith("/ports/"):
        return PortNotFound(text)
    kind = NetworkRefused if 400 <= error.http_status < 500 else NetworkError  # noqa: PLR2004
    return kind(text)


def _reason(error: Any) -> str:
    """The answer's own words: `{"NeutronError": {"message": …}}`."""
    try:
        return str(error.response.json()["NeutronError"]["message"])
    except (AttributeError, ValueError, KeyError, TypeError):
        return str(error.message)
