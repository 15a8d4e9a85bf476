"""What the bodies of requests may hold: fields, types, lengths; refusals in Ironic's words.

No text quotes what may be a secret: an object, a list, or any text but a UUID or a MAC address.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import os_traits

from stbernard.api.call import as_uuid, boolean, is_name
from stbernard.errors import InvalidParameter

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE | re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)  # what a database's integers hold
_TRAIT = re.compile(rf"{os_traits.CUSTOM_NAMESPACE}[A-Z0-9_]+", re.ASCII)
_STANDARD_TRAITS = frozenset(os_traits.get_traits())
_LONGEST_TRAIT = 255
_JSON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "object": dict,
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
}


@dataclass(frozen=True)
class Field:
    """The types a value may have (JSON schema's names), its length, and how it is read."""

    types: tuple[str, ...]
    longest: int | None = None
    read: Callable[[str, Any], Any] | None = None


Fields = Mapping[str, Field]


def uuid(name: str, value: object) -> str:
    found = as_uuid(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidParameter(f"Expected UUID for {name}: {str(value)[:100]}")
    return found


def is_mac_address(text: str) -> bool:
    return bool(_MAC.fullmatch(text))


def mac_address(name: str, value: object) -> str:
    """Lower case. Raises InvalidParameter."""
    if not isinstance(value, str) or not is_mac_address(value):
        raise InvalidParameter(f"Expected valid MAC address for {name}: {str(value)[:100]}")
    return value.lower()


def integer(name: str, value: object) -> int:
    if isinstance(value, (str, int)) and _INTEGER.fullmatch(str(value)):
        return int(value)
    raise InvalidParameter(f"Expected an integer for {name}: {str(value)[:100]}")


def name(field: str, value: str) -> str | None:
    """The name of a record; empty for none. Raises InvalidParameter: it must work in a path."""
    if value and (as_uuid(value) or not is_name(value)):
        raise InvalidParameter(
            f"Cannot use the invalid {field} '{value[:255]}'. A name is no UUID and made of "
            "letters, digits and - . _ ~"
        )
    return value or None


def small_integer(name: str, value: int) -> int:
    """What a database's 32 bits hold. Raises InvalidParameter."""
    if not -(2**31) <= value < 2**31:
        raise InvalidParameter(f"Expected an integer of 32 bits for {name}: {value}")
    return value


def string(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidParameter(f"Expected string for {name}.")
    return value


def trait(name: str, value: object) -> str:
    """A standard trait, or a custom one. Raises InvalidParameter."""
    if not isinstance(value, str):
        raise InvalidParameter(f"Schema error for {name}: a trait is not of type 'string'")
    if value in _STANDARD_TRAITS:
        return value
    if not _TRAIT.fullmatch(value) or len(value) > _LONGEST_TRAIT:
        raise InvalidParameter(
            f"Schema error for {name}: '{value[:100]}' is no trait. It is neither one of the "
            "standard traits (os-traits) nor CUSTOM_ followed by A-Z, 0-9 and _, at most "
            f"{_LONGEST_TRAIT} characters in all"
        )
    return value


def traits(name: str, value: list[object]) -> tuple[str, ...]:
    """Each once, in the order given. Raises InvalidParameter."""
    return tuple(dict.fromkeys(trait(name, entry) for entry in value))


def non_empty(name: str, value: str) -> str:
    if not value:
        raise InvalidParameter(f"Schema error for {name}: '' should be non-empty")
    return value


def boot_mode(name: str, value: str) -> str:
    if value not in ("bios", "uefi"):
        raise InvalidParameter(f"Expected 'bios' or 'uefi' for {name}: {value[:100]}")
    return value


def text(longest: int = 255) -> Field:
    return Field(("string", "null"), longest)


OBJECT = Field(("object", "null"))
BOOLEAN = Field(("string", "boolean", "null"), read=boolean)
NAME = Field(("string", "null"), 255, read=name)
UUID = Field(("string", "null"), read=uuid)
TRAIT = Field(("string",), read=trait)
TRAITS = Field(("array", "null"), read=traits)
INTERFACES = (
    *("bios", "boot", "console", "deploy", "firmware", "inspect", "management"),
    *("network", "power", "raid", "rescue", "storage", "vendor"),
)

_NODE: Fields = {
    "automated_clean": BOOLEAN,
    "chassis_uuid": UUID,
    "conductor_group": text(),
    "description": text(4096),
    "disable_power_off": BOOLEAN,
    "driver": Field(("string",), 255),
    "driver_info": OBJECT,
    "extra": OBJECT,
    "instance_info": OBJECT,
    "instance_name": Field(("string", "null"), 255, read=non_empty),
    "instance_uuid": UUID,
    "lessee": text(),
    "maintenance": BOOLEAN,
    "name": text(),
    "network_data": OBJECT,
    "owner": text(),
    "parent_node": text(36),
    "properties": OBJECT,
    "resource_class": text(80),
    "retired": BOOLEAN,
    "retired_reason": text(4096),
    "shard": text(),
    **{f"{kind}_interface": text() for kind in INTERFACES},
}
NODE: Fields = {
    **_NODE,
    "boot_mode": Field(("string", "null"), read=boot_mode),
    "console_enabled": BOOLEAN,
    "secure_boot": BOOLEAN,
    "uuid": UUID,
}
NODE_PATCH: Fields = {**_NODE, "protected": BOOLEAN, "protected_reason": text(4096)}

PORT: Fields = {
    "address": Field(("string",), read=mac_address),
    "available_for_dynamic_portgroup": Field(("boolean",)),
    "category": text(80),
    "description": text(),
    "extra": OBJECT,
    "is_smartnic": BOOLEAN,
    "local_link_connection": OBJECT,
    "name": NAME,
    "node_ident": Field(("string",)),
    "node_uuid": Field(("string",), read=uuid),
    "physical_network": text(64),
    "portgroup_uuid": UUID,
    "pxe_enabled": BOOLEAN,
    "uuid": UUID,
    "vendor": text(32),
}
ALLOCATION: Fields = {
    "candidate_nodes": Field(("array", "null")),
    "extra": OBJECT,
    "name": text(),
    "node": text(),
    "owner": text(),
    "resource_class": text(80),
    "traits": TRAITS,
    "uuid": UUID,
}
PORTGROUP: Fields = {
    "address": Field(("string", "null"), read=mac_address),
    "category": text(80),
    "extra": OBJECT,
    "mode": text(),
    "name": NAME,
    "node_uuid": Field(("string",), read=uuid),
    "physical_network": text(64),
    "properties": OBJECT,
    "standalone_ports_supported": BOOLEAN,
    "uuid": UUID,
}
VOLUME_CONNECTOR: Fields = {
    "connector_id": Field(("string",), 255),
    "extra": OBJECT,
    "node_uuid": Field(("string",), read=uuid),
    "type": Field(("string",), 32),
    "uuid": UUID,
}
VOLUME_TARGET: Fields = {
    "boot_index": Field(("integer",), read=small_integer),
    "extra": OBJECT,
    "node_uuid": Field(("string",), read=uuid),
    "properties": OBJECT,
    "uuid": UUID,
    "volume_id": Field(("string",), 255),
    "volume_type": Field(("string",), 64),
}
CHASSIS: Fields = {"description": text(), "extra": OBJECT, "uuid": UUID}
PATCH_STEP: Fields = {
    "op": Field(("string",)),
    "path": Field(("string",)),
    "value": Field(tuple(_JSON_TYPES)),
}


def check(
    what: str, value: object, fields: Fields, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The value with each field read. Raises InvalidParameter naming the first wrong thing."""
    if not isinstance(value, dict):
        raise InvalidParameter(f"Schema error for {what}: it is not of type 'object'")
    for name in required:
        if name not in value:
            raise InvalidParameter(f"Schema error for {what}: '{name}' is a required property")
    unknown = [name for name in value if name not in fields]
    if unknown:
        names = ", ".join(f"'{name[:100]}'" for name in sorted(unknown)[:10])
        verb = "was" if len(unknown) == 1 else "were"
        raise InvalidParameter(
            f"Schema error for {what}: Additional properties are not allowed "
            f"({names} {verb} unexpected)"
        )
    return {name: _read(what, name, entry, fields[name]) for name, entry in value.items()}


def _read(what: str, name: str, value: Any, field: Field) -> Any:
    check_type(what, name, value, field.types)
    if field.longest and isinstance(value, str) and len(value) > field.longest:
        raise InvalidParameter(
            f"Schema error for {what}: {name} is too long, it may have {field.longest} characters"
        )
    return field.read(name, value) if field.read and value is not None else value


def check_type(what: str, name: str, value: object, types: tuple[str, ...]) -> None:
    """Raises InvalidParameter."""
    if not any(_is(value, kind) for kind in types):
        shown = repr(value) if isinstance(value, (int, float, type(None))) else name
        kinds = ", ".join(f"'{kind}'" for kind in types)
        raise InvalidParameter(f"Schema error for {what}: {shown} is not of type {kinds}")


def _is(value: object, kind: str) -> bool:
    if kind == "integer" and isinstance(value, bool):
        return False
    return isinstance(value, _JSON_TYPES[kind])
