"""Many rescues at once on fake hardware, and back."""

import statistics
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.contenders import Contender, Figures, st_bernard
from bench.loader import Load, Request
from stbernard.drivers.registry import Registry
from stbernard.nodes import Node
from stbernard.settings import Default, Settings
from stbernard.store import Store
from stbernard.store.engine import Database

CONNECTIONS = 64
PATIENCE = 300  # seconds until rescues that do not end are counted, and left
PASSWORD = "bench-Resc-ue1"  # noqa: S105 (of fake hardware)
HARDWARE = "\n[fake]\nrescue_delay = {}\n"
HARDWARE_SECONDS = 40
FAKE = Settings(
    default=Default(
        host="bench",
        enabled_hardware_types=("fake-hardware",),
        enabled_power_interfaces=("fake",),
        enabled_management_interfaces=("fake",),
        enabled_boot_interfaces=("fake",),
        enabled_rescue_interfaces=("fake",),
    )
)
_PATH = "/v1/nodes/{}/states/provision"
_RESCUE = {"target": "rescue", "rescue_password": PASSWORD}
_UNRESCUE = {"target": "unrescue"}


def rescues(contender: Contender, count: int) -> Figures:
    """So many at once, and back. A refused request is not sent again."""
    nodes = contender.uuids(count)
    before, begin = contender.cpu(), time.perf_counter()
    load, unfinished = _provision(contender, nodes, _RESCUE, "rescue")
    rescued = time.perf_counter() - begin
    _, not_back = _provision(contender, contender.uuids(count, "rescue"), _UNRESCUE, "active")
    refused = sum(load.statuses.values()) - load.statuses[202]
    return {
        "seconds to `rescue`": rescued,
        "seconds of the cycle": time.perf_counter() - begin,
        "CPU of a cycle (ms)": 1000 * (contender.cpu() - before) / len(nodes),
        "slowest answer (s)": load.slowest,
        "refused": refused,
        "not finished": unfinished + not_back,
        "memory (MB)": contender.megabytes(),
    }


def one_by_one(contender: Contender, times: int) -> Figures:
    """One rescue at a time, and back, so often on as many nodes."""
    nodes = contender.uuids(times)
    before, to_rescue, cycles = contender.cpu(), list[float](), list[float]()
    for node in nodes:
        begin = time.perf_counter()
        for body, state, took in ((_RESCUE, "rescue", to_rescue), (_UNRESCUE, "active", cycles)):
            contender.send([Request("PUT", _PATH.format(node), body)], 1)
            contender.await_state(node, state, PATIENCE)
            took.append(time.perf_counter() - begin)
    return {
        "seconds to `rescue`": statistics.median(to_rescue),
        "seconds of the cycle": statistics.median(cycles),
        "CPU of a cycle (ms)": 1000 * (contender.cpu() - before) / times,
    }


def _provision(
    contender: Contender, nodes: list[str], body: dict[str, str], state: str
) -> tuple[Load, int]:
    """Ask it of all nodes, and wait until those that said 202 are in the state.

    Returns the answers and how many were not when patience was over."""
    there = _in_state(contender, state)
    asked = [Request("PUT", _PATH.format(ident), body) for ident in nodes]
    load = contender.send(asked, min(CONNECTIONS, len(nodes)))
    wanted = there + load.statuses[202]
    deadline = time.monotonic() + PATIENCE
    while (now := _in_state(contender, state)) < wanted and time.monotonic() < deadline:
        time.sleep(0.02 if len(nodes) <= 100 else 0.2)
    return load, max(wanted - now, 0)


def _in_state(contender: Contender, state: str) -> int:
    counted = contender.sql(
        f"SELECT count(*) FROM nodes WHERE provision_state = '{state}'"  # noqa: S608
    )
    return int(counted[0][0])


def alone(folder: Path, count: int, seconds: int) -> Figures:
    """St. Bernard with so many nodes and so much hardware time for each, from nothing."""
    contender = st_bernard(folder)
    if seconds:
        contender.configure(HARDWARE.format(seconds))
    populate(contender.database, count)
    contender.start()
    try:
        return rescues(contender, count)
    finally:
        contender.server.stop()


def populate(database: str, count: int) -> None:
    """So many active nodes, past the API. The service must not be running."""
    opened = Database(database)
    store = Store(opened)
    nodes = nodes_of("fake-hardware", FAKE)
    for begun in range(0, count, 1000):
        store.nodes.add([next(nodes) for _ in range(min(1000, count - begun))])
    opened.close()


def nodes_of(driver: str, settings: Settings) -> Iterator[Node]:
    """Active nodes of this hardware type, as the API would have made them."""
    resolved = Registry(settings).resolve(driver, {})
    interfaces: dict[str, Any] = {f"{kind}_interface": name for kind, name in resolved.items()}
    while True:
        ident = str(uuid.uuid4())
        yield Node(
            uuid=ident,
            name=f"node-{ident[:13]}",
            created_at=time.time(),
            driver=driver,
            provision_state="active",
            power_state="power on",
            properties={"cpus": 32, "memory_mb": 131072, "local_gb": 960, "cpu_arch": "x86_64"},
            resource_class="baremetal",
            **interfaces,
        )
