"""Connections: what goes wrong on the way to a BMC, in words a person can act on."""

import json
import logging
import socket
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from stbernard.drivers.redfish.bmc import Connections
from stbernard.drivers.redfish.driver_info import Access
from stbernard.errors import (
    BMCError,
    BMCRefused,
    BMCUnreachable,
    HardwareError,
    InvalidDriverInfo,
)
from stbernard.nodes import Power
from tests.unit.certificates import self_signed
from tests.unit.drivers.redfish.conftest import PASSWORD, SYSTEM, Bmc, Wsgi

ROOT = "GET /redfish/v1/"


def test_a_wrong_password_is_final_and_says_what_to_check(server: Bmc) -> None:
    task = server.task(redfish_password="guess")
    with pytest.raises(BMCRefused, match="check redfish_username and redfish_password") as caught:
        task.driver.power.get_power_state(task)
    assert caught.value.final
    assert server.address in str(caught.value)
    assert "guess" not in str(caught.value)


@pytest.mark.parametrize("auth_type", ["basic", "auto"])
def test_ways_to_log_in(server: Bmc, auth_type: str) -> None:
    task = server.task(redfish_auth_type=auth_type)
    assert task.driver.power.get_power_state(task) == Power.OFF


def test_a_bmc_that_is_down_may_come_back() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        bmc = Bmc.__new__(Bmc)
        bmc.address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        task = bmc.task()
        with pytest.raises(
            BMCUnreachable, match=r"does not answer: Connection refused\."
        ) as caught:
            task.driver.power.get_power_state(task)
    assert not caught.value.final
    assert "Check redfish_address" in str(caught.value)


def test_the_password_is_in_no_log_and_no_error(
    server: Bmc, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    task = server.task()
    task.driver.power.get_power_state(task)
    server.answers("401 Unauthorized")
    with pytest.raises(BMCRefused) as caught:
        task.driver.power.set_power_state(task, Power.ON)
    assert caplog.records
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        ("500 Internal Server Error", b"oops", BMCError, "answered HTTP 500: no reason given"),
        ("503 Service Unavailable", b'{"error": {"message": "busy"}}', BMCError, "503: busy"),
        ("403 Forbidden", b"{}", BMCRefused, "HTTP 403"),
        ("404 Not Found", b"{}", BMCError, "not found: check redfish_system_id"),
        ("200 OK", b"<html>", BMCError, "something that is not Redfish"),
        ("200 OK", b"[]", BMCError, "something that is not Redfish"),
    ],
)
def test_what_a_bmc_answers(
    server: Bmc, status: str, body: bytes, error: type[HardwareError], text: str
) -> None:
    task = server.task(redfish_system_id="/redfish/v1/Systems/1", redfish_auth_type="basic")
    server.answers(status, body, to="GET /redfish/v1/Systems")
    with pytest.raises(error, match=text):
        task.driver.power.get_power_state(task)


def test_one_read_that_fails_is_tried_once_more_at_once(server: Bmc) -> None:
    task = server.task(redfish_system_id="/redfish/v1/Systems/1", redfish_auth_type="basic")
    server.answers("503 Service Unavailable", to="GET /redfish/v1/Systems")
    with pytest.raises(BMCError):
        task.driver.power.get_power_state(task)
    assert server.requests == [ROOT] + 2 * ["GET /redfish/v1/Systems/1"]


def test_a_connection_is_kept_for_the_next_call(server: Bmc) -> None:
    task = server.task()
    for _ in range(3):
        task.driver.power.get_power_state(task)
    assert server.requests.count(ROOT) == 1
    assert server.requests.count("GET /redfish/v1/Systems") == 1


def test_a_changed_password_is_used_at_once(server: Bmc) -> None:
    task = server.task(redfish_password="wrong")
    with pytest.raises(BMCRefused):
        task.driver.power.get_power_state(task)
    right = server.task()
    assert right.driver.power.get_power_state(right) == Power.OFF


def test_a_login_that_was_lost_is_renewed(server: Bmc) -> None:
    """A kept connection gets 401 once: the BMC was restarted and has forgotten the session."""
    task = server.task()
    task.driver.power.get_power_state(task)
    lost = [True]
    emulator = server._app

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        if lost and lost.pop():
            start_response("401 Unauthorized", [("Content-Type", "application/json")])
            return [b"{}"]
        return emulator(environ, start_response)

    server.answer = answer
    assert task.driver.power.get_power_state(task) == Power.OFF


class Sessions:
    """A BMC that takes sessions only (DSP0266, 13.3.4), in front of the emulator."""

    def __init__(self, server: Bmc) -> None:
        self.opened: list[str] = []
        self.open: set[str] = set()
        self._emulator = server._app
        server.answer = self

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        path, json_type = environ["PATH_INFO"], ("Content-Type", "application/json")
        if environ["REQUEST_METHOD"] == "POST" and path == "/redfish/v1/SessionService/Sessions":
            account = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            if account == {"UserName": "admin", "Password": PASSWORD}:
                self.opened.append(f"token-{len(self.opened)}")
                self.open.add(self.opened[-1])
                location = f"{path}/{len(self.opened)}"
                headers = [json_type, ("X-Auth-Token", self.opened[-1]), ("Location", location)]
                start_response("201 Created", headers)
                return [b"{}"]
        elif path == "/redfish/v1/" or environ.get("HTTP_X_AUTH_TOKEN") in self.open:
            basic = b64encode(f"admin:{PASSWORD}".encode()).decode()
            return self._emulator(
                {**environ, "HTTP_AUTHORIZATION": f"Basic {basic}"}, start_response
            )
        start_response("401 Unauthorized", [json_type])
        return [b"{}"]


@pytest.mark.parametrize("auth_type", ["session", "auto"])
def test_a_session_is_kept_and_renewed(
    server: Bmc, auth_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sessions = Sessions(server)
    task = server.task(redfish_auth_type=auth_type)
    for _ in range(2):
        assert task.driver.power.get_power_state(task) == Power.OFF
    assert len(sessions.opened) == 1
    sessions.open.clear()  # it has expired
    task.driver.power.set_power_state(task, Power.ON)
    assert task.driver.power.get_power_state(task) == Power.ON
    assert len(sessions.opened) == 2
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("auth_type", ["session", "auto"])
def test_a_wrong_password_opens_no_session(server: Bmc, auth_type: str) -> None:
    Sessions(server)
    task = server.task(redfish_auth_type=auth_type, redfish_password="guess")
    with pytest.raises(BMCRefused, match="check redfish_username and redfish_password"):
        task.driver.power.get_power_state(task)


@pytest.mark.parametrize("systems", [[], [SYSTEM, "11111111-9e44-4fa7-8e91-f3527a1ef094"]])
def test_a_bmc_with_other_than_one_system_needs_a_name(server: Bmc) -> None:
    task = server.task()
    with pytest.raises(InvalidDriverInfo, match="set redfish_system_id"):
        task.driver.power.get_power_state(task)


def test_a_bmc_with_two_systems_and_a_name(server: Bmc) -> None:
    task = server.task(redfish_system_id=f"/redfish/v1/Systems/{SYSTEM}")
    assert task.driver.power.get_power_state(task) == Power.OFF


def test_a_certificate_is_verified(app: Wsgi, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    server = Bmc(app, (str(certificate), str(key)))
    try:
        task = server.task()
        with pytest.raises(InvalidDriverInfo, match="not trusted: set redfish_verify_ca"):
            task.driver.power.get_power_state(task)
        for verify in (str(certificate), False):
            task = server.task(redfish_verify_ca=verify)
            assert task.driver.power.get_power_state(task) == Power.OFF
    finally:
        server.stop()


def test_old_connections_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stbernard.drivers.redfish.bmc.KEPT_CONNECTIONS", 2)
    connections = Connections()
    one, two, three = (
        Access(f"http://{number}", "/redfish/v1/", "admin", "secret", True, "auto")
        for number in range(3)
    )
    first = connections.get(one)
    connections.get(two)
    assert connections.get(one) is first
    connections.get(three)
    assert connections.get(one) is first
    assert "secret" not in repr(connections._connections)
