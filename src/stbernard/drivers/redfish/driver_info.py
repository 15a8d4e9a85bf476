"""What a node's driver_info says about its Redfish BMC, read and checked; touches no hardware."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from stbernard.errors import InvalidDriverInfo
from stbernard.nodes import Node
from stbernard.settings import Settings

PROPERTIES: Mapping[str, str] = {
    "redfish_address": "The BMC's address: a host name or URL; https if no scheme is given, a path "
    "is taken as the API's root. Required.",
    "redfish_system_id": "The path of the server's ComputerSystem, for example "
    "/redfish/v1/Systems/1. Required only if the BMC has more than one.",
    "redfish_username": "A BMC user that may switch power and change boot settings.",
    "redfish_password": "The user's password.",
    "redfish_verify_ca": "True to verify the BMC's TLS certificate, False not to, or the path of a "
    "file or folder of trusted certificates. Defaults to True.",
    "redfish_auth_type": "How to log in: basic, session or auto (session if the BMC offers it). "
    "Defaults to [redfish]auth_type.",
}

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Access:
    """How a BMC is reached. Equal ones can share a connection."""

    address: str
    root_prefix: str
    username: str
    password: str = field(repr=False)
    verify: bool | str
    auth_type: str


def read(node: Node, settings: Settings) -> tuple[Access, str | None]:
    """How to reach the node's BMC, and the path of its system (None: the only one there is).

    Raises InvalidDriverInfo that names every key that is missing or wrong."""
    info = node.driver_info
    if not info.get("redfish_address"):
        raise InvalidDriverInfo(
            f"Missing the following Redfish properties in node {node.uuid} driver_info: "
            "['redfish_address']"
        )
    wrong: list[str] = []
    address, prefix = _address(info["redfish_address"], wrong)
    access = Access(
        address=address,
        root_prefix=prefix,
        username=_text(info, "redfish_username", wrong),
        password=_text(info, "redfish_password", wrong),
        verify=_verify(info.get("redfish_verify_ca", True), wrong),
        auth_type=_auth_type(info.get("redfish_auth_type", settings.redfish.auth_type), wrong),
    )
    system = quote(_text(info, "redfish_system_id", wrong)) or None
    if wrong:
        raise InvalidDriverInfo(f"Node {node.uuid}: driver_info is wrong: {'; '.join(wrong)}.")
    return access, system


def _address(value: Any, wrong: list[str]) -> tuple[str, str]:
    """Scheme with authority, and path, of an address like Ironic takes them."""
    try:
        text = str(value)
        if _is_ipv6(text):
            text = f"[{text}]"
        parts = urlsplit(text if "://" in text else f"https://{text}")
        if parts.username is not None:  # and do not repeat it: it may hold a password
            wrong.append(
                "redfish_address holds a user, say it in redfish_username and redfish_password"
            )
        elif parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError
        return f"{parts.scheme}://{parts.netloc}", parts.path or "/redfish/v1/"
    except ValueError:
        wrong.append("redfish_address is not an address like https://bmc.example.com")
        return "", ""


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6  # noqa: PLR2004
    except ValueError:
        return False


def _text(info: Mapping[str, Any], key: str, wrong: list[str]) -> str:
    value = info.get(key) or ""
    if not isinstance(value, str):
        wrong.append(f"{key} is not a string")
        return ""
    return value


def _verify(value: Any, wrong: list[str]) -> bool | str:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        if Path(value).exists():
            return value
    wrong.append(
        "redfish_verify_ca is neither True nor False nor the path of an existing file or folder"
    )
    return True


def _auth_type(value: Any, wrong: list[str]) -> str:
    if value not in ("basic", "session", "auto"):
        wrong.append("redfish_auth_type is none of basic, session, auto")
    return str(value)
