"""1,000 Redfish BMCs polled by one power sync, cold and with the connections it kept.

The BMCs are one small HTTP server on a port for each, in a process of its own. They answer what
DMTF's public mockup of a rack server does, as sushy carries it.
"""

import asyncio
import json
import multiprocessing
import socket
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import sushy
import uvicorn

from bench.contenders import Figures
from bench.rescues import nodes_of
from stbernard.drivers.registry import Registry
from stbernard.operations.power_sync import PowerSync
from stbernard.operations.tasks import Tasks
from stbernard.settings import Conductor, Default, Settings
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade

SAMPLES = Path(sushy.__file__).parent / "tests/unit/json_samples"
NAMES = ("root", "session_service", "system_collection", "system")
SYSTEM = "/redfish/v1/Systems/437XR1138R2"


def bmcs(count: int, workers: int) -> Figures:
    """CPU in milliseconds and seconds of polling each once, with so many threads."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, count))
    process.start()
    try:
        ports: list[int] = ours.recv()
        with tempfile.TemporaryDirectory() as folder:
            return _polled(f"sqlite:///{folder}/stbernard.sqlite", ports, workers)
    finally:
        process.terminate()
        process.join()


def _polled(url: str, ports: list[int], workers: int) -> Figures:
    default = Default(
        host="bench",
        enabled_hardware_types=("redfish",),
        enabled_power_interfaces=("redfish",),
        enabled_management_interfaces=("redfish",),
    )
    conductor = Conductor(sync_power_state_workers=workers)
    settings = Settings(default=default, conductor=conductor)
    database = Database(url)
    upgrade(database)
    store = Store(database)
    store.conductors.register("bench", "", ("redfish",))
    store.nodes.add(
        [
            msgspec.structs.replace(node, driver_info=_driver_info(port))
            for port, node in zip(ports, nodes_of("redfish", settings), strict=False)
        ]
    )
    sync = PowerSync(store, Tasks(store, Registry(settings), settings), settings)
    found = {}
    for name in ("first", "again"):
        began, cpu = time.perf_counter(), time.process_time()
        sync.sync()
        found[f"{name}: seconds"] = time.perf_counter() - began
        found[f"{name}: CPU each (ms)"] = 1000 * (time.process_time() - cpu) / len(ports)
    found["failures"] = len(sync.failures)
    database.close()
    return found


def _driver_info(port: int) -> dict[str, Any]:
    return {
        "redfish_address": f"http://127.0.0.1:{port}",
        "redfish_system_id": SYSTEM,
        "redfish_username": "admin",
        "redfish_password": "password",
    }


def _serve(ports: Connection, count: int) -> None:
    """The BMCs; says on which ports they listen."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports.send([each.getsockname()[1] for each in sockets])
    config = uvicorn.Config(Mockup(), log_config=None, access_log=False, lifespan="off")
    asyncio.run(uvicorn.Server(config).serve(sockets=sockets))


class Mockup:
    """What every one of them answers (ASGI)."""

    def __init__(self) -> None:
        samples = (json.loads((SAMPLES / f"{name}.json").read_text()) for name in NAMES)
        self._answers = {
            each["@odata.id"].rstrip("/"): json.dumps(each).encode() for each in samples
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        path, headers = scope["path"].rstrip("/"), [(b"content-type", b"application/json")]
        status, body = (200, self._answers[path]) if path in self._answers else (404, b"{}")
        if scope["method"] == "POST":  # a session
            status, body = 201, b"{}"
            headers += [(b"x-auth-token", b"token"), (b"location", path.encode() + b"/1")]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    print(json.dumps(bmcs(1000, 64), indent=2))
