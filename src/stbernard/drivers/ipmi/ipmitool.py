"""One call of ipmitool: one at a time for each BMC, its secrets in the environment only.

One call, one try, as with Redfish: the engine does a step again until its deadline
(docs/decisions/0070-ipmi.md).
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from stbernard.drivers.base import Task
from stbernard.drivers.ipmi.driver_info import Access, read
from stbernard.drivers.turns import turns
from stbernard.errors import BMCError, BMCRefused, BMCUnreachable, HardwareError, InvalidDriverInfo

PROGRAM = "ipmitool"
RESEND = ("-R", "2", "-N", "1")
"""A datagram that got lost is sent again after 1 and 2 s; a dead BMC costs 6 s."""

_NO_SUITE = ("invalid authentication algorithm", "no matching cipher suite", "Unsupported cipher")
_WRONG_LOGIN = {
    "RAKP 2 HMAC is invalid": "check ipmi_password",
    "unauthorized name": "check ipmi_username",
    "Invalid user name": "check ipmi_username",
    "Invalid role": "check ipmi_priv_level",
    "nsufficient privilege": "check ipmi_priv_level, and what the user may do",
    "RAKP 4 message has invalid integrity check value": "check ipmi_hex_kg_key",
}


@dataclass
class _Bmc:
    """What is known of a BMC; used in its turn only."""

    rests_until: float = 0.0  # of time.monotonic()
    cipher_suite: int | None = None  # the one it took


class _Bmcs:
    """The BMCs that this process has talked to, by address and port."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[tuple[str, int], _Bmc] = {}

    def get(self, access: Access) -> _Bmc:
        with self._lock:
            return self._known.setdefault((access.address, access.port), _Bmc())


_bmcs = _Bmcs()


class NotNow(BMCError):
    """The BMC does not do this in the state its server is in."""


def check(task: Task) -> Access:
    """How the node's BMC is reached. Raises InvalidDriverInfo; touches no hardware."""
    access = read(task.node)
    if shutil.which(PROGRAM) is None:
        raise InvalidDriverInfo(
            f"Node {task.node.uuid}: this host has no {PROGRAM}, which IPMI needs: "
            f"apt-get install {PROGRAM}"
        )
    return access


def call(task: Task, *command: str) -> str:
    """What `ipmitool COMMAND` prints.

    Raises InvalidDriverInfo, BMCUnreachable, BMCRefused, NotNow, BMCError."""
    access = check(task)
    bmc = _bmcs.get(access)
    with turns.take(task, f"{access.address} port {access.port}"):
        for suite in _suites(task, access, bmc):
            done = _run(task, access, bmc, suite, command)
            if done.returncode == 0:
                bmc.cipher_suite = suite
                return done.stdout
            if not any(sign in done.stderr for sign in _NO_SUITE):
                break
        raise _error(task, access, command, done.stderr)


def _suites(task: Task, access: Access, bmc: _Bmc) -> tuple[int | None, ...]:
    """The cipher suites to try: the node's, else the best of the configured ones first, and at
    once the one that the BMC took last time; None: ipmitool asks the BMC."""
    if access.cipher_suite is not None or "lan" in access.options:
        return (access.cipher_suite,)
    listed = tuple(reversed(task.settings.ipmi.cipher_suite_versions))
    if bmc.cipher_suite in listed:
        return (bmc.cipher_suite, *(one for one in listed if one != bmc.cipher_suite))
    return listed or (None,)


def _run(
    task: Task, access: Access, bmc: _Bmc, suite: int | None, command: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    """One process. The BMC is left alone for a while before and after it."""
    options = task.settings.ipmi
    argv = [PROGRAM, "-v", "-H", access.address, "-p", str(access.port), *access.options, *RESEND]
    argv += [
        "-E",
        *(("-K",) if access.kg else ()),
        *(("-C", str(suite)) if suite is not None else ()),
    ]
    secrets = {b"IPMI_PASSWORD": access.password.encode(), b"IPMI_KGKEY": access.kg}
    given = {name: value for name, value in secrets.items() if value}
    with _at_rest(bmc, options.min_command_interval):
        try:
            return subprocess.run(
                [*argv, *command],
                env={**os.environb, b"LC_ALL": b"C", **given},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=options.command_retry_timeout if options.kill_on_timeout else None,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BMCUnreachable(
                f"{_name(task, access)} did not end '{' '.join(command)}' within "
                f"{options.command_retry_timeout} s ([ipmi]command_retry_timeout), so {PROGRAM} "
                "was ended."
            ) from None


@contextmanager
def _at_rest(bmc: _Bmc, interval: int) -> Iterator[None]:
    time.sleep(max(0.0, bmc.rests_until - time.monotonic()))
    try:
        yield
    finally:
        bmc.rests_until = time.monotonic() + interval


def _name(task: Task, access: Access) -> str:
    return f"The BMC {access.address} port {access.port} of node {task.node.uuid}"


def _error(task: Task, access: Access, command: tuple[str, ...], said: str) -> HardwareError:
    """The error a person can act on."""
    bmc, what = _name(task, access), " ".join(command)
    if any(sign in said for sign in task.settings.ipmi.additional_retryable_ipmi_errors):
        return BMCUnreachable(f"{bmc}: {_last_line(said)}")
    if "not supported in present state" in said:
        return NotNow(f"{bmc} refuses '{what}': {_last_line(said)}.")
    if "Unable to establish" in said or any(sign in said for sign in _WRONG_LOGIN):
        return _no_session(bmc, said)
    return BMCError(f"{bmc} failed at '{what}': {_last_line(said)}.")


def _no_session(bmc: str, said: str) -> HardwareError:
    if any(sign in said for sign in _NO_SUITE):
        return InvalidDriverInfo(
            f"{bmc} takes none of the cipher suites tried: set ipmi_cipher_suite, or "
            "[ipmi]cipher_suite_versions."
        )
    for sign, remedy in _WRONG_LOGIN.items():
        if sign in said:
            return BMCRefused(f"{bmc} does not accept our credentials ({sign}): {remedy}.")
    if "Address lookup for" in said:
        return BMCUnreachable(f"{bmc} has a name that cannot be looked up: check ipmi_address.")
    reason = _last_line(said.partition("Error: Unable to establish")[0])
    return BMCUnreachable(
        f"{bmc} does not answer, or gives no session: {reason}. Check ipmi_address, ipmi_port, "
        "the BMC's network, and that IPMI over LAN is enabled in the BMC."
    )


def _last_line(said: str) -> str:
    lines = [line.strip(" >.") for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
