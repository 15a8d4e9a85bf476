"""What runs in a site's network namespace, which is all that belongs to the site."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from stbernard.errors import LabError
from stbernard.programs import run

LOCKS = Path("/run/lock")
GRACE = 10  # seconds that a killed process has to be gone
MACHINE = "qemu-system"
GONE = (psutil.NoSuchProcess, psutil.AccessDenied)


def processes(namespace: str) -> list[psutil.Process]:
    """Those in the namespace now; none if there is no such."""
    if not Path("/run/netns", namespace).exists():
        return []
    found = []
    for pid in run("ip", "netns", "pids", namespace).split():
        with suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(int(pid)))
    return found


def end_all(namespace: str) -> None:
    """Kill what is left in it. Raises LabError if something does not go."""
    left = processes(namespace)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    if still := psutil.wait_procs(left, timeout=GRACE)[1]:
        raise LabError(f"Still running in the namespace {namespace}: {still}")


@contextmanager
def alone(namespace: str) -> Iterator[None]:
    """Nobody else has this namespace meanwhile, and nothing in it is left from before or after.

    Raises LabError if somebody has it."""
    with (LOCKS / f"{namespace}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(
                f"Another run has the namespace {namespace}. Wait until it has ended."
            ) from None
        _clean(namespace)
        try:
            yield
        finally:
            _clean(namespace)


def _clean(namespace: str) -> None:
    end_all(namespace)
    if Path("/run/netns", namespace).exists():
        run("ip", "netns", "delete", namespace)


class Memory(threading.Thread):
    """Looks every few seconds how much the site takes: what each process has for itself, and its
    part of what it shares (PSS), in bytes. `services`: all but the machine; at most, until now."""

    def __init__(self, namespace: str, every: float = 5.0) -> None:
        super().__init__(name="memory", daemon=True)
        self.services = self.with_machine = 0
        self._namespace = namespace
        self._every = every
        self._over = threading.Event()

    def __enter__(self) -> "Memory":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(self._every):
            self.look()

    def look(self) -> None:
        services = machine = 0
        for process in processes(self._namespace):
            with suppress(*GONE):
                name, size = process.name(), process.memory_full_info().pss
                if name.startswith(MACHINE):
                    machine += size
                else:
                    services += size
        self.services = max(self.services, services)
        self.with_machine = max(self.with_machine, services + machine)

    def __str__(self) -> str:
        services, whole = self.services / 1e9, self.with_machine / 1e9
        return f"{services:.2f} GB of memory at most, {whole:.2f} GB with the machine"
