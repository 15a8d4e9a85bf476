"""A node as JSON: which fields in which version, and nothing secret."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from stbernard.api.access import Access
from stbernard.api.call import Call, links
from stbernard.api.microversions import Version
from stbernard.api.timestamps import timestamp
from stbernard.errors import BadRequest
from stbernard.nodes import INSTANCE_SECRETS, INTERFACES, Agent, Node, without_secrets
from stbernard.operations.machine import WAITING, State
from stbernard.settings import Settings

MASKED = "******"
IN_A_LIST = ("instance_uuid", "maintenance", "power_state", "provision_state", "uuid", "name")
LINKS = ("ports", "states", "portgroups", "volume")

_PLAIN = (
    *("uuid", "name", "driver", "extra", "properties", "instance_uuid", "instance_name"),
    *("network_data", "resource_class", "conductor_group", "chassis_uuid", "parent_node"),
    *("owner", "lessee", "shard", "description", "automated_clean", "protected"),
    *("protected_reason", "retired", "retired_reason", "disable_power_off", "console_enabled"),
    *("power_state", "target_power_state", "target_provision_state", "boot_mode", "secure_boot"),
    *("last_error", "fault", "maintenance", "maintenance_reason", "allocation_uuid", "traits"),
    *("raid_config", "target_raid_config"),
    *(f"{kind}_interface" for kind in INTERFACES),
)
_TIMES = (
    *("created_at", "updated_at", "provision_updated_at"),
    *("inspection_started_at", "inspection_finished_at"),
)
_STEPS = ("clean_step", "deploy_step", "service_step")
_NOT_SORTABLE = (
    "properties",
    "extra",
    "network_data",
    "traits",
    "raid_config",
    "target_raid_config",
)
SORTABLE = frozenset((*_PLAIN, *_TIMES)) - {*_NOT_SORTABLE} | {"id", "provision_state"}


class _Viewer(NamedTuple):
    """Who looks: a client of this version of this service."""

    version: Version
    settings: Settings


Show = Callable[[Any, _Viewer], Any]
"""What makes a field from a node, or from the row of a list with the columns needed."""


def waits(node: Node) -> bool:
    """Whether the operation of a node waits for an event: nobody holds the node then."""
    return bool(node.operation) and node.provision_state in WAITING


def is_held(node: Node) -> bool:
    """Whether an operation works on the node, so that others must wait (Ironic's lock)."""
    return bool(node.operation) and not waits(node)


def _plain(name: str) -> Show:
    return lambda node, _: getattr(node, name)


def _time(name: str) -> Show:
    return lambda node, _: timestamp(getattr(node, name))


def _without_secrets(name: str) -> Show:
    return lambda node, _: without_secrets(getattr(node, name))


def _provision_state(node: Any, viewer: _Viewer) -> str | None:
    state: str = node.provision_state
    named = viewer.version.allows
    if state == State.AVAILABLE and not named("behaviour", "available has a name"):
        return None
    if state == State.INSPECT_WAIT and not named("behaviour", "inspect wait has a name"):
        return State.INSPECTING
    return state


def _reservation(node: Any, viewer: _Viewer) -> str | None:
    return (node.lease_owner or viewer.settings.default.host) if is_held(node) else None


def _driver_internal_info(node: Any, _: _Viewer) -> dict[str, Any]:
    """With what is known of the agent, under Ironic's names."""
    shown = without_secrets(node.driver_internal_info)
    agent = _agent(node)
    if agent == _NONE_YET:
        return shown
    known = {
        "agent_url": agent.url,
        "agent_version": agent.version,
        "agent_last_heartbeat": timestamp(agent.last_heartbeat),
        "agent_secret_token": MASKED if agent.token else None,
        "agent_verify_ca": agent.verify_ca,
    }
    return shown | {name: value for name, value in known.items() if value is not None}


def _agent(node: Any) -> Agent:
    if isinstance(node, Node):
        return node.agent
    return Agent(
        token=node.agent_token,
        url=node.agent_url,
        verify_ca=node.agent_verify_ca,
        version=node.agent_version,
        last_heartbeat=node.agent_last_heartbeat,
    )


def _instance_info(node: Any, _: _Viewer) -> dict[str, Any]:
    shown = without_secrets(node.instance_info)
    return shown | {name: MASKED for name in INSTANCE_SECRETS if shown.get(name)}


_NONE_YET = Agent()
AS_KEPT = frozenset(_PLAIN)
"""The columns that are shown without a look at what is in them."""
_NEEDS = {  # the columns of fields that are not one column
    **{"conductor": (), "health": ()},
    "driver_internal_info": (
        *("driver_internal_info", *(f"agent_{name}" for name in Agent.__struct_fields__)),
    ),
    "reservation": ("operation", "provision_state", "lease_owner"),
}
FIELDS: Mapping[str, Show] = {
    **{name: _plain(name) for name in _PLAIN},
    **{name: _time(name) for name in _TIMES},
    "conductor": lambda _, viewer: viewer.settings.default.host,
    **{name: _without_secrets(name) for name in ("driver_info", *_STEPS)},
    "driver_internal_info": _driver_internal_info,
    "health": lambda *_: None,  # nothing looks at it yet
    "instance_info": _instance_info,
    "provision_state": _provision_state,
    "reservation": _reservation,
}
STATES = (
    *("console_enabled", "last_error", "power_state", "provision_state", "target_power_state"),
    *("target_provision_state", "provision_updated_at", "raid_config", "target_raid_config"),
    *("boot_mode", "secure_boot"),
)


def check_fields(fields: Iterable[str], version: Version) -> None:
    """Raises NotAcceptable if a field came later, BadRequest if there is no such field."""
    for name in fields:
        version.require("node field", (name,))
        if name not in FIELDS:
            raise BadRequest(f"Field {name} is not a valid field.")


class _Plan(NamedTuple):
    """How a client's fields are shown: as they are kept, by a function, as links."""

    plain: tuple[str, ...]
    values: Callable[[object], tuple[Any, ...]]
    others: tuple[tuple[str, Show], ...]
    links: tuple[str, ...]


def _values(names: tuple[str, ...]) -> Callable[[object], tuple[Any, ...]]:
    """What gets these attributes at once: a third of what getting one by one takes."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda node: tuple(getattr(node, name) for name in names)


@lru_cache(maxsize=512)
def _plan(version: Version, fields: tuple[str, ...] | None) -> _Plan:
    """Made once for each version and choice of fields, not for each node of a list."""
    wanted = [
        name
        for name in (FIELDS if fields is None else fields)
        if version.allows("node field", name)
    ]
    below = LINKS if fields is None else ()
    plain = tuple(name for name in wanted if name in AS_KEPT)
    return _Plan(
        plain,
        _values(plain),
        tuple((name, FIELDS[name]) for name in wanted if name not in AS_KEPT),
        ("links", *(name for name in below if version.allows("node field", name))),
    )


_Links = tuple[tuple[str, list[str]], ...]
"""Names of links, and their JSON in pieces between which a node's UUID belongs."""


@lru_cache(maxsize=128)
def _links(base: str, names: tuple[str, ...]) -> _Links:
    """Made once for all nodes, which differ in the UUID alone: links are half of what is shown."""
    node = "{uuid}"
    paths = {name: f"nodes/{node}" + ("" if name == "links" else f"/{name}") for name in names}
    return tuple(
        (name, msgspec.json.encode(links(base, path)).decode().split(node))
        for name, path in paths.items()
    )


def columns(fields: tuple[str, ...] | None, access: Access) -> tuple[str, ...]:
    """The columns that are enough to show these fields; of all fields without any."""
    return _columns(fields, () if access.sees_all else ("owner", "lessee"))


@lru_cache(maxsize=512)
def _columns(fields: tuple[str, ...] | None, whose: tuple[str, ...]) -> tuple[str, ...]:
    wanted = FIELDS if fields is None else fields
    needed = (column for name in wanted for column in _NEEDS.get(name, (name,)))
    return tuple(dict.fromkeys(("uuid", *needed, *whose)))


def show(
    node: Any, settings: Settings, call: Call, fields: Iterable[str] | None = None
) -> dict[str, Any]:
    """All fields of the version, or those asked for, of a node or of a row with its `columns`."""
    return show_all((node,), settings, call, fields)[0]


def show_all(
    nodes: Sequence[Any], settings: Settings, call: Call, fields: Iterable[str] | None = None
) -> list[dict[str, Any]]:
    """The same of many."""
    plan = _plan(call.version, None if fields is None else tuple(fields))
    viewer = _Viewer(call.version, settings)
    linked = _links(call.base, plan.links)
    shown = [_shown(node, plan, viewer, linked) for node in nodes]
    if call.access.sees_all:
        return shown
    return [call.access.as_allowed(*each) for each in zip(shown, nodes, strict=True)]


def _shown(node: Any, plan: _Plan, viewer: _Viewer, linked: _Links) -> dict[str, Any]:
    shown = dict(zip(plan.plain, plan.values(node), strict=True))
    for name, other in plan.others:
        shown[name] = other(node, viewer)
    for name, pieces in linked:
        shown[name] = msgspec.Raw(node.uuid.join(pieces))
    return shown


def show_states(node: Node, settings: Settings, call: Call) -> dict[str, Any]:
    """What `GET …/states` answers."""
    viewer = _Viewer(call.version, settings)
    shown = {
        name: FIELDS[name](node, viewer)
        for name in STATES
        if call.version.allows("node states field", name)
    }
    return shown if call.access.sees_all else call.access.as_allowed(shown, node)
