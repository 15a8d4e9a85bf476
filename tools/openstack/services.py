"""One service of the private OpenStack: started, waited for, ended; its log is a file."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from stbernard.errors import ProgramError

POLL = 0.1  # seconds between two looks whether a service answers
GRACE = 30  # seconds that a service has to end
LOG_LINES = 25


@dataclass(frozen=True)
class Service:
    """What to start. `port`: where it listens; None: it is up when it has been started."""

    name: str
    command: Sequence[str | Path]
    port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    within: int = 300  # seconds until it has to answer, on a busy host
    speaks_http: bool = False  # then it is up when it answers a request, and not before


Inside = Callable[[], AbstractContextManager[None]]
"""Puts the calling thread into the network namespace in which the services are."""


class Running:
    """A service that runs until `end`; it leaves no child behind."""

    def __init__(self, service: Service, log: Path, prefix: Sequence[str] = ()) -> None:
        self.service = service
        self._log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [*prefix, *map(str, service.command)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | service.environment,
                start_new_session=True,
            )

    def wait(self, inside: Inside) -> None:
        """Until it answers. Raises ProgramError with the end of its log."""
        end = time.monotonic() + self.service.within
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise ProgramError(self._complaint(f"ended with {self._process.returncode}"))
            if self.service.port is None or self._answers(inside, self.service.port):
                return
            time.sleep(POLL)
        raise ProgramError(self._complaint(f"did not answer in {self.service.within} s"))

    def end(self) -> None:
        """In order if it can be, by force after GRACE seconds; its children with it."""
        self._signal(signal.SIGTERM, group=False)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._signal(signal.SIGKILL, group=True)
        self._process.wait()

    def _signal(self, number: signal.Signals, *, group: bool) -> None:
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self._process.pid, number)

    def _answers(self, inside: Inside, port: int) -> bool:
        try:
            with inside(), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                if self.service.speaks_http:
                    connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
                    return connection.recv(4) == b"HTTP"
                return True
        except OSError:
            return False

    def _complaint(self, what: str) -> str:
        end = self._log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        lines = "\n".join(end)
        return f"OpenStack's {self.service.name} {what}. The end of {self._log}:\n{lines}"
