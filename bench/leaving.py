"""`make bench-leaving`: seconds from a reset of a rescued lab machine to the API's word of it.

Asked as clients do, by GET of the node. docs/performance.md holds the figures.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import sushy
from rich.console import Console
from rich.table import Table
from tests.machine.world import World

from stbernard.lab import Lab
from stbernard.lab.service import enrol
from stbernard.ramdisk.build import ensure_ramdisk

CACHE = Path(".cache")
PASSWORD = "bench-Resc-ue1"  # noqa: S105 (of a machine that lives for a minute)
LOOK_AGAIN = 0.1  # seconds

Around = AbstractContextManager[None]
Case = tuple[Around, Around, Callable[[], None]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="resets of each kind")
    runs = parser.parse_args().runs
    load = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        Lab(Path(folder), cache_dir=CACHE, namespace="stbernard-bench") as lab,
    ):
        world = World(lab, ensure_ramdisk(CACHE))
        world.start()
        for line in enrol(world.machine):
            world.client(line)
        measured = {name: [left(world, name) for _ in range(runs)] for name in cases(world)}
    show(measured, f"{runs} resets of each kind; load average before: {load:.1f}")


def cases(world: World) -> dict[str, Case]:
    """What is so all the time, what from the rescue on, and how the server leaves."""

    def reset() -> None:
        world.reset(sushy.ResetType.FORCE_RESTART)

    def reboot() -> None:
        world.leave(PASSWORD)

    return {
        "its BMC tells of the reset": (nullcontext(), nullcontext(), reset),
        "its BMC does not": (nullcontext(), world.bmc_that_misses_resets(), reboot),
        "no ssh of it can be reached, its BMC tells": (world.without_ssh(), nullcontext(), reset),
    }


def left(world: World, name: str) -> tuple[float, float]:
    """Seconds until anything is said, and until the node is `rescue failed`."""
    rescued, meanwhile, leave = cases(world)[name]
    with rescued:
        rescue(world)
        with meanwhile:
            leave()
            began = time.monotonic()
            said = until(world, lambda node: node["last_error"] is not None) - began
            failed = until(world, lambda node: node["provision_state"] == "rescue failed") - began
    return said, failed


def rescue(world: World) -> None:
    world.rescue(PASSWORD)
    world.wait_for_good("rescue", "rescue failed")


def until(world: World, true: Callable[[Any], bool]) -> float:
    """When it was so."""
    while not true(world.show()):
        time.sleep(LOOK_AGAIN)
    return time.monotonic()


def show(measured: dict[str, list[tuple[float, float]]], title: str) -> None:
    table = Table("after a reset", "first word (s)", "`rescue failed` (s)", title=title)
    for name, seconds in measured.items():
        table.add_row(name, *(_spread([run[i] for run in seconds]) for i in (0, 1)))
    Console().print(table)


def _spread(values: list[float]) -> str:
    return f"{min(values):.1f} … {statistics.median(values):.1f} … {max(values):.1f}"


if __name__ == "__main__":
    main()
