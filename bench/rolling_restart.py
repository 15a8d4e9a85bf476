"""`make bench-rolling-restart`: how soon SIGTERM hands work over, in the middle of steps.

The BMCs take three seconds for each answer, so that every process has steps in hand that do not end
in time. One process after the other is ended and started again, until each had its turn; in the end
all nodes have to be rescued.
"""

import argparse
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, create_engine, select
from tests.postgresql import PostgreSQL
from tests.service import ApiOnly, Service, Worker

from bench.heartbeat import CONFIG, fill
from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade
from stbernard.store.schema import nodes as _nodes

HANG = "3"  # seconds
MANY = 2  # nodes that a process has in hand when it is ended, at the least
LOOK_AGAIN = 0.005  # seconds
LONG = "[conductor]\npower_state_change_timeout = 600\n"
KINDS: dict[str, tuple[str, tuple[type[Service], ...]]] = {
    "SQLite, one `serve`": ("sqlite", (Service,)),
    "PostgreSQL, three `serve`": ("postgresql", (Service, Service, Service)),
    "PostgreSQL, `api` and three `worker`": ("postgresql", (Worker, Worker, Worker, ApiOnly)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rescues", type=int, default=12, help="at once")
    many = parser.parse_args().rescues
    table = Table("", "in hand", "process ended (s)", "all in hand elsewhere (s)", box=None)
    table.title = f"{many} rescues, most of each; load before: {os.getloadavg()[0]:.1f}"
    server = PostgreSQL(quick=False)
    try:
        for name, (kind, processes) in KINDS.items():
            with tempfile.TemporaryDirectory() as folder:
                url = f"sqlite:///{folder}/db" if kind == "sqlite" else server.database()
                table.add_row(name, *measure(Path(folder), url, processes, many))
    finally:
        server.close()
    Console().print(table)


def measure(
    folder: Path, url: str, processes: tuple[type[Service], ...], many: int
) -> tuple[str, str, str]:
    """Of the restarts of all that work: what was in hand, and the longest times."""
    database = create_engine(url)  # past the service, which leaves SQLite to nobody else
    with running(folder, url, processes, many) as (services, nodes):
        api = services[-1]
        for node in nodes:
            api.provision(node, "rescue", rescue_password=uuid.uuid4().hex).raise_for_status()
        restarts = [
            restart(database, service) for service in services if not isinstance(service, ApiOnly)
        ]
        for node in nodes:
            rescued = api.wait_for_state(node, "rescue", "rescue failed")
            if rescued["last_error"]:
                raise SystemExit(f"{node}: {rescued['last_error']}")
    database.dispose()
    in_hand, ended, elsewhere = zip(*restarts, strict=True)
    return str(sum(in_hand)), f"{max(ended):.2f}", f"{max(elsewhere):.2f}"


def restart(database: Engine, service: Service) -> tuple[int, float, float]:
    """SIGTERM while it has steps in hand, and a new start as soon as it has ended; with SQLite it
    is the new start that takes them up."""
    while len(had := in_hand(database, service.host)) < MANY:
        time.sleep(LOOK_AGAIN)
    began = time.monotonic()
    assert service.process  # noqa: S101 (for the type checker)
    service.process.terminate()
    ended, waiting = 0.0, set(had)
    while not ended or waiting:
        if not ended and service.is_dead():
            ended = time.monotonic() - began
            if database.dialect.name == "sqlite":  # nobody else can take them up
                service.start("bench.hanging_service", HANG)
        waiting -= taken_up(database, had)
        taken = time.monotonic() - began
        time.sleep(LOOK_AGAIN)
    if service.is_dead():
        service.start("bench.hanging_service", HANG)
    return len(had), ended, taken


def in_hand(database: Engine, worker: str) -> dict[int, int]:
    """The nodes that it has in hand, and by which fence."""
    query = select(_nodes.c.id, _nodes.c.fence).where(_nodes.c.lease_owner == worker)
    with database.connect() as connection:
        rows = connection.execute(query).all()
    return {row.id: row.fence for row in rows}


def taken_up(database: Engine, had: dict[int, int]) -> set[int]:
    """Those of them that were claimed anew: their release is one fence, a claim the next. One whose
    step ended in time was saved, and is claimed by its first new fence."""
    columns = (_nodes.c.id, _nodes.c.fence, _nodes.c.lease_owner, _nodes.c.operation)
    query = select(*columns).where(_nodes.c.id.in_(had))
    with database.connect() as connection:
        rows = connection.execute(query).all()
    return {
        row.id
        for row in rows
        if row.fence >= had[row.id] + 2
        or (row.fence > had[row.id] and row.lease_owner)
        or not row.operation
    }


def prepare(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.close()


@contextmanager
def running(
    folder: Path, url: str, processes: tuple[type[Service], ...], many: int
) -> Iterator[tuple[list[Service], list[str]]]:
    services = []
    for number, kind in enumerate(processes):
        home = folder / str(number)
        home.mkdir()
        services.append(
            kind(home, CONFIG.format(database=url) + LONG, host=f"worker-{number}", upgrade=False)
        )
    prepare(url)
    nodes = fill(url, many)
    try:
        for service in services:
            service.start("bench.hanging_service", HANG)
        yield services, nodes
    finally:
        for service in services:
            service.kill()


if __name__ == "__main__":
    main()
