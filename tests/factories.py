"""Nodes and ports for tests: everything has a value, name what matters."""

import uuid
from typing import Any

from stbernard import clock
from stbernard.nodes import Node, Port, Portgroup


def a_node(**values: Any) -> Node:
    defaults: dict[str, Any] = {
        "uuid": str(uuid.uuid4()),
        "created_at": clock.now(),
        "driver": "fake-hardware",
        "power_interface": "fake",
        "management_interface": "fake",
        "boot_interface": "fake",
        "network_interface": "noop",
        "rescue_interface": "fake",
        "provision_state": "active",
    }
    return Node(**(defaults | values))


def a_port(node: Node, **values: Any) -> Port:
    defaults: dict[str, Any] = {
        "uuid": str(uuid.uuid4()),
        "node_uuid": node.uuid,
        "address": "52:54:00:77:00:01",
        "created_at": clock.now(),
    }
    return Port(**(defaults | values))


def a_portgroup(node: Node, **values: Any) -> Portgroup:
    defaults: dict[str, Any] = {
        "uuid": str(uuid.uuid4()),
        "node_uuid": node.uuid,
        "created_at": clock.now(),
    }
    return Portgroup(**(defaults | values))
