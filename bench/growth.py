"""Whether a node costs more the more there are: 1,000, 10,000 and 100,000, St. Bernard alone."""

import json
import subprocess
import sys
from pathlib import Path

from bench.contenders import Contender, Figures, measured, st_bernard
from bench.loader import Request, again_and_again
from bench.loads import heartbeats
from bench.rescues import populate, rescues

SECONDS = 2.0  # of each measurement
RESCUES = 100


def growth(folder: Path, count: int) -> Figures:
    """CPU in milliseconds of the same work with so many nodes."""
    contender = st_bernard(folder)
    populate(contender.database, count)
    start = contender.start()
    try:
        nodes = contender.uuids(1000)
        last = contender.uuids(1001, backwards=True)[-1]
        found = {
            "start (s)": start,
            "GET node (ms)": _cost(contender, *(f"/v1/nodes/{node}" for node in nodes)),
            "heartbeat (ms)": measured(
                contender, again_and_again(*heartbeats(contender)), 1, SECONDS
            ).cpu_ms,
            "first 1,000 (ms)": _cost(contender, "/v1/nodes"),
            "last 1,000 (ms)": _cost(contender, f"/v1/nodes?marker={last}"),
            "CPU of a cycle of 100 (ms)": rescues(contender, RESCUES)["CPU of a cycle (ms)"],
            "memory (MB)": contender.megabytes(),
        }
    finally:
        contender.server.stop()
    return found | {"power sync, each (ms)": _power_sync(count)}


def _cost(contender: Contender, *paths: str) -> float:
    requests = again_and_again(*(Request("GET", path) for path in paths))
    return measured(contender, requests, 1, SECONDS).cpu_ms


def _power_sync(count: int) -> float:
    """In a process of its own, so that its CPU is the sync's."""
    command = [sys.executable, "-m", "bench.power_sync", str(count), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["cpu_ms"])
