"""An agent without a server around it: it calls the API and answers commands, as the real one."""

import json
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlsplit

import requests

VERSION = "X-OpenStack-Ironic-API-Version"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL7WjMiWVy3t8jjd+vOnzWKct2i5FdbvLoTa/x6PB9Pl"
PAUSE = 0.1  # seconds between two looks at whether the node waits for an agent


class FakeAgent:
    """Serves one node, rescue after rescue, until the end of the `with` block.

    `commands` holds what the service asked for. It keeps answering after finalize_rescue, as the
    real agent does for as long as its answer may have been lost. `says`: fields of its heartbeat
    that are others; None leaves one out. `version`: the microversion it speaks."""

    def __init__(
        self,
        api: str,
        node: str,
        *,
        fails_with: str | None = None,
        says: Mapping[str, str | None] = MappingProxyType({}),
        version: str = "1.68",
    ) -> None:
        self.says = says
        self.version = version
        self.api = api
        self.node = node
        self.fails_with = fails_with
        self.token: str | None = None
        self.commands: list[dict[str, Any]] = []
        self._over = threading.Event()
        self._folder = tempfile.TemporaryDirectory()
        self._certificate, key = _certificate(Path(self._folder.name))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(PAUSE,)),
            threading.Thread(target=self._call_home),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()
        self._folder.cleanup()

    def _call_home(self) -> None:
        while not self._over.wait(PAUSE):
            try:
                self._look_up_and_beat()
            except requests.RequestException:
                continue  # the service is dead just now

    def _look_up_and_beat(self) -> None:
        with requests.Session() as session:
            session.headers[VERSION] = self.version
            states = session.get(f"{self.api}/v1/nodes/{self.node}/states", timeout=5)
            if states.json().get("provision_state") != "rescue wait":
                return
            found = session.get(f"{self.api}/v1/lookup", params={"node_uuid": self.node}, timeout=5)
            token = found.json().get("config", {}).get("agent_token")
            if token and "*" not in token:
                self.token = token
            heartbeat = {
                "callback_url": self.url,
                "agent_version": "0.0",
                "agent_token": self.token,
                "agent_verify_ca": self._certificate.read_text(),
                **self.says,
            }
            heartbeat = {name: value for name, value in heartbeat.items() if value is not None}
            session.post(f"{self.api}/v1/heartbeat/{self.node}", json=heartbeat, timeout=5)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, agent: FakeAgent, *args: Any) -> None:
        self._agent = agent
        super().__init__(*args)

    def do_GET(self) -> None:
        if f"agent_token={self._agent.token}" not in (urlsplit(self.path).query or ""):
            return self._answer(401, {"faultstring": "wrong token"})
        return self._answer(200, {"version": "0.0", "started_at": 0, "ssh_host_key": HOST_KEY})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if f"agent_token={self._agent.token}" not in urlsplit(self.path).query:
            return self._answer(401, {"faultstring": "wrong token"})
        self._agent.commands.append(body)
        failure = self._agent.fails_with
        return self._answer(
            200,
            {
                "id": "1",
                "command_name": "finalize_rescue",
                "command_status": "FAILED" if failure else "SUCCEEDED",
                "command_error": {"message": failure, "details": failure} if failure else None,
                "command_result": None if failure else {"result": "ok"},
            },
        )

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    certificate, key = folder / "agent.crt", folder / "agent.key"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
        f"-subj /CN=agent -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return certificate, key
