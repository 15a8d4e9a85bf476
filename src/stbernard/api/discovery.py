"""`/` and `/v1`: which versions there are, where the resources are. `/openapi.json`: all of it."""

from pathlib import Path
from typing import Any

from litestar import Response, get

from stbernard.api.call import Call
from stbernard.api.given import GivenCall
from stbernard.api.microversions import MAXIMUM, MINIMUM, SINCE

_OPENAPI = Path(__file__).with_name("openapi.json")
_ALWAYS = ("chassis", "nodes", "ports", "drivers")


@get("/", sync_to_thread=False)
def root(call: GivenCall) -> dict[str, Any]:
    return {
        "name": "OpenStack Ironic API",
        "description": "St. Bernard: the Bare Metal API v1, built around rescue.",
        "default_version": _version(call),
        "versions": [_version(call)],
    }


@get("/v1", sync_to_thread=False)
def v1(call: GivenCall) -> dict[str, Any]:
    resources = SINCE["resource"]
    offered = [name for name in resources if call.version.allows("resource", name)]
    documentation = "https://docs.openstack.org//ironic/latest/contributor//webapi.html"
    return {
        "id": "v1",
        "links": [
            {"href": f"{call.base}/v1/", "rel": "self"},
            {"href": documentation, "rel": "describedby", "type": "text/html"},
        ],
        "media_types": {
            "base": "application/json",
            "type": "application/vnd.openstack.ironic.v1+json",
        },
        "version": _version(call),
        **{name: call.links(f"{name}/") for name in (*_ALWAYS, *offered)},
    }


@get("/openapi.json", sync_to_thread=True)
def openapi() -> Response[bytes]:
    """The API in OpenAPI 3.1. It is read anew each time: nobody asks often, it takes no memory."""
    return Response(_OPENAPI.read_bytes(), media_type="application/json")


def _version(call: Call) -> dict[str, Any]:
    return {
        "id": "v1",
        "links": [{"href": f"{call.base}/v1/", "rel": "self"}],
        "status": "CURRENT",
        "min_version": f"1.{MINIMUM}",
        "version": f"1.{MAXIMUM}",
    }
