"""Many processes on one PostgreSQL: they share the work, and take it over from each other."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from tests.postgresql import PostgreSQL
from tests.service import FAKE_INTERFACES, ApiOnly, Service, Worker

pytestmark = pytest.mark.timeout(600)  # services are started, on a machine that does other things
CONFIG = (
    FAKE_INTERFACES
    + """
[database]
connection = {database}
[fake]
state_dir = {folder}/hardware
power_delay = {power_delay}
[conductor]
heartbeat_interval = 1
heartbeat_timeout = {heartbeat_timeout}
power_state_change_timeout = 600
"""
)
S = TypeVar("S", bound=Service)
Start = Callable[..., Service]


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[str]:
    url = postgresql.database()
    yield url
    postgresql.drop(url)


@pytest.fixture
def start(tmp_path: Path, database: str) -> Iterator[Start]:
    """Starts a process of this kind and name."""
    started: list[Service] = []

    def start(kind: type[S], host: str, heartbeat_timeout: int = 3600, delay: float = 0) -> S:
        folder = tmp_path / f"{host}-{len(started)}"
        folder.mkdir()
        config = CONFIG.format(
            database=database,
            folder=tmp_path,
            heartbeat_timeout=heartbeat_timeout,
            power_delay=delay,
        )
        process = kind(folder, config, host=host, upgrade=False)
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.kill()


def enroll(api: Service) -> str:
    """An active node of fake hardware, which is to be on first."""
    node = str(uuid.uuid4())
    assert api.call("POST", "/v1/nodes", {"uuid": node, "driver": "fake-hardware"}).ok
    for verb, state in (("manage", "manageable"), ("adopt", "active")):
        assert api.provision(node, verb).status_code == 202
        api.wait_for_state(node, state)
    return node


def rescue(api: Service, node: str) -> None:
    assert api.provision(node, "rescue", rescue_password="Tr0ub4dor&3").status_code == 202


def workers_of(api: Service, node: str) -> set[str]:
    """Who has worked on its last rescue."""
    lines = api.get(f"/v1/nodes/{node}/rescue")["timeline"]
    return {line["worker"] for line in lines if line["worker"]}


def alive(api: Service) -> dict[str, bool]:
    return {each["hostname"]: each["alive"] for each in api.get("/v1/conductors")["conductors"]}


def test_api_and_workers_in_processes_of_their_own(start: Start) -> None:
    """The API is told what workers do, and waits for a node that one of them holds."""
    api = start(ApiOnly, "nobody")
    start(Worker, "worker-1")
    start(Worker, "worker-2")
    assert alive(api) == {"worker-1": True, "worker-2": True}
    nodes = [enroll(api) for _ in range(6)]
    for node in nodes:
        rescue(api, node)
    for node in nodes:
        api.wait_for_state(node, "rescue")
        path = f"/v1/nodes/{node}/management/boot_device"
        assert api.call("PUT", path, {"boot_device": "pxe"}).status_code == 204
        assert api.get(path)["boot_device"] == "pxe"


def test_a_second_worker_of_the_same_name_is_refused(start: Start) -> None:
    first = start(Service, "worker-1")
    second = start(Worker, "worker-1")
    assert second.is_dead()
    assert "A worker named 'worker-1' is at work on this database" in second.log.read_text()
    node = enroll(first)
    rescue(first, node)
    first.wait_for_state(node, "rescue")
    first.kill()
    assert not start(Service, "worker-1").is_dead()


def test_sigterm_hands_over(start: Start) -> None:
    """The lease of an hour does not have to run out."""
    # ten seconds for each rescue: the first one cannot be through before it is to stop
    first, second = (start(Service, f"worker-{number}", delay=5) for number in (1, 2))
    nodes = [enroll(first) for _ in range(4)]
    for node in nodes:
        rescue(first, node)
    assert first.stop() == 0
    for node in nodes:
        assert second.wait_for_state(node, "rescue")["last_error"] is None
        assert "worker-2" in workers_of(second, node)
    assert alive(second) == {"worker-1": False, "worker-2": True}


def test_sigterm_waits_for_no_request_that_asks_a_bmc(start: Start, tmp_path: Path) -> None:
    """The BMC would be asked again for ten minutes."""
    service = start(Service, "worker-1")
    node = enroll(service)
    fault = {"set_boot_device": [1_000_000, "BMCUnreachable", "It is away."]}
    hardware = tmp_path / "hardware"
    hardware.mkdir()
    (hardware / f"{node}.faults.json").write_text(json.dumps(fault))
    asked_it = hardware / f"{node}.json"  # the record of what was done to it
    path = f"/v1/nodes/{node}/management/boot_device"
    with ThreadPoolExecutor(1) as client:
        asked = client.submit(service.call, "PUT", path, {"boot_device": "pxe"})
        service.wait(asked_it.exists, "the BMC is asked")
        assert service.stop() == 0
        assert asked.exception() or asked.result().status_code == 500


def test_a_dead_workers_nodes_are_taken_over(start: Start) -> None:
    first, second = (
        start(Service, f"worker-{number}", heartbeat_timeout=3, delay=2) for number in (1, 2)
    )
    nodes = [enroll(first) for _ in range(4)]
    for node in nodes:
        rescue(first, node)
    first.kill()
    for node in nodes:
        assert second.wait_for_state(node, "rescue")["last_error"] is None
    second.wait(lambda: alive(second) == {"worker-1": False, "worker-2": True}, "worker-1 is dead")


@pytest.mark.parametrize("kind", [ApiOnly, Worker])
def test_sqlite_is_for_one_process(tmp_path: Path, kind: type[Service]) -> None:
    process = kind(tmp_path, "enabled_hardware_types = fake-hardware\n").start()
    assert process.is_dead()
    assert "SQLite serves one process, and that is `stbernard serve`" in process.log.read_text()
