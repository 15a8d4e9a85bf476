"""A web server for images, on loopback: what it serves and how is a test's to say."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Handler = Callable[[BaseHTTPRequestHandler], None]


class ImageServer:
    """Serves `files` with an ETag and a date each, like any web server; counts what it sent.

    `odd`: a path → what to do instead."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.odd: dict[str, Handler] = {}
        self.sent: list[str] = []
        self.asked: list[str] = []
        owner = self

        class Serve(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(self.path)
                if self.path in owner.odd:
                    owner.odd[self.path](self)
                else:
                    owner.serve(self)

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

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        content = self.files.get(request.path.partition("?")[0])
        if content is None:
            request.send_error(404)
            return
        tag = f'"{hash(content)}"'
        if request.headers.get("If-None-Match") == tag:
            request.send_response(304)
            request.end_headers()
            return
        self.sent.append(request.path)
        request.send_response(200)
        request.send_header("ETag", tag)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
