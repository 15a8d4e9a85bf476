"""A node as JSON: which fields in which version, and nothing secret."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from stbernard.api.access import Access
from stbernard.api.call import Call
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


@dataclass(frozen=True)
class _Seen:
    """A node, or the row of a list with the columns needed, seen by a client of this version."""

    node: Any
    settings: Settings
    version: Version


Show = Callable[[_Seen], Any]


def waits(node: Node) -> bool:
    """Whether the operation of a node waits for an event: nobody holds the node then."""
    return bool(node.operation) and node.provision_state in WAITING


def is_held(node: Node) -> bool:
    """Whether an operation works on the node, so that others must wait (Ironic's lock)."""
    return bool(node.operation) and not waits(node)


def _plain(name: str) -> Show:
    return lambda seen: getattr(seen.node, name)


def _time(name: str) -> Show:
    return lambda seen: timestamp(getattr(seen.node, name))


def _without_secrets(name: str) -> Show:
    return lambda seen: without_secrets(getattr(seen.node, name))


def _provision_state(seen: _Seen) -> str | None:
    state = seen.node.provision_state
    if state == State.AVAILABLE and not seen.version.allows("behaviour", "available has a name"):
        return None
    waits = seen.version.allows("behaviour", "inspect wait has a name")
    return State.INSPECTING if state == State.INSPECT_WAIT and not waits else state


def _reservation(seen: _Seen) -> str | None:
    if not is_held(seen.node):
        return None
    return seen.node.lease_owner or seen.settings.default.host


def _driver_internal_info(seen: _Seen) -> dict[str, Any]:
    """With what is known of the agent, under Ironic's names."""
    agent = _agent(seen.node)
    known = {
        "agent_url": agent.url,
        "agent_version": agent.version,
        "agent_last_heartbeat": timestamp(agent.last_heartbeat),
        "agent_secret_token": MASKED if agent.token else None,
        "agent_verify_ca": agent.verify_ca,
    }
    shown = without_secrets(seen.node.driver_internal_info)
    return shown | {name: value for name, value in known.items() if value is not None}


def _agent(node: Any) -> Agent:
    if isinstance(node, Node):
        return node.agent
    return Agent(**{name: getattr(node, f"agent_{name}") for name in Agent.__struct_fields__})


def _instance_info(seen: _Seen) -> dict[str, Any]:
    shown = without_secrets(seen.node.instance_info)
    return shown | {name: MASKED for name in INSTANCE_SECRETS if shown.get(name)}


_AS_KEPT = frozenset(_PLAIN)
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
    "conductor": lambda seen: seen.settings.default.host,
    **{name: _without_secrets(name) for name in ("driver_info", *_STEPS)},
    "driver_internal_info": _driver_internal_info,
    "health": lambda _: None,  # nothing looks at it yet
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
    links: tuple[tuple[str, str], ...]


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
    links = LINKS if fields is None else ()
    plain = tuple(name for name in wanted if name in _AS_KEPT)
    return _Plan(
        plain,
        _values(plain),
        tuple((name, FIELDS[name]) for name in wanted if name not in _AS_KEPT),
        (
            ("links", ""),
            *((name, f"/{name}") for name in links if version.allows("node field", name)),
        ),
    )


def columns(fields: Iterable[str] | None, access: Access) -> tuple[str, ...]:
    """The columns that are enough to show these fields; of all fields without any."""
    wanted = FIELDS if fields is None else fields
    needed = (column for name in wanted for column in _NEEDS.get(name, (name,)))
    whose = () if access.sees_all else ("owner", "lessee")
    return tuple(dict.fromkeys(("uuid", *needed, *whose)))


def show(
    node: Any, settings: Settings, call: Call, fields: Iterable[str] | None = None
) -> dict[str, Any]:
    """All fields of the version, or those asked for, of a node or of a row with its `columns`."""
    plan = _plan(call.version, None if fields is None else tuple(fields))
    shown = dict(zip(plan.plain, plan.values(node), strict=True))
    seen = _Seen(node, settings, call.version)
    for name, other in plan.others:
        shown[name] = other(seen)
    here, bookmark = f"{call.base}/v1/nodes/{node.uuid}", f"{call.base}/nodes/{node.uuid}"
    for name, end in plan.links:  # (as `call.links`, which takes thrice the time)
        shown[name] = [
            {"href": here + end, "rel": "self"},
            {"href": bookmark + end, "rel": "bookmark"},
        ]
    return shown if call.access.sees_all else call.access.as_allowed(shown, node)


def show_states(node: Node, settings: Settings, call: Call) -> dict[str, Any]:
    """What `GET …/states` answers."""
    seen = _Seen(node, settings, call.version)
    shown = {
        name: FIELDS[name](seen)
        for name in STATES
        if call.version.allows("node states field", name)
    }
    return shown if call.access.sees_all else call.access.as_allowed(shown, node)
