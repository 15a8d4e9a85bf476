"""What a node's driver_info says about its IPMI BMC, read and checked; touches no hardware."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stbernard.errors import InvalidDriverInfo
from stbernard.nodes import Node

PROPERTIES: Mapping[str, str] = {
    "ipmi_address": "The BMC's address: a host name or an IP address. Required.",
    "ipmi_port": "The BMC's UDP port. Defaults to 623.",
    "ipmi_username": "A BMC user. Defaults to the user without a name.",
    "ipmi_password": "The user's password.",
    "ipmi_priv_level": "The privilege level to ask for: ADMINISTRATOR (the default), OPERATOR, "
    "USER or CALLBACK. Setting the boot device needs OPERATOR at least.",
    "ipmi_protocol_version": "2.0 (the default) or 1.5.",
    "ipmi_cipher_suite": "The cipher suite (0 to 17) of IPMI 2.0. Defaults to those of "
    "[ipmi]cipher_suite_versions, else ipmitool and the BMC agree on one.",
    "ipmi_hex_kg_key": "The BMC's key Kg, as 40 hexadecimal digits.",
    "ipmi_disable_boot_timeout": "Whether the BMC is told to keep a boot device longer than its "
    "60 seconds. Defaults to [ipmi]disable_boot_timeout.",
    "ipmi_bridging": "How the BMC is reached through others: no (the default), single or dual.",
    "ipmi_local_address": "The local IPMB address, with bridging.",
    "ipmi_target_channel": "The target's channel. Required with bridging.",
    "ipmi_target_address": "The target's address. Required with bridging.",
    "ipmi_transit_channel": "The transit channel. Required with dual bridging.",
    "ipmi_transit_address": "The transit address. Required with dual bridging.",
}

LEVELS = ("ADMINISTRATOR", "OPERATOR", "USER", "CALLBACK")
_SECRET = ("ipmi_password", "ipmi_hex_kg_key")  # a text about them does not repeat them
_INTERFACES = {"2.0": "lanplus", "1.5": "lan"}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_BRIDGES: Mapping[str, Mapping[str, str]] = {  # driver_info key → ipmitool's option
    "no": {},
    "single": {"ipmi_target_channel": "-b", "ipmi_target_address": "-t"},
    "dual": {
        "ipmi_transit_channel": "-B",
        "ipmi_transit_address": "-T",
        "ipmi_target_channel": "-b",
        "ipmi_target_address": "-t",
    },
}
_KG_DIGITS = 40
_LAST_SUITE = 17
_LAST_PORT = 65535


@dataclass(frozen=True)
class Access:
    """How a BMC is reached: ipmitool's options without the secrets, and the secrets."""

    address: str
    port: int
    options: tuple[str, ...]
    password: str = field(repr=False)
    kg: bytes = field(repr=False)
    cipher_suite: int | None
    disable_boot_timeout: bool | None


def read(node: Node) -> Access:
    """How to reach the node's BMC.

    Raises InvalidDriverInfo that names every key that is missing or wrong."""
    info = node.driver_info
    if not info.get("ipmi_address"):
        raise InvalidDriverInfo(
            f"Missing the following IPMI properties in node {node.uuid} driver_info: "
            "['ipmi_address']"
        )
    wrong: list[str] = []
    level = _choice(info, "ipmi_priv_level", LEVELS, wrong)
    protocol = _choice(info, "ipmi_protocol_version", tuple(_INTERFACES), wrong)
    suite = _number(info, "ipmi_cipher_suite", 0, _LAST_SUITE, wrong)
    if suite is not None and protocol == "1.5":
        wrong.append("ipmi_cipher_suite is of IPMI 2.0 only, ipmi_protocol_version is 1.5")
    username = _text(info, "ipmi_username", wrong)
    access = Access(
        address=_text(info, "ipmi_address", wrong),
        port=_number(info, "ipmi_port", 1, _LAST_PORT, wrong) or 623,
        options=(
            *("-I", _INTERFACES[protocol], "-L", level),
            *(("-U", username) if username else ()),
            *_bridge(info, wrong),
        ),
        password=_text(info, "ipmi_password", wrong),
        kg=_kg(info, wrong),
        cipher_suite=suite,
        disable_boot_timeout=_boolean(info, "ipmi_disable_boot_timeout", wrong),
    )
    if wrong:
        raise InvalidDriverInfo(f"Node {node.uuid}: driver_info is wrong: {'; '.join(wrong)}.")
    return access


def _text(info: Mapping[str, Any], key: str, wrong: list[str]) -> str:
    """A string of one line that is no option of ipmitool's."""
    value = info.get(key)
    text = "" if value is None else str(value)
    if not isinstance(value, str | int | None):
        wrong.append(f"{key} is not a string")
    elif any(ord(each) < ord(" ") for each in text):
        wrong.append(f"{key} holds a control character")
    elif key not in _SECRET and text.startswith("-"):
        wrong.append(f"{key} begins with '-'")
    return text


def _number(
    info: Mapping[str, Any], key: str, least: int, most: int, wrong: list[str]
) -> int | None:
    text = str(info.get(key) or "0" if info.get(key) is not None else "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        wrong.append(f"{key} is not a number from {least} to {most}")
        return None
    return int(text)


def _choice(info: Mapping[str, Any], key: str, names: tuple[str, ...], wrong: list[str]) -> str:
    value = str(info.get(key) or names[0]).upper()
    if value not in names:
        wrong.append(f"{key} is none of {', '.join(names)}")
        return names[0]
    return value


def _boolean(info: Mapping[str, Any], key: str, wrong: list[str]) -> bool | None:
    value = info.get(key)
    if value is None:
        return None
    if str(value).lower() not in _BOOLEANS:
        wrong.append(f"{key} is neither True nor False")
    return _BOOLEANS.get(str(value).lower())


def _kg(info: Mapping[str, Any], wrong: list[str]) -> bytes:
    """The key as ipmitool takes it from its environment, where no byte may be zero."""
    text = _text(info, "ipmi_hex_kg_key", wrong)
    if not text:
        return b""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(text) != _KG_DIGITS or not key:
        wrong.append(f"ipmi_hex_kg_key is not {_KG_DIGITS} hexadecimal digits")
    elif 0 in key:
        wrong.append("ipmi_hex_kg_key has a zero byte, which ipmitool takes in its arguments only")
    return key


def _bridge(info: Mapping[str, Any], wrong: list[str]) -> tuple[str, ...]:
    """ipmitool's options for bridging."""
    kind = str(info.get("ipmi_bridging") or "no")
    if kind not in _BRIDGES:
        wrong.append(f"ipmi_bridging is none of {', '.join(_BRIDGES)}")
        return ()
    options: list[str] = []
    local = _text(info, "ipmi_local_address", wrong)
    if kind != "no" and local:
        options += ["-m", local]
    for key, option in _BRIDGES[kind].items():
        value = _text(info, key, wrong)
        if not value:
            wrong.append(f"{key} is missing, ipmi_bridging is {kind}")
        options += [option, value]
    return tuple(options)
