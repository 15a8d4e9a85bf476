"""What the API keeps besides nodes and their parts: frozen types, no I/O.

Names and meanings are Ironic's, as in nodes.py.
"""

from typing import Any

import msgspec

from stbernard.nodes import Record


class Chassis(Record, frozen=True, kw_only=True):
    """An enclosure that nodes can be said to be in."""

    description: str | None = None
    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class Allocation(Record, frozen=True, kw_only=True):
    """A reservation of an available node, found by resource class, traits and candidates.

    `state`: `allocating`, `active` or `error` (with `last_error`)."""

    name: str | None = None
    node_uuid: str | None = None
    state: str = "allocating"
    last_error: str | None = None
    resource_class: str | None = None
    traits: tuple[str, ...] = ()
    candidate_nodes: tuple[str, ...] = ()
    owner: str | None = None
    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class DeployTemplate(Record, frozen=True, kw_only=True):
    """Deploy steps for the nodes whose instance asks for the trait of this name."""

    name: str
    steps: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class Runbook(Record, frozen=True, kw_only=True):
    """Steps to clean or service a node with, by name; for nodes with one of its `traits`."""

    name: str
    description: str | None = None
    steps: tuple[dict[str, Any], ...] = ()
    traits: tuple[str, ...] = ()
    disable_ramdisk: bool = False
    public: bool = False
    owner: str | None = None
    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class InspectionRule(Record, frozen=True, kw_only=True):
    """What to do with a node (`actions`) when its inspection says this (`conditions`)."""

    description: str | None = None
    priority: int = 0
    phase: str = "main"
    scope: str | None = None
    sensitive: bool = False
    conditions: tuple[dict[str, Any], ...] = ()
    actions: tuple[dict[str, Any], ...] = ()
