"""The agent's own HTTP API over TLS: ironic-python-agent's paths and shapes."""

import http.server
import json
import socket
import socketserver
import ssl
import threading
import urllib.parse
from typing import Any

from stbernard_agent.commands import Commands, Json, ProblemError

MAX_BODY = 64 * 1024  # bytes; a command takes a few hundred
CLIENT_TIMEOUT = 30.0  # seconds without a byte from a client
TCP_ESTABLISHED = 1  # linux/net/tcp_states.h


class CommandServer(socketserver.ThreadingTCPServer):
    """Serves `commands` at one address, in the background, until `stop`."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self, address: str, port: int, context: ssl.SSLContext, commands: Commands
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.commands = commands
        self._context = context
        super().__init__((address, port), _Handler)
        serve = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        serve.start()

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        """Accept; the handshake is left to the client's own thread, so that it holds up nobody."""
        connection, client = super().get_request()
        return self._context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        ), client

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is the client's affair, and the console is for people."""

    def stop(self) -> None:
        """Close the port for good."""
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: CommandServer
    timeout = CLIENT_TIMEOUT

    def do_GET(self) -> None:
        try:
            self._send(200, self._get())
        except ProblemError as problem:
            self._send(problem.status, problem.body)

    def do_POST(self) -> None:
        try:
            result = self._run_command()
        except ProblemError as problem:
            self._send(problem.status, problem.body)
            return
        if self._client_waits():
            self._send(200, result)
            if result["command_status"] == "SUCCEEDED":
                self.server.commands.finished.set()

    def send_error(self, code: int, message: str | None = None, _: str | None = None) -> None:
        """What http.server finds wrong, in the shape of all other errors."""
        if code == http.HTTPStatus.NOT_IMPLEMENTED:  # there is no do_<method>
            code = http.HTTPStatus.METHOD_NOT_ALLOWED
        status = http.HTTPStatus(code)
        problem = ProblemError(code, f"{code} {status.phrase}: {message or status.description}")
        self._send(problem.status, problem.body)

    def version_string(self) -> str:
        return "stbernard-agent"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: request lines hold the token."""

    def _get(self) -> Json:
        url = urllib.parse.urlsplit(self.path)
        commands = self.server.commands
        match url.path.strip("/").split("/"):
            case [""]:
                version = self._version()
                name = "St. Bernard rescue agent"
                return {"name": name, "versions": [version], "default_version": version}
            case ["v1"]:
                return self._version()
            case ["v1", "status"]:
                if "agent_token" not in url.query:
                    return commands.status()
                self._check_token()
                return {**commands.status(), **commands.identity()}
            case ["v1", "commands"]:
                self._check_token()
                return {"commands": commands.results()}
            case ["v1", "commands", identifier]:
                self._check_token()
                return commands.result(identifier)
        raise ProblemError(404, "Not found: The requested URL was not found.")

    def _run_command(self) -> Json:
        if urllib.parse.urlsplit(self.path).path.strip("/") != "v1/commands":
            raise ProblemError(404, "Not found: The requested URL was not found.")
        self._check_token()
        command = self._body()
        return self.server.commands.run(command.get("name"), command.get("params"))

    def _body(self) -> Json:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise ProblemError(411, "411 Length Required: send the command with a Content-Length")
        if int(length) > MAX_BODY:
            self.rfile.read(min(int(length), 16 * MAX_BODY))  # or the client never reads the answer
            raise ProblemError(413, f"413 Request Entity Too Large: at most {MAX_BODY} bytes")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError as error:
            raise ProblemError(400, f"400 Bad Request: the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise ProblemError(400, "400 Bad Request: the body is not a JSON object")
        return body

    def _check_token(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.server.commands.check_token(query.get("agent_token", [""])[0])

    def _client_waits(self) -> bool:
        """Whether the client is still there for the answer.

        Where it was killed meanwhile, the kernel took its end of the connection down. Its
        successor will ask again, so the agent must not take the answer for delivered.
        """
        info: bytes = self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return info[0] == TCP_ESTABLISHED

    def _version(self) -> Json:
        base = f"https://{self.headers.get('Host', '')}"
        return {"id": "v1", "links": [{"href": f"{base}/v1", "rel": "self"}]}

    def _send(self, status: int, body: Json) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
