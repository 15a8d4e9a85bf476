"""`make bench-rescue`: where the seconds of a rescue go, on a lab machine. Prints medians.

Seconds count from the request. Stages come from the service's journal and from the machine's serial
console; ssh is asked only once the state says `rescue` (earlier handshakes would cost the emulated
machine its CPU). docs/performance.md holds the figures.
"""

import argparse
import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import asyncssh
import requests
from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from bench.ordinary_image import ensure_ordinary_image
from stbernard.lab import Lab, processes
from stbernard.lab.network import API_URL
from stbernard.lab.service import PORT, PROGRAMS, client_command, enrol, start_service
from stbernard.ramdisk.build import ensure_ramdisk

CACHE = Path(".cache")
MEMORY = 2048  # MB, for both: what ironic-python-agent's images want
LIMIT = 400  # seconds for a boot on a busy host
PASSWORD = "bench-Resc-ue1"  # noqa: S105 (of a machine that lives for a minute)
HEADERS = {"X-OpenStack-Ironic-API-Version": "1.115"}

JOURNAL_STAGES = {
    ("power_off", "done"): "powered off",
    ("power_on", "done"): "powered on again",
    (None, "boot script fetched"): "iPXE has its script",
    (None, "ramdisk fetched"): "iPXE fetches the ramdisk",
    ("wait_for_agent", "done"): "the agent's heartbeat",
    ("open_login", "done"): "the agent has opened the login",
    ("prove_login", "done"): "state `rescue`",
}
KERNEL_STARTS, LOGIN, RAM = (
    "the kernel starts",
    "ssh login as rescue",
    "RAM used in the ramdisk (MB)",
)
SERIAL_STAGES = {
    "Linux version": KERNEL_STARTS,
    "stbernard-agent[": "the agent starts",
    "Starting ironic-python-agent version": "the agent starts",
    "looked up": "the agent knows its node",
    "Lookup succeeded": "the agent knows its node",
}

Stages = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="rescues to take the median of")
    parser.add_argument(
        "--their-runs", type=int, default=1, help="with an image as ironic-python-agent's are made"
    )
    options = parser.parse_args()
    load = os.getloadavg()[0]
    ramdisk = ensure_ramdisk(CACHE)
    ours, service = measure(ramdisk, options.runs)
    show(f"Rescue, median of {options.runs}; load average before: {load:.1f}", ours, "s")
    show("Service", service, "")
    show("Ramdisk", {f"{p.name} (MB)": p.stat().st_size / 1e6 for p in images(ramdisk)}, "")
    if options.their_runs:
        image = ensure_ordinary_image(CACHE)
        theirs, _ = measure(image, options.their_runs)
        show(
            f"The same with ironic-python-agent's image; load then: {os.getloadavg()[0]:.1f}",
            theirs,
            "s",
        )
        show("Its image", {f"{p.name} (MB)": p.stat().st_size / 1e6 for p in images(image)}, "")
        show("Theirs, in times of ours", ratios(theirs, ours), "")


def measure(ramdisk: Path, runs: int) -> tuple[Stages, dict[str, float]]:
    """Medians of so many rescues, and what the service needs."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Lab(Path(folder), cache_dir=CACHE, namespace="stbernard-bench", memory_mb=MEMORY) as lab,
    ):
        start_service(lab, ramdisk)
        for line in enrol(lab.machines[0]):
            lab.run(*client_command(line))
        rescues = [one_rescue(lab) for _ in range(runs)]
        service = {
            "resident memory after them (MB)": resident_megabytes(lab),
            "start to first answer (s)": restart(lab),
            "wheels in its environment": len(set(wheels("stbernard"))),
        }
    return medians(rescues), service


def ratios(theirs: Stages, ours: Stages) -> Stages:
    """How many times as long, and as large."""
    booted, their_booted = (run[LOGIN] - run[KERNEL_STARTS] for run in (ours, theirs))
    return {
        "from the kernel's start to the login": their_booted / booted,
        "from the request to the login": theirs[LOGIN] / ours[LOGIN],
        "RAM used once logged in": theirs[RAM] / ours[RAM],
    }


def one_rescue(lab: Lab) -> Stages:
    """From an instance that runs to one that runs again."""
    machine = lab.machines[0]
    call(lab, "PUT", f"/v1/nodes/{machine.uuid}/states/power", {"target": "power on"})
    lab.wait_port(machine.address, 22, LIMIT)
    asked = time.time()
    provision(lab, "rescue", rescue_password=PASSWORD)
    wait_for_state(lab, "rescue")
    lab.wait_port(machine.address, 22, LIMIT)  # ironic-python-agent's image is later than the state
    used = ssh(lab, "free --bytes | awk '/Mem:/ {print $3}'")
    stages = {LOGIN: time.time() - asked}
    stages |= {name: at - asked for name, at in journal(lab, asked) if at > asked}
    stages |= {name: at - asked for name, at in serial(lab, asked)}
    stages = dict(sorted(stages.items(), key=lambda stage: stage[1]))
    stages[RAM] = int(used) / 1e6
    asked = time.time()
    provision(lab, "unrescue")
    wait_for_state(lab, "active")
    stages["unrescue: state `active`"] = time.time() - asked
    lab.wait_port(machine.address, 22, LIMIT)
    stages["unrescue: the instance's port 22"] = time.time() - asked
    return stages


def call(lab: Lab, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    with lab.inside():
        answer = requests.request(
            method, f"{API_URL}{path}", json=body, headers=HEADERS, timeout=60
        )
    answer.raise_for_status()
    return answer.json() if answer.content else None


def provision(lab: Lab, target: str, **arguments: str) -> None:
    path = f"/v1/nodes/{lab.machines[0].uuid}/states/provision"
    call(lab, "PUT", path, {"target": target, **arguments})


def wait_for_state(lab: Lab, state: str) -> None:
    deadline = time.monotonic() + LIMIT
    while True:
        node = call(lab, "GET", f"/v1/nodes/{lab.machines[0].uuid}/states")
        if node["provision_state"] == state:
            return
        if "failed" in node["provision_state"] or time.monotonic() > deadline:
            raise SystemExit(f"not {state} but {node['provision_state']}: {node['last_error']}")
        time.sleep(0.1)


def ssh(lab: Lab, command: str) -> str:
    async def login() -> str:
        async with asyncssh.connect(
            lab.machines[0].address,
            username="rescue",
            password=PASSWORD,
            known_hosts=None,
            client_keys=None,
            agent_path=None,
            config=None,
            login_timeout=LIMIT,
        ) as connection:
            return str((await connection.run(command, check=True)).stdout)

    with lab.inside():
        return asyncio.run(login())


def journal(lab: Lab, since: float) -> Iterator[tuple[str, float]]:
    path = lab.state_dir / "service" / "stbernard.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT step, event, detail, at FROM journal WHERE at > ? ORDER BY id", (since,)
        ).fetchall()
    for step, event, detail, at in rows:
        name = JOURNAL_STAGES.get((step, event)) or JOURNAL_STAGES.get((None, detail))
        if name:
            yield name, at


def serial(lab: Lab, since: float) -> Iterator[tuple[str, float]]:
    """The first line since then of each stage."""
    log = lab.machines[0].serial_log
    lines = log.with_name(f"{log.name}.stamped").read_text(errors="replace").splitlines()
    stamped = [(datetime.fromisoformat(line.split(" ", 1)[0]).timestamp(), line) for line in lines]
    for mark, name in SERIAL_STAGES.items():
        at = next((at for at, line in stamped if at > since and mark in line), None)
        if at:
            yield name, at


def resident_megabytes(lab: Lab) -> float:
    pid = int((lab.state_dir / "service.pid").read_text())
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if "VmRSS" in line)
    return int(kilobytes) / 1000


def restart(lab: Lab) -> float:
    """Seconds from the command to the first connection it takes."""
    processes.end(lab.state_dir / "service.pid")
    command: list[str | Path] = [
        PROGRAMS / "stbernard",
        "serve",
        "--config-file",
        lab.state_dir / "stbernard.conf",
    ]
    started = time.monotonic()
    lab.start_server("service", command, PORT)
    return time.monotonic() - started


def wheels(name: str) -> Iterator[str]:
    """The package and all it needs, without extras."""
    try:
        needed = distribution(name).requires or ()
    except PackageNotFoundError:
        return  # needed on another platform only
    yield name
    for text in needed:
        requirement = Requirement(text)
        if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
            yield from wheels(requirement.name)


def images(ramdisk: Path) -> list[Path]:
    return [ramdisk / "kernel", ramdisk / "ramdisk"]


def medians(runs: list[Stages]) -> Stages:
    return {name: statistics.median(run[name] for run in runs if name in run) for name in runs[0]}


def show(title: str, figures: dict[str, float], unit: str) -> None:
    table = Table("", unit, title=title, title_justify="left")
    for name, value in figures.items():
        table.add_row(name, f"{value:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
