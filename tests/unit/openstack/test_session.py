"""Sessions with other services: how the options of a section are used."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from stbernard.errors import SettingsError
from stbernard.openstack.session import make_adapter
from stbernard.openstack.settings import Client


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = str(self.headers.get("Authorization")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Service) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_service_without_identity_is_called_where_it_is_said_to_be(service: str) -> None:
    client = make_adapter("glance", Client(auth_type="none", endpoint_override=service), "image")
    assert client.get("/v2/images").text == "None"


def test_user_and_password_are_sent(service: str) -> None:
    options = Client(
        auth_type="http_basic", username="ironic", password="secret", endpoint_override=service
    )
    assert make_adapter("glance", options, "image").get("/").text == "Basic aXJvbmljOnNlY3JldA=="


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (Client(), r"\[glance\]auth_type is not set"),
        (Client(auth_type="magic"), r"\[glance\]auth_type is wrong: .*'magic'"),
        (Client(auth_type="password", username="x"), r"\[glance\].*auth.url"),
    ],
)
def test_what_nobody_can_log_in_with_is_named(options: Client, text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        make_adapter("glance", options, "image")


def test_a_printed_section_shows_no_password() -> None:
    assert "hunter2" not in repr(Client(auth_type="password", password="hunter2"))
