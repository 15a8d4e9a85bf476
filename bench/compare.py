"""`make bench`: St. Bernard and the real Ironic side by side: one machine, one loader, by turns.

Prints a table and writes it as JSON and, for docs/performance.md, as Markdown. CPU is that of the
server's processes alone; each figure of a request is the median of some rounds, and a round of the
one is followed by one of the other.
"""

import argparse
import itertools
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from bench import report
from bench.bmcs import bmcs
from bench.contenders import Contender, Cost, Figures, ironic, measured, median, st_bernard
from bench.growth import growth
from bench.loader import Request, again_and_again
from bench.loads import CONNECTIONS, every_node, heartbeats, new_nodes
from bench.on_postgresql import on_postgresql
from bench.rescues import HARDWARE, HARDWARE_SECONDS, alone, one_by_one, rescues

OUTPUT = Path(".cache/bench.json")
ONE_BY_ONE = 20  # rescues
PAGE, MORE = 1000, 5000  # nodes
BOTH = 100  # rescues at once; the real Ironic needs 1.8 s for each, so that 1,000 take half an hour
WITH_HARDWARE = 50  # … and those whose hardware takes its time

Loads = dict[str, tuple[Callable[[Contender], Iterator[Request]], int]]
"""What is measured: its requests, and over how many connections they go."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="all of it: about 30 minutes")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    load, begun = os.getloadavg()[0], time.time()
    with tempfile.TemporaryDirectory() as folder:
        figures = side_by_side(Path(folder), given)
        for name, found in ours_alone(Path(folder)) if given.full else ():
            figures[name] = found
            report.write(given.output, figures, "so far")  # whoever ends it keeps what there is
    title = (
        f"{date.today()}, {os.cpu_count()} CPUs, load average before: {load:.1f}; "
        f"{given.nodes} nodes, {given.rounds} rounds of {given.seconds:.0f} s; "
        f"{time.time() - begun:.0f} s in all"
    )
    report.show(figures, title)
    report.write(given.output, figures, title)


def side_by_side(folder: Path, given: argparse.Namespace) -> report.Table:
    """What both can do, by turns."""
    contenders = st_bernard(folder / "ours"), ironic(folder / "ironic")
    figures: report.Table = {}
    try:
        figures["start"] = [starts(each) for each in contenders]
        figures |= requests(contenders, given.nodes, given.rounds, given.seconds)
        figures[_named(1)] = [one_by_one(each, ONE_BY_ONE) for each in contenders]
        figures[_named(BOTH)] = [rescues(each, BOTH) for each in contenders]
        if given.full:
            figures |= with_more_nodes(contenders, given.rounds, given.seconds)
            figures |= with_hardware_time(contenders)
        figures["after all"] = [{"memory (MB)": each.megabytes()} for each in contenders]
    finally:
        for each in contenders:
            each.server.stop()
    return figures


def with_hardware_time(contenders: tuple[Contender, ...]) -> report.Table:
    """Rescues whose hardware takes its time, in services started anew."""
    for each in contenders:
        each.server.stop()
        each.configure(HARDWARE.format(HARDWARE_SECONDS))
        each.start()
    name = _named(WITH_HARDWARE, HARDWARE_SECONDS)
    return {name: [rescues(each, WITH_HARDWARE) for each in contenders]}


def ours_alone(folder: Path) -> Iterator[tuple[str, list[Figures]]]:
    """What Ironic cannot, or would take hours for."""
    for seconds, count in itertools.product((0, HARDWARE_SECONDS), (100, 500, 1000, 10_000)):
        if (seconds, count) != (0, BOTH):
            name = _named(count, seconds)
            yield name, [alone(folder / f"{count}-{seconds}", count, seconds)]
    yield from on_postgresql(folder).items()
    for count in (1000, 10_000, 100_000):
        report.note(f"{count:,} nodes")
        yield f"with {count:,} nodes", [growth(folder / f"growth-{count}", count)]
    for workers in (8, 64):
        yield f"1,000 BMCs polled by {workers} threads", [bmcs(1000, workers)]


def _named(count: int, seconds: int = 0) -> str:
    hardware = f", {seconds} s of hardware time" if seconds else ""
    name = f"{count:,} rescues and unrescues" if count > 1 else "one rescue and unrescue"
    report.note(name + hardware)
    return name + hardware


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


def with_more_nodes(contenders: tuple[Contender, ...], rounds: int, seconds: float) -> report.Table:
    """All pages of a list in detail, with 5,000 nodes."""
    fresh = new_nodes()
    for each in contenders:
        count = MORE - int(each.sql("SELECT count(*) FROM nodes")[0][0])
        each.send(itertools.islice(fresh, count), CONNECTIONS)
        each.sql("UPDATE nodes SET provision_state = 'active', power_state = 'power on'")
    turns = [
        [measured(each, pages(each), 1, seconds) for each in contenders] for _ in range(rounds)
    ]
    costs = [median(found) for found in zip(*turns, strict=True)]
    whole = [
        {name: value * MORE / PAGE for name, value in as_figures(cost).items() if "ms" in name}
        for cost in costs
    ]
    return {f"list of {MORE:,} in detail, in pages": whole}


def pages(contender: Contender) -> Iterator[Request]:
    """Each page of the list, again and again."""
    last = contender.uuids()[PAGE - 1 : -1 : PAGE]
    paths = ["/v1/nodes/detail", *(f"/v1/nodes/detail?marker={marker}" for marker in last)]
    return again_and_again(*(Request("GET", path) for path in paths))


def by_turns(
    contenders: tuple[Contender, ...], loads: Loads, rounds: int, seconds: float
) -> dict[str, list[Cost]]:
    costs = {}
    for name, (load, connections) in loads.items():
        report.note(name)
        turns = [
            [measured(each, load(each), connections, seconds) for each in contenders]
            for _ in range(rounds)
        ]
        costs[name] = [median(found) for found in zip(*turns, strict=True)]
    return costs


def as_figures(cost: Cost) -> Figures:
    return {"CPU (ms)": cost.cpu_ms, "per second": cost.per_second, "p50 (ms)": cost.p50_ms}


if __name__ == "__main__":
    main()
