"""Connections to BMCs, kept for the next call, and their errors in our words.

One call, one try: the engine does a step again until its deadline, without holding a thread in
between (docs/decisions/0041-redfish-retries.md).
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from threading import Lock

import requests
import sushy
from sushy import auth, exceptions
from sushy.connector import Connector
from sushy.resources.system.system import System

from stbernard.drivers.base import Task
from stbernard.drivers.redfish.driver_info import Access, read
from stbernard.drivers.turns import turns
from stbernard.errors import (
    BMCError,
    BMCRefused,
    BMCUnreachable,
    HardwareError,
    InvalidDriverInfo,
)
from stbernard.nodes import Node

READ_TIMEOUT = 30  # seconds; BMCs are slow, but the engine wants to know
KEPT_CONNECTIONS = 1000

_AUTH_CLASSES = {
    "basic": auth.BasicAuth,
    "session": auth.SessionAuth,
    "auto": auth.SessionOrBasicAuth,
}
REFUSED = range(400, 500)
"""HTTP's: the BMC understood the request, and does not want it so."""
BUSY = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
"""The BMC wants to be asked again later."""
_SALT = secrets.token_bytes(16)


@dataclass
class _Connection:
    """Used by one thread at a time (turns.py): a requests session is not made for two.

    `retry_after`: what the last answer said with a 503 or 429, in seconds."""

    retry_after: float | None = None
    root: sushy.Sushy | None = None
    only_system: str | None = None


class Connections:
    """The connections of this process, the one used longest ago given up first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connections: OrderedDict[Access, _Connection] = OrderedDict()

    def get(self, access: Access) -> _Connection:
        key = replace(access, password=_hashed(access.password))
        with self._lock:
            connection = self._connections.setdefault(key, _Connection())
            self._connections.move_to_end(key)
            if len(self._connections) > KEPT_CONNECTIONS:
                self._connections.popitem(last=False)
            return connection


_connections = Connections()


@contextmanager
def system(task: Task) -> Iterator[System]:
    """The node's ComputerSystem as it is now; sushy's errors in the block become ours.

    Raises InvalidDriverInfo, BMCUnreachable, BMCRefused, BMCError."""
    node = task.node
    access, path = read(node, task.settings)
    connection = _connections.get(access)
    with turns.take(task, access.address), _our_errors(node, access, connection):
        yield _get_system(connection, access, path, task.settings.redfish.connection_retry_interval)


def _get_system(
    connection: _Connection, access: Access, path: str | None, connect_timeout: int
) -> System:
    """Over the kept connection if there is one; if that has lost its login, over a new one."""
    if connection.root:
        try:
            return _find(connection, connection.root, path)
        except exceptions.AccessError:
            connection.root = None
    connection.root = _connect(connection, access, connect_timeout)
    return _find(connection, connection.root, path)


def _find(connection: _Connection, root: sushy.Sushy, path: str | None) -> System:
    found: System = root.get_system(path or connection.only_system)
    if not path:
        connection.only_system = found.path
    return found


def _connect(connection: _Connection, access: Access, connect_timeout: int) -> sushy.Sushy:
    def look(response: requests.Response) -> None:
        asked = response.headers.get("Retry-After", "")
        busy = response.status_code in BUSY and asked.isdigit()
        connection.retry_after = float(asked) if busy else None

    # Without a user there is no session to ask for. One retry is sushy's least: with 0 it would
    # take its own defaults and wait in between.
    login = _AUTH_CLASSES[access.auth_type if access.username else "basic"]
    return sushy.Sushy(
        access.address,
        root_prefix=access.root_prefix,
        auth=login(username=access.username, password=access.password),
        connector=Connector(
            access.address,
            verify=access.verify,
            response_callback=look,
            server_side_retries=1,
            server_side_retries_delay=0,
            connect_timeout=connect_timeout,
            default_request_timeout=READ_TIMEOUT,
        ),
    )


def _hashed(password: str) -> str:
    return hashlib.sha256(_SALT + password.encode()).hexdigest()


@contextmanager
def _our_errors(node: Node, access: Access, connection: _Connection) -> Iterator[None]:
    try:
        yield
    except (exceptions.SushyError, ValueError, TypeError, AttributeError, KeyError) as error:
        if isinstance(error, exceptions.AccessError):
            connection.root = None
        bmc = f"The BMC {access.address} of node {node.uuid}"
        raise _translated(error, bmc, connection.retry_after) from None


def _translated(error: Exception, bmc: str, retry_after: float | None) -> HardwareError:
    """The error a person can act on; `from None` above, as sushy's chain holds request bodies."""
    match error:
        case exceptions.HTTPError():
            return _refused(error, bmc, retry_after)
        case exceptions.ConnectionError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return InvalidDriverInfo(
                f"{bmc} shows a TLS certificate that is not trusted: "
                "set redfish_verify_ca to the file of its certificate authority."
            )
        case exceptions.ConnectionError():
            return BMCUnreachable(
                f"{bmc} does not answer: {_short(error)}. "
                "Check redfish_address, the BMC's network and that it is powered."
            )
        case exceptions.UnknownDefaultError():
            return InvalidDriverInfo(
                f"{bmc} has not exactly one ComputerSystem: set redfish_system_id."
            )
        case exceptions.SushyError():
            return BMCError(f"{bmc}: {error}")
    return BMCError(
        f"{bmc} answered something that is not Redfish ({error}): check redfish_address."
    )


def _refused(error: exceptions.HTTPError, bmc: str, retry_after: float | None) -> BMCError:
    reason = error.detail or "no reason given"
    if error.status_code in BUSY:
        return BMCUnreachable(f"{bmc} is busy (HTTP {error.status_code}: {reason}).", retry_after)
    match error:
        case exceptions.AccessError():
            return BMCRefused(
                f"{bmc} does not accept our credentials (HTTP {error.status_code}): "
                "check redfish_username and redfish_password, and that the user may do this."
            )
        case exceptions.ResourceNotFoundError():
            return BMCError(f"{bmc}: {error}: check redfish_system_id.")
    return BMCError(f"{bmc} answered HTTP {error.status_code}: {reason}")


def _short(error: exceptions.ConnectionError) -> str:
    """The reason at the end of urllib3's nested text."""
    text = str(error)
    for reason in (
        "Connection refused",
        "No route to host",
        "Name or service not known",
        "timed out",
    ):
        if reason.lower() in text.lower():
            return reason
    return text
