"""The requests of which `make bench` measures what they cost."""

import uuid
from collections.abc import Iterator

from bench.contenders import Contender
from bench.loader import Request, again_and_again

CONNECTIONS = 16


def new_nodes() -> Iterator[Request]:
    while True:
        ident = str(uuid.uuid4())
        body = {
            "uuid": ident,
            "name": f"node-{ident[:8]}",
            "driver": "fake-hardware",
            "driver_info": {"redfish_address": "https://192.0.2.1", "redfish_username": "admin"},
            "properties": {"cpus": 32, "memory_mb": 131072, "local_gb": 960, "cpu_arch": "x86_64"},
            "extra": {"rack": "r17", "unit": 7},
            "resource_class": "baremetal",
        }
        yield Request("POST", "/v1/nodes", body)


def every_node(contender: Contender) -> Iterator[Request]:
    return again_and_again(*(Request("GET", f"/v1/nodes/{ident}") for ident in contender.uuids()))


def heartbeats(contender: Contender) -> list[Request]:
    """A heartbeat for each of some nodes, with the token that its lookup got."""
    nodes = contender.uuids(4 * CONNECTIONS)
    found = [contender.server.get(f"/v1/lookup?node_uuid={ident}") for ident in nodes]
    return [
        Request(
            "POST",
            f"/v1/heartbeat/{ident}",
            {
                "callback_url": "https://192.0.2.2:9999",
                "agent_token": answer["config"]["agent_token"],
                "agent_version": "13.0.0",
            },
        )
        for ident, answer in zip(nodes, found, strict=True)
    ]
