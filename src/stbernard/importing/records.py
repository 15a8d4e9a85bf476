"""A row of Ironic's as a record of this service, or the reason why it cannot be carried over."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from stbernard.drivers.registry import Registry
from stbernard.errors import StBernardError
from stbernard.importing.kinds import Kind
from stbernard.nodes import AUTOMATIC_LESSEE, INTERFACES, HowItWas, Node, Record
from stbernard.operations.machine import PASSING, State

MASKED = "******"
_OURS = ("id", "driver_internal_info", "console_enabled")
"""What stays behind: notes of Ironic's own (tokens of agents, ports of consoles), row numbers. Of
those only whether the lessee goes with the instance is carried over."""

_RESCUE_PASSWORDS = ("rescue_password", "hashed_rescue_password")
_RESCUED = (State.RESCUE, State.RESCUE_FAILED, State.UNRESCUE_FAILED)
_BEFORE = HowItWas(power_state="power on", boot_device="disk", persistent=True)
"""What a server that Ironic rescued goes back to; Ironic does not remember it either."""


class Refused(StBernardError):
    """This record cannot be carried over; the text says why and what to do."""


def read(kind: Kind, row: Mapping[str, Any]) -> tuple[Record, list[str]]:
    """The record, and notes on what of it stays behind. Raises Refused."""
    names = [name for name in kind.struct.__struct_fields__ if name not in _OURS]
    values = {name: row[name] for name in names if row.get(name) is not None}
    values |= {name: _seconds(value) for name, value in values.items() if name.endswith("_at")}
    if (row.get("driver_internal_info") or {}).get(AUTOMATIC_LESSEE):
        values["driver_internal_info"] = {AUTOMATIC_LESSEE: True}
    notes = list(_leave_secrets(values)) if kind.struct is Node else []
    try:
        return msgspec.convert(values, kind.struct, strict=False), notes
    except msgspec.ValidationError as error:
        raise Refused(f"{error}.") from None


def fields(kind: Kind) -> tuple[str, ...]:
    """The fields that say whether a record is still as it was carried over."""
    ours = (*_OURS, "updated_at", *_ENGINES)
    return tuple(name for name in kind.struct.__struct_fields__ if name not in ours)


_ENGINES = Node.__struct_fields__[Node.__struct_fields__.index("agent") :]


def check(record: Record, row: Mapping[str, Any]) -> None:
    """Raises Refused if something is under way with it."""
    if getattr(record, "state", None) == "allocating":
        raise Refused("Ironic still looks for a node. Import again when it is active or in error.")
    if row.get("reservation"):
        raise Refused(f"the conductor {row['reservation']} works on it. Import again later.")
    if isinstance(record, Node):
        _check_state(record)


def fitted(node: Node, registry: Registry, instead: Mapping[str, str]) -> Node:
    """The node with interfaces that are enabled here; `instead` has, by kind, what nodes get whose
    own is not. Raises Refused."""
    if node.driver not in registry.hardware_types():
        raise Refused(
            f"its driver '{node.driver}' is not enabled here "
            f"([DEFAULT]enabled_hardware_types is {', '.join(registry.hardware_types())})."
        )
    given = {kind: node.interface(kind) for kind in INTERFACES}
    for kind, name in given.items():
        supported = registry.supported(node.driver, kind)
        if name and name not in supported:
            given[kind] = instead.get(kind)
            if given[kind] not in supported:
                raise Refused(
                    f"its {kind} interface '{name}' is not enabled here. Enable it "
                    f"([DEFAULT]enabled_{kind}_interfaces), or choose another one for such nodes: "
                    f"--interface {kind}={'|'.join(supported)}"
                )
    resolved = registry.resolve(node.driver, given)
    before = _BEFORE if node.provision_state in _RESCUED else None
    interfaces = {f"{kind}_interface": name for kind, name in resolved.items()}
    return msgspec.structs.replace(node, **interfaces, before_rescue=before)


def _check_state(node: Node) -> None:
    state = node.provision_state
    if state not in frozenset(State):
        raise Refused(f"this service does not know the state '{state}'.")
    if state in PASSING or node.target_power_state:
        doing = node.target_power_state or state
        raise Refused(f"it is in mid-operation ({doing}). Import again when Ironic is done.")


def _leave_secrets(values: dict[str, Any]) -> Iterator[str]:
    """Take out of a node what is hidden or must not be kept. Raises Refused; yields notes."""
    if hidden := list(_hidden("driver_info", values.get("driver_info"))):
        raise Refused(
            f"Ironic's API hides {', '.join(hidden)}. Let it show them to you (in the policy file "
            f'of [oslo_policy]policy_file: "show_password": ""), or import from its database.'
        )
    info = dict(values.get("instance_info", {}))
    left = {name for name in info if list(_hidden(name, info[name]))}
    for name in sorted(left | info.keys() & set(_RESCUE_PASSWORDS)):
        del info[name]
        why = "is hidden by the API" if name in left else "is not kept"
        yield f"instance_info/{name} {why}, it stays behind."
    values["instance_info"] = info


def _hidden(path: str, value: object) -> Iterator[str]:
    """The paths of all that is masked."""
    if value == MASKED:
        yield path
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _hidden(f"{path}/{key}", entry)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _hidden(f"{path}/{number}", entry)


def _seconds(value: str | datetime) -> float:
    """Ironic's times are UTC, with (the API) or without (the database) saying so."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()
