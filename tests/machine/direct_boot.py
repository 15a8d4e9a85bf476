"""A ramdisk booted straight from QEMU's command line, with a stand-in for the service.

No lab, no network namespace: QEMU's user network answers DHCP and forwards two loopback ports.
"""

import contextlib
import json
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from stbernard.lab.acceleration import EMULATION

NODE = {"uuid": "5f0a1d3e-2f1c-4f5e-9f55-7f4d6a7c0b11", "name": "patient-1"}
BOOT = 600.0  # seconds, on a busy host
TOKEN = "0123456789abcdef0123456789abcdef"
GATEWAY = "10.0.2.2"  # the host, as QEMU's user network shows it


class Machine:
    """A running QEMU; its serial console as (seconds since start, line).

    `monitor` is the socket of its machine protocol (QMP).
    """

    def __init__(self, command: list[str], monitor: Path) -> None:
        self.monitor = monitor
        self.started = time.monotonic()
        self.lines: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            [*command, "-qmp", f"unix:{monitor},server=on,wait=off"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def wait_for(self, pattern: str) -> float:
        """The seconds at which a line with the pattern came; waits for it."""
        until = time.monotonic() + BOOT
        with self._changed:
            while True:
                for at, line in self.lines:
                    if re.search(pattern, line):
                        return at
                if self._ended:
                    raise AssertionError(f"QEMU ended before {pattern!r}:\n{self.console()}")
                if not self._changed.wait(max(until - time.monotonic(), 0)):
                    raise AssertionError(f"{pattern!r} does not come:\n{self.console()}")

    def console(self) -> str:
        return "\n".join(f"{at:7.2f} {line}" for at, line in self.lines)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            with self._changed:
                self.lines.append((self.seconds(), raw.decode(errors="replace").strip()))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class Service:
    """As much of the Bare Metal API as an agent asks for; at the first heartbeat it rescues."""

    def __init__(self, password_hash: str) -> None:
        self.password_hash = password_hash
        self.agent_port = free_port()
        self.command: dict[str, Any] = {}
        self.rescued = threading.Event()
        self._asked = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://{GATEWAY}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def heartbeat(self, certificate: str) -> None:
        if not self._asked:
            self._asked = True
            threading.Thread(target=self._finalize, args=(certificate,)).start()

    def _finalize(self, certificate: str) -> None:
        context = ssl.create_default_context(cadata=certificate)
        context.check_hostname = False  # it names the address inside the user network
        parameters = {"rescue_password": self.password_hash, "hashed": True}
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.agent_port}/v1/commands/?wait=true&agent_token={TOKEN}",
            json.dumps({"name": "rescue.finalize_rescue", "params": parameters}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=context) as response:  # noqa: S310 (https)
            self.command = json.load(response)
        self.rescued.set()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                config = {"heartbeat_timeout": 60, "agent_token": TOKEN}
                self._send(200, {"node": NODE, "config": config})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(202, {})
                service.heartbeat(body["agent_verify_ca"])

            def _send(self, status: int, answer: object) -> None:
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        return Handler


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def booted(
    ramdisk: Path,
    service: Service,
    ssh_port: int,
    *,
    disk: Path,
    memory: int = 512,
    address: str = "",
    more: Sequence[str] = (),
    append: str = "",
) -> Iterator[Machine]:
    """A machine of so many MiB that boots the kernel and ramdisk of the directory.

    `address`: the one it has in QEMU's network, where it is not DHCP's; `more`: for QEMU; `append`:
    for the kernel."""
    network = f"user,id=n0,hostfwd=tcp:127.0.0.1:{ssh_port}-{address}:22"
    network += f",hostfwd=tcp:127.0.0.1:{service.agent_port}-{address}:9999"
    command = ["qemu-system-x86_64", "-machine", "q35", *EMULATION]
    command += ["-smp", "2", "-m", str(memory), "-nographic", "-no-reboot"]
    command += ["-netdev", network, "-device", "virtio-net-pci,netdev=n0,romfile="]
    command += ["-drive", f"file={disk},if=virtio,format=raw"]
    command += ["-kernel", str(ramdisk / "kernel"), "-initrd", str(ramdisk / "ramdisk")]
    command += ["-append", f"console=ttyS0 ipa-api-url={service.url} {append}", *more]
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(command, Path(folder) / "qmp")
        try:
            yield machine
        finally:
            machine.end()
