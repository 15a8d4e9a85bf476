"""The agent's API as a client sees it: over TLS, with the certificate of the heartbeat."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stbernard_agent.certificate import Certificate
from stbernard_agent.commands import Commands
from stbernard_agent.server import CommandServer

from .fakes import HOST_KEY, TOKEN, FakeLogin, FakeNetwork, RecordingConsole, fake_settings

SHA512 = "$6$saltsalt$" + "a" * 86
SHA256 = "$5$rounds=5000$salt$" + "b" * 43
YESCRYPT = "$y$j9T$" + "c" * 22 + "$" + "d" * 43


class Agent:
    """A running server and a client of it."""

    def __init__(self, run: Path) -> None:
        settings = fake_settings(run)
        self.login = FakeLogin(settings)
        self.commands = Commands(TOKEN, self.login, FakeNetwork(settings, RecordingConsole()))
        certificate = Certificate(run, "127.0.0.1")
        self.server = CommandServer(
            "127.0.0.1", settings.port, certificate.context(), self.commands
        )
        self.port = settings.port
        self.trust = ssl.create_default_context(cadata=certificate.pem)

    def request(
        self, method: str, path: str, body: object = None, token: str | None = TOKEN
    ) -> tuple[int, Any]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.trust)
        url = path if token is None else f"{path}?wait=false&agent_token={token}"
        content = body if body is None or isinstance(body, bytes) else json.dumps(body)
        try:
            connection.request(method, url, content)
            response = connection.getresponse()
            assert response.getheader("Content-Type") == "application/json"
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def finalize(self, password: object = SHA512, **params: object) -> tuple[int, Any]:
        params = {"rescue_password": password, "hashed": True, **params}
        return self.request(
            "POST", "/v1/commands/", {"name": "rescue.finalize_rescue", "params": params}
        )


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path)
    yield agent
    agent.server.stop()


@pytest.mark.parametrize("password_hash", [SHA512, SHA256, YESCRYPT])
def test_finalize_rescue(agent: Agent, password_hash: str) -> None:
    status, result = agent.finalize(password_hash)
    assert status == 200
    assert result.pop("id")
    assert result == {
        "command_name": "finalize_rescue",
        "command_params": {"rescue_password": "******", "hashed": True},
        "command_status": "SUCCEEDED",
        "command_error": None,
        "command_result": {"ssh_host_key": HOST_KEY, "addresses": ["127.0.0.1"]},
    }
    assert agent.login.opened_with == [password_hash]
    assert agent.commands.finished.wait(30)


def test_asked_again_with_the_same_hash_it_answers_the_same(agent: Agent) -> None:
    assert agent.finalize() == agent.finalize()
    assert agent.login.opened_with == [SHA512]


def test_another_password_does_not_open_it_again(agent: Agent) -> None:
    agent.finalize()
    _, result = agent.finalize(SHA256)
    assert result["command_status"] == "FAILED"
    assert "open already" in result["command_error"]["details"]
    assert agent.login.opened_with == [SHA512]


@pytest.mark.parametrize(
    "password",
    [
        "secret",
        "$6$secret",
        "$1$saltsalt$" + "a" * 22,
        SHA512 + "\nroot:x",
        SHA512[:-1],
        "$5$sa:lt$" + "b" * 43,
        "",
        None,
        5,
    ],
)
def test_a_plain_password_is_refused_and_not_repeated(agent: Agent, password: object) -> None:
    status, result = agent.finalize(password)
    assert (status, result["command_status"]) == (200, "FAILED")
    assert result["command_error"]["details"] == (
        "rescue_password is no sha256, sha512 or yescrypt hash of crypt(5)"
    )
    assert not agent.login.opened_with
    assert not agent.commands.finished.is_set()


@pytest.mark.parametrize("hashed", [False, None, "true"])
def test_hashed_must_be_true(agent: Agent, hashed: object) -> None:
    _, result = agent.finalize(hashed=hashed)
    assert result["command_status"] == "FAILED"
    assert "hashed=true" in result["command_error"]["details"]


def test_a_login_that_does_not_open(agent: Agent) -> None:
    agent.login.failure = "sshd does not listen"
    _, result = agent.finalize()
    assert result["command_status"] == "FAILED"
    assert result["command_error"] == {
        "type": "CommandExecutionError",
        "code": 500,
        "message": "Command execution failed",
        "details": "sshd does not listen",
    }
    agent.login.failure = None
    assert agent.finalize()[1]["command_status"] == "SUCCEEDED"


def test_results_can_be_read_and_hold_no_hash(agent: Agent) -> None:
    _, result = agent.finalize()
    status, listing = agent.request("GET", "/v1/commands")
    assert (status, listing) == (200, {"commands": [result]})
    assert agent.request("GET", "/v1/commands/")[1] == listing
    assert agent.request("GET", f"/v1/commands/{result['id']}") == (200, result)
    assert SHA512 not in json.dumps(listing)


def test_status(agent: Agent) -> None:
    status, public = agent.request("GET", "/v1/status", token=None)
    assert (status, set(public)) == (200, {"started_at", "version"})
    status, full = agent.request("GET", "/v1/status")
    assert status == 200
    assert full == {**public, "ssh_host_key": HOST_KEY, "addresses": ["127.0.0.1"]}


def test_versions(agent: Agent) -> None:
    status, root = agent.request("GET", "/", token=None)
    assert (status, root["default_version"]["id"]) == (200, "v1")
    assert agent.request("GET", "/v1/", token=None)[1]["id"] == "v1"


@pytest.mark.parametrize(
    ("method", "path", "token"),
    [
        (method, path, token)
        for method, path in (
            ("POST", "/v1/commands/"),
            ("GET", "/v1/commands"),
            ("GET", "/v1/commands/x"),
            ("GET", "/v1/status"),
        )
        for token in (None, "", "wrong", TOKEN[:-1], "t%C3%B6ken")
        if (path, token) != ("/v1/status", None)  # without any token a part of it is public
    ],
)
def test_without_the_token(agent: Agent, method: str, path: str, token: str | None) -> None:
    status, error = agent.request(method, path, token=token)
    assert status == 401
    assert error == {"faultcode": "Client", "faultstring": "401 Unauthorized: Token invalid."}


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff", 400, "not JSON"),
        ([], 400, "not a JSON object"),
        ({}, 400, "name or params"),
        ({"name": "rescue.finalize_rescue"}, 400, "name or params"),
        ({"name": "rescue.finalize_rescue", "params": []}, 400, "name or params"),
        ({"name": "finalize_rescue", "params": {}}, 400, "<extension>.<name>"),
        ({"name": "rescue.other", "params": {}}, 400, "Unknown command: other"),
        ({"name": "standby.run_image", "params": {}}, 404, "Extension with id standby"),
        (b" " * 70_000, 413, "at most 65536 bytes"),
    ],
)
def test_a_wrong_command(agent: Agent, body: object, status: int, text: str) -> None:
    answered, error = agent.request("POST", "/v1/commands/", body)
    assert (answered, error["faultcode"]) == (status, "Client")
    assert text in error["faultstring"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2", 404),
        ("GET", "/v1/commands/unknown", 404),
        ("POST", "/v1/status", 404),
        ("PUT", "/v1/commands/", 405),
        ("DELETE", "/", 405),
    ],
)
def test_a_wrong_request(agent: Agent, method: str, path: str, status: int) -> None:
    answered, error = agent.request(method, path)
    assert answered == status
    assert error["faultcode"] == "Client"


def test_a_body_of_unknown_length(agent: Agent) -> None:
    connection = http.client.HTTPSConnection("127.0.0.1", agent.port, context=agent.trust)
    connection.putrequest("POST", f"/v1/commands/?agent_token={TOKEN}")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


def test_a_silent_client_holds_up_nobody(agent: Agent) -> None:
    with socket.create_connection(("127.0.0.1", agent.port)):
        assert agent.request("GET", "/", token=None)[0] == 200


def test_a_lost_answer_is_not_the_end(agent: Agent) -> None:
    """The service is killed while the agent opens the login; the next one asks again."""
    asked, gone = threading.Event(), threading.Event()

    def open_slowly(password_hash: str) -> None:
        asked.set()
        gone.wait(30)

    agent.login.open = open_slowly  # type: ignore[method-assign]
    connection = http.client.HTTPSConnection("127.0.0.1", agent.port, context=agent.trust)
    params = {"rescue_password": SHA512, "hashed": True}
    body = json.dumps({"name": "rescue.finalize_rescue", "params": params})
    connection.request("POST", f"/v1/commands/?agent_token={TOKEN}", body)
    assert asked.wait(30)
    connection.close()
    gone.set()
    # The result is there once the first request is through: results wait for nothing else.
    assert agent.finalize()[1]["command_status"] == "SUCCEEDED"
    assert agent.commands.finished.wait(30)
    assert len(agent.commands.results()) == 1
