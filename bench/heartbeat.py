"""`make bench-heartbeat`: milliseconds from an agent's heartbeat to the next step of its rescue.

From the moment before the agent sends it to the first line of the step after the wait: the request,
its commit, the wake-up, the claim and the commit of the step that waited are in it.
"""

import argparse
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table
from tests.postgresql import PostgreSQL
from tests.service import HEADERS, ApiOnly, Service, Worker

from stbernard.nodes import Node
from stbernard.store import Store
from stbernard.store.engine import Database

CONFIG = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = fake
[agent]
require_tls = False
[database]
connection = {database}
"""
KINDS: dict[str, tuple[str, tuple[type[Service], ...]]] = {
    "in process, SQLite": ("sqlite", (Service,)),
    "in process, PostgreSQL": ("postgresql", (Service,)),
    "API → a worker, PostgreSQL": ("postgresql", (ApiOnly, Worker)),
    "API → one of three workers, PostgreSQL": ("postgresql", (ApiOnly, Worker, Worker, Worker)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heartbeats", type=int, default=200)
    given = parser.parse_args()
    table = Table("", "median", "p90", "p99", "most", box=None)
    table.title = f"{given.heartbeats} heartbeats each; load before: {os.getloadavg()[0]:.1f}"
    server = PostgreSQL(quick=False)
    try:
        for name, (kind, processes) in KINDS.items():
            with tempfile.TemporaryDirectory() as folder:
                url = f"sqlite:///{folder}/db" if kind == "sqlite" else server.database()
                took = sorted(measure(Path(folder), url, processes, given.heartbeats))
            cuts = statistics.quantiles(took, n=100)
            values = (statistics.median(took), cuts[89], cuts[98], took[-1])
            table.add_row(name, *(f"{1000 * value:.1f}" for value in values))
    finally:
        server.close()
    Console().print(table)


def measure(
    folder: Path, url: str, processes: tuple[type[Service], ...], many: int
) -> Iterator[float]:
    """Seconds from each heartbeat to the step after it, one rescue after the other."""
    noted = folder / "noted"
    noted.touch()
    service = running(folder, url, processes, many, noted)
    with service as (api, nodes), requests.Session() as session:
        session.headers.update(HEADERS)
        for node in nodes:
            began = heartbeat(api, session, node)
            yield begun(noted, node) - began


@contextmanager
def running(
    folder: Path, url: str, processes: tuple[type[Service], ...], many: int, noted: Path
) -> Iterator[tuple[Service, list[str]]]:
    started = []
    for number, kind in enumerate(processes):
        home = folder / str(number)
        home.mkdir()
        service = kind(home, CONFIG.format(database=url), host=f"worker-{number}")
        started.append(service)
    nodes = fill(url, many)
    try:
        for service in started:
            service.start("bench.heartbeat_service", str(noted))
        yield started[0], nodes
    finally:
        for service in started:
            service.kill()


def fill(url: str, many: int) -> list[str]:
    """Active nodes."""
    database = Database(url)
    nodes = [
        Node(
            uuid=str(uuid.uuid4()),
            created_at=time.time(),
            driver="fake-hardware",
            provision_state="active",
            power_interface="fake",
            management_interface="fake",
            boot_interface="fake",
            network_interface="noop",
            rescue_interface="fake",
        )
        for _ in range(many)
    ]
    Store(database).nodes.add(nodes)
    database.close()
    return [node.uuid for node in nodes]


def heartbeat(api: Service, session: requests.Session, node: str) -> float:
    """Rescue it until its agent is waited for, and send the heartbeat; returns when."""
    api.provision(node, "rescue", rescue_password=uuid.uuid4().hex).raise_for_status()
    api.wait_for_state(node, "rescue wait")
    token = api.get(f"/v1/lookup?node_uuid={node}")["config"]["agent_token"]
    body = {"callback_url": "http://127.0.0.1:1", "agent_token": token, "agent_version": "1"}
    began = time.monotonic()
    session.post(f"{api.url}/v1/heartbeat/{node}", json=body).raise_for_status()
    return began


def begun(noted: Path, node: str) -> float:
    """When the step after the heartbeat began."""
    deadline = time.monotonic() + 60
    while True:
        for line in noted.read_text().splitlines():
            if line.startswith(node):
                return float(line.split()[1])
        if time.monotonic() > deadline:
            raise TimeoutError(f"Nothing followed the heartbeat of {node}.")
        time.sleep(0.005)


if __name__ == "__main__":
    main()
