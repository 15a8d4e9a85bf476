"""A Bare Metal API that answers like Ironic, and the parts of an agent that touch a machine."""

import http.server
import json
import queue
import socket
import threading
from pathlib import Path
from typing import Any

from stbernard_agent.console import Console
from stbernard_agent.network import Network
from stbernard_agent.rescue import RescueError, RescueLogin
from stbernard_agent.settings import Settings
from tests.service import kept_port

TOKEN = "0123456789-abcdefghijklmnopqrstuvwxyz_ABCDE"
UUID = "bbbbbbbb-0000-4000-8000-000000000001"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJUcaTpoHvrNDsVWJWNvqvmQeHmiWjcsKdpVmxxSDXfI"
MASKED = "******"

Answer = tuple[int, Any]


def fault(status: int, text: str) -> Answer:
    """An error as Ironic sends it: JSON in JSON."""
    inner = {"faultcode": "Client", "faultstring": text, "debuginfo": None}
    return status, {"error_message": json.dumps(inner)}


def found(token: str = TOKEN, timeout: float = 300) -> Answer:
    """A lookup that found the node; most of Ironic's fields are of no interest to the agent."""
    node = {"uuid": UUID, "properties": {}, "instance_info": {}, "driver_internal_info": {}}
    config = {
        "heartbeat_timeout": timeout,
        "agent_token": token,
        "agent_token_required": True,
        "metrics": {"backend": "noop"},
    }
    return 200, {"node": node, "config": config}


ACCEPTED: Answer = (202, None)
NOT_FOUND = fault(404, "Resource could not be found.")
TOKEN_REFUSED = fault(400, "Invalid or missing agent token received.")


class FakeService(http.server.ThreadingHTTPServer):
    """Answers lookups and heartbeats with the next of the given answers, the last one for ever.

    `heartbeats` and `lookups` hand out the requests as they come in.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.address_family = listener.family
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.url = "http://{}:{}".format(*listener.getsockname()[:2])
        self.lookup_answers = [found(), found(MASKED)]
        self.heartbeat_answers = [ACCEPTED]
        self.lookups: queue.Queue[tuple[str, dict[str, str]]] = queue.Queue()
        self.heartbeats: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FakeService

    def do_GET(self) -> None:
        self.server.lookups.put((self.path, dict(self.headers)))
        self._send(self.server.lookup_answers)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heartbeats.put({"path": self.path, "body": body})
        self._send(self.server.heartbeat_answers)

    def _send(self, answers: list[Answer]) -> None:
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class RecordingConsole(Console):
    """A console that hands out its lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: queue.Queue[str] = queue.Queue()

    def say(self, line: str) -> None:
        self.lines.put(line)

    def next(self) -> str:
        return self.lines.get(timeout=30)


class FakeNetwork(Network):
    """A network that is up already."""

    def addresses(self) -> list[str]:
        return ["127.0.0.1"]

    def macs(self) -> list[str]:
        return ["52:54:00:77:00:01", "52:54:00:77:00:02"]

    def wait_for_address(self) -> None:
        return

    def fall_back(self) -> None:
        return

    def wait_for_change(self, timeout: float) -> None:
        return


class FakeLogin(RescueLogin):
    """A login that opens, or fails as told, and remembers with which hashes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.failure: str | None = None
        self.opened_with: list[str] = []

    def prepare(self) -> None:
        return

    def host_key(self) -> str:
        return HOST_KEY

    def open(self, password_hash: str) -> None:
        self.opened_with.append(password_hash)
        if self.failure:
            raise RescueError(self.failure)


def fake_settings(run: Path, *urls: str, arguments: str = "") -> Settings:
    settings = Settings(f"ipa-api-url={','.join(urls)} {arguments}", run=run)
    settings.port = kept_port(settings)
    return settings
