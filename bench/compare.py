"""`make bench`: St. Bernard and the real Ironic side by side: one machine, one loader, by turns.

Prints a table and writes the figures as JSON. CPU is that of the server's processes alone; each
figure of a request is the median of some rounds, and a round of the one is followed by one of the
other. docs/performance.md holds the figures.
"""

import argparse
import itertools
import json
import math
import os
import statistics
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.contenders import Contender, Cost, ironic, measured, median, st_bernard
from bench.loader import Request, again_and_again

OUTPUT = Path(".cache/bench.json")
CONNECTIONS = 16
MANY = 64  # connections for rescues
PATIENCE = 600  # seconds until a rescue that does not end is given up
PASSWORD = "bench-Resc-ue1"  # noqa: S105 (of fake hardware)

Figures = dict[str, float]
Loads = dict[str, tuple[Callable[[Contender], Iterator[Request]], int]]
"""What is measured: its requests, and over how many connections they go."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    parser.add_argument("--rescues", type=int, nargs="*", default=[100, 500])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        contenders = st_bernard(Path(folder) / "ours"), ironic(Path(folder) / "ironic")
        figures: dict[str, list[Figures]] = {}
        try:
            figures |= {"start": [starts(each) for each in contenders]}
            figures |= requests(contenders, given.nodes, given.rounds, given.seconds)
            for count in [1, *given.rescues]:
                name = f"{count} rescue{'s' * (count > 1)} and unrescue{'s' * (count > 1)}"
                figures[name] = [rescues(each, count) for each in contenders]
            figures["after all"] = [{"memory (MB)": each.megabytes()} for each in contenders]
        finally:
            for each in contenders:
                each.server.stop()
    show(figures, f"{given.nodes} nodes; load average before: {load:.1f}, {os.cpu_count()} CPUs")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    names = [each.name for each in contenders]
    report = {"load": load, "nodes": given.nodes, "services": names, "figures": figures}
    given.output.write_text(json.dumps(report, indent=2))


def starts(contender: Contender) -> Figures:
    """The median of three starts; it runs afterwards."""
    seconds = []
    for _ in range(2):
        seconds.append(contender.start())
        contender.server.stop()
    seconds.append(contender.start())
    return {"seconds": statistics.median(seconds), "memory (MB)": contender.megabytes()}


def requests(
    contenders: tuple[Contender, ...], nodes: int, rounds: int, seconds: float
) -> dict[str, list[Figures]]:
    """What a request costs; leaves `nodes` active nodes."""
    fresh = new_nodes()
    post: Loads = {"POST node": (lambda _: itertools.islice(fresh, nodes // rounds), CONNECTIONS)}
    costs = by_turns(contenders, post, rounds, math.inf)
    for each in contenders:
        each.sql("UPDATE nodes SET provision_state = 'active', power_state = 'power on'")
    tokens = {each.name: heartbeats(each) for each in contenders}
    loads: Loads = {
        "GET /v1": (lambda _: again_and_again(Request("GET", "/v1")), CONNECTIONS),
        "GET node": (every_node, CONNECTIONS),
        f"list of {nodes}": (lambda _: again_and_again(Request("GET", "/v1/nodes")), 1),
        f"list of {nodes} in detail": (
            lambda _: again_and_again(Request("GET", "/v1/nodes/detail")),
            1,
        ),
        "heartbeat": (lambda each: again_and_again(*tokens[each.name]), CONNECTIONS),
    }
    costs |= by_turns(contenders, loads, rounds, seconds)
    return {name: [as_figures(cost) for cost in both] for name, both in costs.items()}


def by_turns(
    contenders: tuple[Contender, ...], loads: Loads, rounds: int, seconds: float
) -> dict[str, list[Cost]]:
    costs = {}
    for name, (load, connections) in loads.items():
        turns = [
            [measured(each, load(each), connections, seconds) for each in contenders]
            for _ in range(rounds)
        ]
        costs[name] = [median(found) for found in zip(*turns, strict=True)]
    return costs


def as_figures(cost: Cost) -> Figures:
    return {"CPU (ms)": cost.cpu_ms, "per second": cost.per_second, "p50 (ms)": cost.p50_ms}


def new_nodes() -> Iterator[Request]:
    while True:
        ident = str(uuid.uuid4())
        body = {
            "uuid": ident,
            "name": f"node-{ident[:8]}",
            "driver": "fake-hardware",
            "driver_info": {"redfish_address": "https://192.0.2.1", "redfish_username": "admin"},
            "properties": {"cpus": 32, "memory_mb": 131072, "local_gb": 960, "cpu_arch": "x86_64"},
            "extra": {"rack": "r17", "unit": 7},
            "resource_class": "baremetal",
        }
        yield Request("POST", "/v1/nodes", body)


def uuids(contender: Contender, count: int = -1) -> list[str]:
    return [row[0] for row in contender.sql(f"SELECT uuid FROM nodes LIMIT {count}")]  # noqa: S608


def every_node(contender: Contender) -> Iterator[Request]:
    return again_and_again(*(Request("GET", f"/v1/nodes/{ident}") for ident in uuids(contender)))


def heartbeats(contender: Contender) -> list[Request]:
    """A heartbeat for each of some nodes, with the token that its lookup got."""
    nodes = uuids(contender, 4 * CONNECTIONS)
    found = [contender.server.get(f"/v1/lookup?node_uuid={ident}") for ident in nodes]
    return [
        Request(
            "POST",
            f"/v1/heartbeat/{ident}",
            {
                "callback_url": "https://192.0.2.2:9999",
                "agent_token": answer["config"]["agent_token"],
                "agent_version": "13.0.0",
            },
        )
        for ident, answer in zip(nodes, found, strict=True)
    ]


def rescues(contender: Contender, count: int) -> Figures:
    """So many at once, and back. A refused request is not sent again."""
    nodes = uuids(contender, count)
    before, begin = contender.cpu(), time.perf_counter()
    asked = {"target": "rescue", "rescue_password": PASSWORD}
    statuses, slowest = provision(contender, nodes, asked, "rescue")
    rescued = time.perf_counter() - begin
    provision(contender, nodes, {"target": "unrescue"}, "active")
    return {
        "seconds to `rescue`": rescued,
        "seconds of the cycle": time.perf_counter() - begin,
        "CPU of a cycle (ms)": 1000 * (contender.cpu() - before) / count,
        "slowest answer (s)": slowest,
        "refused": sum(statuses.values()) - statuses[202],
    }


def provision(
    contender: Contender, nodes: list[str], body: dict[str, str], state: str
) -> tuple[Counter[int], float]:
    """Ask it of all nodes, and wait until those that said 202 are in the state."""
    path = "/v1/nodes/{}/states/provision"
    asked = [Request("PUT", path.format(ident), body) for ident in nodes]
    names = ", ".join(f"'{ident}'" for ident in nodes)
    done = f"SELECT count(*) FROM nodes WHERE provision_state = '{state}' AND uuid IN ({names})"  # noqa: S608
    load = contender.send(asked, min(MANY, len(nodes)))
    deadline = time.monotonic() + PATIENCE
    while int(contender.sql(done)[0][0]) < load.statuses[202]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{contender.name}: not all of {len(nodes)} nodes are {state}")
        time.sleep(0.02)
    return load.statuses, load.slowest


def show(figures: dict[str, list[Figures]], title: str) -> None:
    """One table: what, St. Bernard's, Ironic's, and how many times as much Ironic needs."""
    table = Table("", "", "St. Bernard", "Ironic", "ratio", title=title, box=None)
    for name, (ours, ironics) in figures.items():
        for row, (figure, value) in enumerate(ours.items()):
            other = ironics[figure]
            ratio = f"{other / value:.1f}" if value and other else ""
            label = "" if row else name
            table.add_row(label, figure, f"{value:.2f}", f"{other:.2f}", ratio)
    Console().print(table)


if __name__ == "__main__":
    main()
