"""The Compute service (Nova): told when a server of its own was switched on or off."""

from functools import cache
from typing import TYPE_CHECKING

from stbernard.openstack.session import make_adapter
from stbernard.openstack.settings import Nova

if TYPE_CHECKING:
    from keystoneauth1.adapter import Adapter

_VERSION = {"OpenStack-API-Version": "compute 2.76"}  # the first with these events
_TAGS = {"power on": "POWER_ON", "power off": "POWER_OFF"}


def tell_power(options: Nova, instance: str, power: str) -> str | None:
    """Tell it of an instance's power state. Best effort: returns why it could not be told."""
    from keystoneauth1.exceptions import ClientException  # noqa: PLC0415 (takes half a second)

    event = {"name": "power-update", "server_uuid": instance, "tag": _TAGS[power]}
    try:
        _client(options).post(
            "/os-server-external-events", json={"events": [event]}, headers=_VERSION
        )
    except ClientException as error:
        return f"Compute was not told that the server is at '{power}': {error}"
    return None


@cache
def _client(options: Nova) -> "Adapter":
    return make_adapter("nova", options, "compute")
