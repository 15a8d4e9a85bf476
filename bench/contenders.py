"""The two services that `make bench` compares, with fake hardware on SQLite, and their costs."""

import math
import sqlite3
import statistics
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.ironic import Ironic
from tests.service import Service

from bench.loader import Load, Request, send

OURS = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = fake
[api]
restrict_lookup = false
"""
IRONICS = "restrict_lookup = false"


@dataclass(frozen=True)
class Cost:
    """Medians of the rounds: server CPU and rate."""

    cpu_ms: float
    per_second: float
    p50_ms: float


class Contender:
    """A running service and its database."""

    def __init__(self, name: str, server: Service | Ironic, database: Path) -> None:
        self.name, self.server, self.database = name, server, database

    def start(self) -> float:
        """Seconds from the command to the first answer."""
        begin = time.perf_counter()
        self.server.start()
        return time.perf_counter() - begin

    def cpu(self) -> float:
        """Seconds of CPU its processes have used."""
        times = [process.cpu_times() for process in self.server.processes()]
        return sum(each.user + each.system for each in times)

    def megabytes(self) -> float:
        """Its memory (PSS: pages that processes share count once)."""
        return sum(each.memory_full_info().pss for each in self.server.processes()) / 1e6

    def sql(self, statement: str) -> list[tuple[str]]:
        """Read or change its database behind its back; both have a table `nodes`."""
        with closing(sqlite3.connect(self.database, timeout=60)) as connection, connection:
            return connection.execute(statement).fetchall()

    def send(
        self, requests: Iterable[Request], connections: int, seconds: float = math.inf
    ) -> Load:
        return send(self.server.url, requests, connections, seconds)


def st_bernard(folder: Path) -> Contender:
    folder.mkdir()
    return Contender("St. Bernard", Service(folder, OURS), folder / "stbernard.sqlite")


def ironic(folder: Path) -> Contender:
    folder.mkdir()
    return Contender("Ironic", Ironic(folder, IRONICS), folder / "ironic.sqlite")


def measured(
    contender: Contender, requests: Iterable[Request], connections: int, seconds: float
) -> Cost:
    """One round. Raises RuntimeError if something was refused."""
    before = contender.cpu()
    load = contender.send(requests, connections, seconds)
    used = contender.cpu() - before
    if bad := {status: count for status, count in load.statuses.items() if status >= 400}:
        raise RuntimeError(f"{contender.name} refused requests: {bad}")
    return Cost(1000 * used / load.answers, load.answers / load.seconds, 1000 * load.p50)


def median(costs: Iterable[Cost]) -> Cost:
    listed = list(costs)
    return Cost(
        *(
            statistics.median(getattr(cost, name) for cost in listed)
            for name in ("cpu_ms", "per_second", "p50_ms")
        )
    )
