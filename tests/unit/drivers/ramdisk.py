"""What runs in a ramdisk, as the service sees it: an agent over TLS, and sshd."""

import asyncio
import json
import ssl
import threading
from collections.abc import Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncssh

from stbernard_agent.rescue import mark
from tests.unit.certificates import self_signed

TOKEN = "the-token-of-this-rescue-and-no-other"


class Agent:
    """One that listens. `answer` is given to commands; `got` are the bodies of those.

    `status` is what it says of itself; `hang_up`: it takes a request and breaks off."""

    def __init__(
        self, folder: Path, *, tls: bool = True, valid_in: timedelta = timedelta(hours=-1)
    ) -> None:
        self.status: dict[str, Any] = {"version": "1.0", "started_at": 1.0}
        self.answer: tuple[int, Any] = (200, {"command_status": "SUCCEEDED"})
        self.hang_up = False
        self.got: list[Any] = []
        owner = self

        class Serve(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply(*owner._status(self.path))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if owner.hang_up:
                    return
                owner.got.append((self.path, body))
                self.reply(*owner.answer)

            def reply(self, code: int, body: Any) -> None:
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Clients that do not like the certificate are what a test wants."""

        self._server = Server(("127.0.0.1", 0), Serve)
        self.certificate: str | None = None
        if tls:
            certificate, key = self_signed(folder, "agent", valid_in)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.certificate = certificate.read_text()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _status(self, path: str) -> tuple[int, dict[str, Any]]:
        token = parse_qs(urlsplit(path).query).get("agent_token")
        if token != [TOKEN]:
            return 401, {"faultcode": "Client", "faultstring": "401 Unauthorized: Token invalid."}
        return 200, self.status


class Sshd:
    """An ssh server with keys of these kinds; `keys` are the public ones, `key` the first.

    `marked`: it shows the word that our agent's sshd does."""

    def __init__(self, *algorithms: str, marked: bool = False) -> None:
        self._marked = marked
        self._keys = [
            asyncssh.generate_private_key(name) for name in algorithms or ("ssh-ed25519",)
        ]
        self.keys = [public(key) for key in self._keys]
        self.key = self.keys[0]
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(30)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncssh.listen(
                "127.0.0.1",
                0,
                server_host_keys=self._keys,
                server_version=f"OpenSSH_9.2p1 {mark(self.key)}" if self._marked else (),
            )
        )
        self.port = server.get_port()
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(server.wait_closed())
        self._loop.close()


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


def other_keys(count: int = 1) -> Sequence[str]:
    """Public keys of nobody."""
    return [public(asyncssh.generate_private_key("ssh-ed25519")) for _ in range(count)]
