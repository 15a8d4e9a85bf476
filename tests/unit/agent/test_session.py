"""From lookup to the opened login, against an API that answers like Ironic."""

import http.client
import json
import re
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stbernard_agent import session as module
from stbernard_agent.session import Session
from stbernard_agent.settings import Settings

from .fakes import (
    ACCEPTED,
    MASKED,
    NOT_FOUND,
    TOKEN,
    TOKEN_REFUSED,
    UUID,
    FakeLogin,
    FakeNetwork,
    FakeService,
    RecordingConsole,
    fake_settings,
    found,
)

HASH = "$6$saltsalt$" + "a" * 86


class RunningSession:
    """A session in a thread, and the service's calls to it."""

    def __init__(self, settings: Settings) -> None:
        self.console = RecordingConsole()
        self.login = FakeLogin(settings)
        network = FakeNetwork(settings, self.console)
        session = Session(settings, self.console, network, self.login)
        self._thread = threading.Thread(target=session.serve_until_rescued, daemon=True)
        self._thread.start()

    def finalize(self, heartbeat: dict[str, Any]) -> dict[str, Any]:
        """Answer a heartbeat as the service does."""
        agent = heartbeat["body"]
        context = ssl.create_default_context(cadata=agent["agent_verify_ca"])
        host = agent["callback_url"].removeprefix("https://")
        connection = http.client.HTTPSConnection(host, context=context)
        params = {"rescue_password": HASH, "hashed": True}
        body = json.dumps({"name": "rescue.finalize_rescue", "params": params})
        connection.request("POST", f"/v1/commands/?agent_token={agent['agent_token']}", body)
        result: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return result

    def wait_for_end(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


def refuse(clock: int, seconds: float) -> None:
    raise PermissionError("not in a test")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    def pauses() -> Iterator[float]:
        while True:
            yield 0.01

    monkeypatch.setattr(module, "growing_pauses", pauses)
    # The machine of the tests keeps its clock.
    monkeypatch.setattr(time, "clock_settime", lambda clock, seconds: None)


@pytest.fixture
def settings(service: FakeService, tmp_path: Path) -> Settings:
    return fake_settings(tmp_path, service.url)


def next_heartbeat(service: FakeService) -> dict[str, Any]:
    return service.heartbeats.get(timeout=30)


def test_the_good_day(service: FakeService, settings: Settings) -> None:
    session = RunningSession(settings)
    result = session.finalize(next_heartbeat(service))
    assert result["command_status"] == "SUCCEEDED"
    assert session.login.opened_with == [HASH]
    session.wait_for_end()
    assert session.console.next() == f"looked up: node {UUID}"
    assert session.console.next() == "heartbeat accepted"
    assert session.console.next() == "rescue login open: ssh rescue@127.0.0.1"
    identity = settings.run / "node"
    assert json.loads(identity.read_text()) == {"uuid": UUID, "name": None}
    # Neither token nor key is left, and nobody listens.
    assert list(settings.run.iterdir()) == [identity]
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPSConnection("127.0.0.1", settings.port).connect()


def test_a_node_with_a_name(service: FakeService, settings: Settings) -> None:
    answer = found()
    answer[1]["node"]["name"] = "storage-7"
    service.lookup_answers = [answer]
    session = RunningSession(settings)
    assert session.console.next() == "looked up: node storage-7"
    session.finalize(next_heartbeat(service))
    session.wait_for_end()


def test_trouble_is_said_once_and_gone_through(service: FakeService, settings: Settings) -> None:
    service.lookup_answers = [NOT_FOUND] * 5 + [found()]
    service.heartbeat_answers = [TOKEN_REFUSED] * 5 + [ACCEPTED]
    session = RunningSession(settings)
    assert "expects no node with 52:54:00:77:00:01" in session.console.next()
    assert session.console.next().startswith("looked up")
    assert "400 Invalid or missing agent token" in session.console.next()
    assert session.console.next() == "heartbeat accepted"
    session.finalize(next_heartbeat(service))
    session.wait_for_end()


def test_heartbeats_go_on(service: FakeService, settings: Settings) -> None:
    service.lookup_answers = [found(timeout=0.02)]
    session = RunningSession(settings)
    first, second = next_heartbeat(service), next_heartbeat(service)
    assert first == second
    session.finalize(second)


def test_a_token_that_somebody_else_has(service: FakeService, settings: Settings) -> None:
    service.lookup_answers = [found(MASKED), found(MASKED), found()]
    session = RunningSession(settings)
    assert f"token of node {UUID} to another agent" in session.console.next()
    assert session.console.next().startswith("looked up")
    heartbeat = next_heartbeat(service)
    assert heartbeat["body"]["agent_token"] == TOKEN
    session.finalize(heartbeat)


def test_a_restarted_agent_goes_on(service: FakeService, settings: Settings) -> None:
    """Ironic shows the token once, and accepts neither another URL nor another certificate."""
    first = RunningSession(settings)
    before = next_heartbeat(service)
    token = settings.run / "token"
    assert (token.read_text(), stat.S_IMODE(token.stat().st_mode)) == (TOKEN, 0o600)

    service.lookup_answers = [found(MASKED)]
    session = RunningSession(fake_settings(settings.run, service.url))
    after = next_heartbeat(service)
    for field in ("agent_token", "agent_verify_ca"):
        assert after["body"][field] == before["body"][field]
    for running, heartbeat in ((first, before), (session, after)):
        running.finalize(heartbeat)
        running.wait_for_end()


def test_a_token_from_the_kernel_command_line(service: FakeService, tmp_path: Path) -> None:
    service.lookup_answers = [found(MASKED)]
    session = RunningSession(
        fake_settings(tmp_path, service.url, arguments="ipa-agent-token=from-virtual-media")
    )
    heartbeat = next_heartbeat(service)
    assert heartbeat["body"]["agent_token"] == "from-virtual-media"
    session.finalize(heartbeat)


def test_a_login_that_fails_keeps_the_agent_serving(
    service: FakeService, settings: Settings
) -> None:
    service.lookup_answers = [found(timeout=0.02)]
    session = RunningSession(settings)
    session.login.failure = "sshd does not listen"
    heartbeat = next_heartbeat(service)
    assert session.finalize(heartbeat)["command_status"] == "FAILED"
    assert next_heartbeat(service) == heartbeat
    session.login.failure = None
    assert session.finalize(heartbeat)["command_status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("behind", "set_it"),
    [(0.5, False), (30, False), (-0.5, True), (-2, True), (3600, True), (-1e9, True)],
)
def test_the_clock_becomes_the_services(
    monkeypatch: pytest.MonkeyPatch, behind: float, set_it: bool
) -> None:
    set_to: list[float] = []
    monkeypatch.setattr(time, "clock_settime", lambda _, seconds: set_to.append(seconds))
    console = RecordingConsole()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    service_time = now + behind
    module.set_clock(service_time, console)
    assert bool(set_to) is set_it
    if set_it:
        assert set_to[0] == pytest.approx(service_time)


def test_a_clock_that_cannot_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "clock_settime", refuse)
    console = RecordingConsole()
    module.set_clock(time.time() - 7200, console)
    assert re.fullmatch(r"the clock is \+7200 s off and cannot be set: .*", console.next())


def test_pauses_grow_up_to_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    pauses = module.growing_pauses()
    for longest in (1, 2, 4, 8, 10, 10):
        assert longest / 2 <= next(pauses) <= longest
