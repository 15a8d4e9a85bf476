"""St. Bernard on PostgreSQL, in one process and in several: the same loads as on SQLite.

    python -m bench.on_postgresql [RESCUES]

measures only the rescues at once (10,000) whose hardware takes its time."""

import os
import sys
import tempfile
from datetime import date
from pathlib import Path

import psutil
from tests.postgresql import PostgreSQL
from tests.service import ApiOnly, Service, Worker

from bench import report
from bench.contenders import OURS, Contender, Figures, Together, measured
from bench.loader import again_and_again
from bench.loads import CONNECTIONS, every_node, heartbeats
from bench.rescues import HARDWARE, HARDWARE_SECONDS, populate, rescues

SECONDS = 2.0  # of each measurement of a request
NODES = 1000
MANY = 10_000
LAYOUTS: dict[str, tuple[type[Service], ...]] = {
    "serve": (Service,),
    "serve and a worker": (Service, Worker),
    "api and two workers": (ApiOnly, Worker, Worker),
}


def on_postgresql(folder: Path) -> report.Table:
    server, figures = PostgreSQL(quick=False), report.Table()
    try:
        for name in LAYOUTS:
            report.note(f"PostgreSQL, {name}")
            contender = _contender(folder / name, server, name)
            figures[f"PostgreSQL, {name}"] = [_requests(contender, server)]
        return figures | with_hardware_time(folder, server, MANY)
    finally:
        server.close()


def with_hardware_time(folder: Path, server: PostgreSQL, count: int) -> report.Table:
    """So many at once, of hardware that all processes see, in files."""
    layout = "api and two workers"
    name = f"PostgreSQL, {layout}, {count:,} rescues, {HARDWARE_SECONDS} s of hardware time"
    report.note(name)
    hardware = f"{HARDWARE.format(HARDWARE_SECONDS)}state_dir = {folder}/servers\n"
    contender = _contender(folder / "hardware", server, layout, count, hardware)
    return {name: [_rescues(contender, server, count)]}


def _contender(
    folder: Path, server: PostgreSQL, name: str, nodes: int = NODES, more: str = ""
) -> Contender:
    url = server.database()
    config = f"{OURS}[database]\nconnection = {url}\n{more}"
    each = []
    for number, kind in enumerate(LAYOUTS[name]):
        home = folder / str(number)
        home.mkdir(parents=True)
        each.append(kind(home, config, host=f"worker-{number}", upgrade=False))
    populate(url, nodes)
    return Contender(name, Together(*each), url)


def _requests(contender: Contender, server: PostgreSQL) -> Figures:
    """Milliseconds of CPU, of the service's processes; without the database's."""
    contender.start()
    try:
        beats = again_and_again(*heartbeats(contender))
        found = {
            "GET node (ms)": measured(
                contender, every_node(contender), CONNECTIONS, SECONDS
            ).cpu_ms,
            "heartbeat (ms)": measured(contender, beats, CONNECTIONS, SECONDS).cpu_ms,
        }
    finally:
        contender.server.stop()
    for count in (100, NODES):
        for name, value in _rescues(contender, server, count).items():
            if name.startswith(("CPU", "PostgreSQL", "seconds of")):
                found[f"{count:,} rescues: {name}"] = value
    return found


def _rescues(contender: Contender, server: PostgreSQL, count: int) -> Figures:
    contender.start()
    try:
        before = _cpu(server)
        found = rescues(contender, count)
        each = 1000 * (_cpu(server) - before) / count
    finally:
        contender.server.stop()
    return found | {"PostgreSQL's CPU of a cycle (ms)": each}


def _cpu(server: PostgreSQL) -> float:
    """Seconds, of all its processes; a session's are here until it ends."""
    main = psutil.Process(int((server.folder / "data/postmaster.pid").read_text().split()[0]))
    times = [process.cpu_times() for process in (main, *main.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def main(count: int) -> None:
    load, server = os.getloadavg()[0], PostgreSQL(quick=False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            figures = with_hardware_time(Path(folder), server, count)
    finally:
        server.close()
    report.show(figures, f"{date.today()}, load average before: {load:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MANY)
