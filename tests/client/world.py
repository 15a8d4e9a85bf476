"""The things that commands are about, made when a row of the tables first names them."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.service import Server

NOBODY = "ffffffff-0000-4000-8000-00000000dead"
INSTANCE = "aaaaaaaa-0000-4000-8000-00000000beef"
STEP = {"interface": "deploy", "step": "deploy", "args": {}, "priority": 10}
ORDERED = {"interface": "deploy", "step": "deploy", "args": {}, "order": 1}
_NAME = re.compile(r"<(\w+)>")


class World:
    """What `<port>`, `<active>` … stand for in one test: the UUIDs of things of its own.

    `<word>`, `<mac>` and `<folder>` are a name, an address and a folder that nobody else has."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        word = f"w{uuid.uuid4().hex[:10]}"
        mac = "52:54:00:" + ":".join(word[each : each + 2] for each in (1, 3, 5))
        self._known = {"nobody": NOBODY, "word": word, "mac": mac, "folder": str(folder)}

    def fill(self, value: Any) -> Any:
        """The same with every `<name>` in it replaced."""
        if isinstance(value, str):
            return _NAME.sub(lambda found: self[found[1]], value)
        if isinstance(value, Mapping):
            return {key: self.fill(each) for key, each in value.items()}
        return [self.fill(each) for each in value] if isinstance(value, list) else value

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = _MAKERS[name](self)
        return self._known[name]

    def get(self, path: str) -> Any:
        return self._server.get(f"/v1/{path}")

    def make(self, path: str, **body: Any) -> str:
        """POST it; its UUID."""
        answer = self._server.call("POST", f"/v1/{path}", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["uuid"])

    def put(self, path: str, **body: Any) -> None:
        answer = self._server.call("PUT", f"/v1/{path}", body)
        assert answer.ok, answer.text

    def node(self, *verbs: tuple[str, str], **arguments: Any) -> str:
        """A node brought to a state by verbs, each with the state it leads to."""
        made = self.make("nodes", driver="fake-hardware", resource_class=self["word"])
        for verb, state in verbs:
            extra = arguments if (verb, state) == verbs[-1] else {}
            self.put(f"nodes/{made}/states/provision", target=verb, **extra)
            self._server.wait_for_state(made, state)
        return made

    def below(self, node: str, path: str, **body: Any) -> str:
        """Something that belongs to a node."""
        return self.make(path, node_uuid=self[node], **body)


def _node(*verbs: tuple[str, str], **arguments: Any) -> Callable[[World], str]:
    return lambda world: world.node(*verbs, **arguments)


def _allocation(world: World) -> str:
    """One that has found its node, which has to have a power state for that."""
    _switch(world, "available", "power on")
    made = world.make("allocations", name=world["word"], resource_class=world["word"])
    world._server.wait(
        lambda: world.get(f"allocations/{made}")["state"] == "active", "the allocation is active"
    )
    return made


def _file(world: World) -> str:
    """A file that describes a node with a port."""
    path = Path(world["folder"]) / "resources.json"
    port = {"address": world["mac"]}
    node = {"driver": "fake-hardware", "name": world["word"], "ports": [port]}
    path.write_text(json.dumps({"nodes": [node]}))
    return str(path)


def _shard(world: World) -> str:
    world.make("nodes", driver="fake-hardware", shard=world["word"])
    return world["word"]


def _traited(world: World) -> str:
    world.put(f"nodes/{world['enroll']}/traits/CUSTOM_RAID")
    return world["enroll"]


def _switch(world: World, name: str, power: str) -> str:
    """A node switched on or off."""
    node = world[name]
    world.put(f"nodes/{node}/states/power", target=power)
    world._server.wait(
        lambda: world.get(f"nodes/{node}")["power_state"] == power, f"the node is at {power}"
    )
    return node


_MANAGE, _PROVIDE = ("manage", "manageable"), ("provide", "available")
_ADOPT, _RESCUE = ("adopt", "active"), ("rescue", "rescue")
_HOLD = {
    "clean_steps": [
        {"interface": "deploy", "step": "hold"},
        {"interface": "bios", "step": "factory_reset"},
    ]
}
_MAKERS: Mapping[str, Callable[[World], str]] = {
    "enroll": _node(),
    "manageable": _node(_MANAGE),
    "available": _node(_MANAGE, _PROVIDE),
    "active": _node(_MANAGE, _ADOPT),
    "rescued": _node(_MANAGE, _ADOPT, _RESCUE, rescue_password="Sesame-1234"),
    "held": _node(_MANAGE, ("clean", "clean hold"), **_HOLD),
    "off": lambda world: _switch(world, "manageable", "power off"),  # as volumes want it
    "traited": _traited,
    "child": lambda world: world.make("nodes", driver="fake-hardware", parent_node=world["enroll"]),
    "event": lambda world: world.get(f"nodes/{world['active']}/history")["history"][-1]["uuid"],
    "shard": lambda world: (
        world.make("nodes", driver="fake-hardware", shard=world["word"]) and world["word"]
    ),
    "file": _file,
    "port": lambda world: world.below("enroll", "ports", address=world["mac"]),
    "portgroup": lambda world: world.below("enroll", "portgroups", name=world["word"]),
    "chassis": lambda world: world.make("chassis", description=world["word"]),
    "allocation": _allocation,
    "connector": lambda world: world.below(
        "off",
        "volume/connectors",
        type="iqn",
        connector_id=f"iqn.2026-11.org.example:{world['word']}",
    ),
    "target": lambda world: world.below(
        "off", "volume/targets", volume_type="iscsi", boot_index=0, volume_id=world["word"]
    ),
    "template": lambda world: world.make(
        "deploy_templates", name=f"CUSTOM_{world['word'].upper()}", steps=[STEP]
    ),
    "runbook": lambda world: world.make(
        "runbooks", name=f"CUSTOM_{world['word'].upper()}", steps=[ORDERED]
    ),
    "rule": lambda world: world.make(
        "inspection_rules",
        description=world["word"],
        conditions=[],  # Ironic answers 500 without
        actions=[{"op": "set-attribute", "args": {"path": "/extra/rack", "value": "7"}}],
    ),
}
