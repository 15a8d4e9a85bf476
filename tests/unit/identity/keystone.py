"""A Keystone on loopback, for what a real one does not do when told: be slow, broken or away.

Its answers are the real one's: recorded.json, which tests/openstack compares with that one.
"""

import json
import threading
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from stbernard.openstack.settings import KeystoneAuthtoken
from tests.recording import Recording

KEYSTONE = Recording(
    Path(__file__).with_name("recorded.json"),
    fading={
        **dict.fromkeys(("expires_at", "issued_at"), "2026-01-01T00:00:00.000000Z"),
        "audit_ids": ["AUDIT"],
        "catalog": [],
    },
    patterns={r"\b[0-9a-f]{32}\b": "ID", r"http://127\.0\.0\.1:\d+": "URL"},
)


def a_token(*roles: str, ends_in: float = 3600, **scope: Any) -> dict[str, Any]:
    """The token of an answer, in a project unless another scope is given."""
    ends_at = datetime.now(UTC) + timedelta(seconds=ends_in)
    token: dict[str, Any] = deepcopy(KEYSTONE.load()["a token of a project"]["body"]["token"])
    [role] = token["roles"]
    if scope:
        del token["project"], token["is_domain"]
    else:
        token["project"] |= {"id": "p1", "name": "red"}
    token["user"] |= {"id": "u1", "name": "ann"}
    token["expires_at"] = ends_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    token["roles"] = [role | {"id": name, "name": name} for name in roles]
    return token | scope


class FakeKeystone:
    """`tokens`: those that are valid, by what is sent; `asked` for; `odd`: the status it answers
    every question with instead; `hold`: an event that it waits for first."""

    def __init__(self) -> None:
        self._recorded = KEYSTONE.load()
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.odd: int | None = None
        self.hold: threading.Event | None = None
        owner = self

        class Serve(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.get(self)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                owner.replay(self, "log in", {"X-Subject-Token": "ours"})

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Serve)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def options(self, **values: Any) -> KeystoneAuthtoken:
        given: dict[str, Any] = {
            **{"auth_type": "password", "auth_url": self.url, "username": "ironic"},
            **{"password": "secret", "user_domain_name": "Default", "project_name": "service"},
            **{"project_domain_name": "Default", "http_request_max_retries": 0},
        }
        return KeystoneAuthtoken(**(given | values))

    def get(self, request: BaseHTTPRequestHandler) -> None:
        url = urlsplit(request.path)
        if not url.path.endswith("/auth/tokens"):
            self.replay(request, "version 3" if "v3" in url.path else "the versions")
            return
        token = request.headers["X-Subject-Token"]
        self.asked.append(token)
        if self.hold:
            self.hold.wait(30)
        if self.odd:
            self.answer(request, self.odd, {"error": {"code": self.odd, "message": "no"}})
            return
        known = self.tokens.get(token)
        ended = known and datetime.fromisoformat(known["expires_at"]) < datetime.now(UTC)
        if known is None or (ended and "allow_expired" not in parse_qs(url.query)):
            self.replay(request, "no such token")
            return
        self.answer(request, 200, {"token": known})

    def replay(
        self, request: BaseHTTPRequestHandler, title: str, headers: dict[str, str] | None = None
    ) -> None:
        """What the real one answered."""
        found = self._recorded[title]
        body = json.loads(json.dumps(found["body"]).replace("URL", self.url))
        if "catalog" in body.get("token", {}):
            endpoint = {"interface": "internal", "url": self.url, "region": "R", "region_id": "R"}
            service = {"type": "identity", "name": "keystone", "endpoints": [endpoint]}
            body["token"] |= {"catalog": [service], "expires_at": a_token()["expires_at"]}
        self.answer(request, found["status"], body, headers)

    def answer(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        body: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
