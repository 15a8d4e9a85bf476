"""The two services that `make bench` compares, with fake hardware on SQLite, and their costs."""

import math
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import NullPool, create_engine, text
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

Figures = dict[str, float]


@dataclass(frozen=True)
class Cost:
    """Medians of the rounds: server CPU and rate."""

    cpu_ms: float
    per_second: float
    p50_ms: float


class Together:
    """Processes of one service: the first answers."""

    def __init__(self, *each: Service) -> None:
        self._each = each
        first = each[0]
        self.url, self.config, self.get, self.call = first.url, first.config, first.get, first.call

    def start(self) -> None:
        for each in self._each:
            each.start()

    def stop(self) -> None:
        for each in self._each:
            each.stop()

    def processes(self) -> list[psutil.Process]:
        return [process for each in self._each for process in each.processes()]


class Contender:
    """A running service and its database (a URL)."""

    def __init__(self, name: str, server: Service | Ironic | Together, database: str) -> None:
        self.name, self.server, self.database = name, server, database

    def start(self) -> float:
        """Seconds from the command to the first answer."""
        begin = time.perf_counter()
        self.server.start()
        return time.perf_counter() - begin

    def configure(self, more: str) -> None:
        """Add to its configuration file; it is to be started afterwards."""
        with self.server.config.open("a") as config:
            config.write(more)

    def uuids(
        self, count: int = -1, state: str = "active", *, backwards: bool = False
    ) -> list[str]:
        """Of its nodes in this state, in the order in which they were made."""
        order = "DESC" if backwards else "ASC"
        found = self.sql(
            f"SELECT uuid FROM nodes WHERE provision_state = '{state}' "  # noqa: S608
            f"ORDER BY id {order} LIMIT {count if count >= 0 else 1_000_000}"
        )
        return [row[0] for row in found]

    def await_state(self, node: str, state: str, patience: float) -> None:
        """Raises TimeoutError."""
        wanted = f"SELECT provision_state FROM nodes WHERE uuid = '{node}'"  # noqa: S608
        deadline = time.monotonic() + patience
        while self.sql(wanted) != [(state,)]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: {node} is not '{state}' within {patience} s.")
            time.sleep(0.005)

    def cpu(self) -> float:
        """Seconds of CPU its processes have used."""
        times = [process.cpu_times() for process in self.server.processes()]
        return sum(each.user + each.system for each in times)

    def megabytes(self) -> float:
        """Its memory (PSS: pages that processes share count once)."""
        return sum(each.memory_full_info().pss for each in self.server.processes()) / 1e6

    def sql(self, statement: str) -> list[tuple[str]]:
        """Read or change its database behind its back; both have a table `nodes`."""
        wait = {"timeout": 60} if self.database.startswith("sqlite") else {}
        engine = create_engine(self.database, poolclass=NullPool, connect_args=wait)
        with engine.begin() as connection:
            done = connection.execute(text(statement))
            return [(row[0],) for row in done] if done.returns_rows else []

    def send(
        self, requests: Iterable[Request], connections: int, seconds: float = math.inf
    ) -> Load:
        return send(self.server.url, requests, connections, seconds)


def st_bernard(folder: Path) -> Contender:
    folder.mkdir()
    return Contender("St. Bernard", Service(folder, OURS), f"sqlite:///{folder}/stbernard.sqlite")


def ironic(folder: Path) -> Contender:
    folder.mkdir()
    return Contender("Ironic", Ironic(folder, IRONICS), f"sqlite:///{folder}/ironic.sqlite")


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
