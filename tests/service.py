"""Services in a process of their own, for tests that talk to them as their clients do."""

import os
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import requests

PATIENCE = 60  # seconds until a test that waits for an event gives up
HEADERS = {"X-OpenStack-Ironic-API-Version": "1.115"}
FAKE_INTERFACES = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = fake
"""


def kept_port(owner: object) -> int:
    """A free port, which nobody else is given as long as the owner is there: it may listen late,
    and be down for a while."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
    held.bind(("127.0.0.1", 0))
    port: int = held.getsockname()[1]
    weakref.finalize(owner, os.close, held.detach())
    return port


class Server:
    """A Bare Metal service on a free port of this host, its state in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.port = kept_port(self)
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.log = folder / "service.log"
        self.config = folder / "ironic.conf"
        self.headers = dict(HEADERS)
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self, *command: str | Path) -> None:
        """Start it and wait until it answers, or is dead."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.wait(lambda: self.is_dead() or self._answers(), "the service answers")

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        for process in self.processes():
            process.kill()
        assert self.process
        self.process.wait()

    def processes(self) -> list[psutil.Process]:
        """What runs of it: the process that was started, and its children."""
        if self.process is None or self.is_dead():
            return []
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def is_dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/v1", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def call(self, method: str, path: str, json: Any = None) -> requests.Response:
        return requests.request(
            method, f"{self.url}{path}", json=json, headers=self.headers, timeout=PATIENCE
        )

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.ok, answer.text
        return answer.json()

    def provision(self, node: str, target: str, **arguments: Any) -> requests.Response:
        body = {"target": target, **arguments}
        return self.call("PUT", f"/v1/nodes/{node}/states/provision", body)

    def wait_for_state(self, node: str, *states: str) -> Any:
        """The node, when it is in one of these provision states."""
        found: list[Any] = []

        def there() -> bool:
            found[:] = [self.get(f"/v1/nodes/{node}")]
            return found[0]["provision_state"] in states

        self.wait(there, f"node {node} is {' or '.join(states)}")
        return found[0]

    def wait(self, true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not within {seconds} s: {what}\n{self.log.read_text()}")
            time.sleep(0.02)


class Service(Server):
    """`stbernard serve`; `config` is added to its file.

    `python` is that of the environment it is installed in; `host` is the worker's name.
    `upgrade`: the database has no schema yet."""

    command = "serve"

    def __init__(
        self,
        folder: Path,
        config: str = "",
        python: str | Path = sys.executable,
        host: str = "worker-1",
        upgrade: bool = True,
    ) -> None:
        super().__init__(folder)
        self.python = python
        self.host = host
        self.config.write_text(
            f"[api]\nport = {self.port}\n"
            f"[DEFAULT]\nhost = {host}\nmy_ip = 127.0.0.1\nstate_path = {folder}\n{config}"
        )
        if upgrade:
            self.run("db", "upgrade")

    def run(self, *arguments: str) -> None:
        subprocess.run(
            [self.python, "-m", "stbernard", *arguments, "--config-file", self.config],
            check=True,
            capture_output=True,
        )

    def start(self, module: str = "stbernard", *before: str) -> "Service":
        """Start it and wait until it answers, or is dead."""
        config = ("--config-file", self.config)
        self.launch(self.python, "-m", module, *before, self.command, *config)
        return self


class Activated(Service):
    """`stbernard serve` with a socket that this process holds in systemd's place."""

    def __init__(self, folder: Path, config: str = "") -> None:
        super().__init__(folder, config)
        self.socket = socket.create_server(("127.0.0.1", self.port), backlog=64)

    def launch(self, *command: str | Path) -> None:
        given = self.socket.fileno()
        handed_over = f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{given}'
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", handed_over, "bash", *command],
                stdout=log,
                stderr=log,
                pass_fds=[given],
            )
        self.wait(lambda: self.is_dead() or self._answers(), "the service answers")


class ApiOnly(Service):
    """`stbernard api`."""

    command = "api"


class Worker(Service):
    """`stbernard worker`, which answers nobody: its log tells when it is at work."""

    command = "worker"

    def launch(self, *command: str | Path) -> None:
        self._known = len(self.log.read_bytes()) if self.log.exists() else 0
        super().launch(*command)

    def _answers(self) -> bool:
        return b"conductor=" in self.log.read_bytes()[self._known :]
