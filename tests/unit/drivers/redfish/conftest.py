"""A BMC: the emulator of sushy-tools with its own fake driver, on loopback, in this process."""

import importlib.util
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bcrypt
import pytest
from werkzeug.serving import make_server

from stbernard.drivers.base import Task
from stbernard.drivers.redfish import bmc
from stbernard.drivers.turns import Turns
from tests.factories import a_node
from tests.unit.drivers.tasks import a_task, all_enabled


def _an_emulator() -> Any:
    """A copy of the emulator's module: it has one application, and others may use that."""
    spec = importlib.util.find_spec("sushy_tools.emulator.main")
    assert spec
    assert spec.loader
    emulator = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its webob imports cgi
        spec.loader.exec_module(emulator)
    return emulator


emulator = _an_emulator()
SYSTEM = "27946b59-9e44-4fa7-8e91-f3527a1ef094"
PASSWORD = "s3cret-of-the-bmc"

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Bmc:
    """One that runs. `answer` replaces the emulator's answers; `requests` are those it got."""

    def __init__(self, app: Wsgi, tls: tuple[str, str] | None = None) -> None:
        self.answer: Wsgi | None = None
        self.requests: list[str] = []
        self._app = app
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, ssl_context=tls)
        self.address = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answers(self, status: str, body: bytes = b"{}", *, to: str = "") -> None:
        """Give this answer to every request whose `METHOD path` begins with `to`."""

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if not self.requests[-1].startswith(to):
                return self._app(environ, start_response)
            start_response(status, [("Content-Type", "application/json")])
            return [body]

        self.answer = answer

    def task(self, **driver_info: Any) -> Task:
        """A task for a node with this BMC."""
        access = {
            "redfish_address": self.address,
            "redfish_username": "admin",
            "redfish_password": PASSWORD,
        }
        node = a_node(
            driver="redfish",
            driver_info=access | driver_info,
            power_interface="redfish",
            management_interface="redfish",
            boot_interface="ipxe",
            rescue_interface="agent",
        )
        return a_task(all_enabled(), node)

    def _serve(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return (self.answer or self._app)(environ, start_response)


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection of an earlier test is kept, and no BMC known to be silent."""
    monkeypatch.setattr(bmc, "_connections", bmc.Connections())
    monkeypatch.setattr(bmc, "turns", Turns())


@pytest.fixture
def systems() -> list[str]:
    """The UUIDs of the systems that the BMC manages."""
    return [SYSTEM]


@pytest.fixture
def app(tmp_path: Path, systems: list[str], monkeypatch: pytest.MonkeyPatch) -> Wsgi:
    """The emulator, with one account: admin and PASSWORD."""
    # The fake driver takes up to 11 s to change the power.
    at_once = SimpleNamespace(randint=lambda *_: 0)
    monkeypatch.setattr(emulator.fakedriver, "random", at_once)
    monkeypatch.setitem(emulator.app.__dict__, "_cache", {})
    emulator.app.config.update(
        SUSHY_EMULATOR_FAKE_DRIVER=True,
        SUSHY_EMULATOR_FAKE_SYSTEMS=[
            {"uuid": each, "name": f"fake-{each}", "power_state": "Off", "nics": []}
            for each in systems
        ],
        SUSHY_EMULATOR_STATE_DIR=str(tmp_path),
    )
    accounts = tmp_path / "accounts"
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4))
    accounts.write_text(f"admin:{hashed.decode()}\n")
    guarded: Wsgi = emulator.RedfishAuthMiddleware(emulator.app.wsgi_app, str(accounts))
    return guarded


@pytest.fixture
def server(app: Wsgi) -> Iterator[Bmc]:
    server = Bmc(app)
    yield server
    server.stop()
