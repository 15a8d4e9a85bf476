"""An Image service on loopback, for what a real one does not do when told: break off, lie.

Its answers are the real one's: recorded.json, which tests/openstack compares with that one."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from stbernard.openstack.settings import Glance
from tests.recording import Recording
from tests.unit.images.server import ImageServer

GLANCE = Recording(
    Path(__file__).with_name("recorded.json"),
    fading={},
    patterns={r"\b[0-9a-f]{32}\b": "ID"},
)


class FakeGlance(ImageServer):
    """`put` an image there; `broken`: how many downloads are to break off in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self._recorded = GLANCE.load()
        self.images: dict[str, dict[str, object]] = {}
        self.content: dict[str, bytes] = {}
        self.broken = 0

    def put(self, image: str, content: bytes, **said: object) -> None:
        self.content[image] = content
        self.images[image] = {
            **self._recorded["an image"]["body"],
            **{"id": image, "size": len(content)},
            **{"os_hash_value": hashlib.sha512(content).hexdigest(), **said},
        }

    def options(self, **values: object) -> Glance:
        given = {"auth_type": "none", "endpoint_override": self.url, "connect_retries": 0}
        return Glance(**{**given, **values})  # type: ignore[arg-type]

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        words = request.path.split("/")  # /v2/images/UUID[/file]
        image = words[3] if words[1:3] == ["v2", "images"] else ""
        if image not in self.images:
            missing = self._recorded["no image"]
            self._send(request, missing["body"].encode(), status=missing["status"])
        elif words[-1] != "file":
            self._send(request, json.dumps(self.images[image]).encode())
        else:
            self.sent.append(image)
            content = self.content[image]
            self.broken -= 1
            self._send(request, content, whole=self.broken < 0)

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        body: bytes,
        *,
        whole: bool = True,
        status: int = 200,
    ) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body if whole else body[: len(body) // 2])
