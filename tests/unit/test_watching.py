"""What a running service tells of itself and of a rescue that waits, to people and to programs."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.service import Service

CONFIG = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = agent
use_json = True
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service"), CONFIG).start()
    yield service
    service.kill()


@pytest.fixture
def waiting(service: Service) -> str:
    """A node in a rescue that waits for an agent which never calls."""
    node = str(uuid.uuid4())
    assert service.call("POST", "/v1/nodes", {"uuid": node, "driver": "fake-hardware"}).ok
    for verb, state in (("manage", "manageable"), ("adopt", "active")):
        assert service.provision(node, verb).status_code == 202
        service.wait_for_state(node, state)
    assert service.provision(node, "rescue", rescue_password="Tr0ub4dor&3").status_code == 202
    service.wait_for_state(node, "rescue wait")
    return node


def why(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stbernard", "why", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_why_a_node_waits(service: Service, waiting: str) -> None:
    said = why(waiting, "--bmc", "--url", f"{service.url}/v1")
    assert said.returncode == 0, said.stderr
    assert "It waits: for the agent's heartbeat" in said.stdout
    assert "Boot device: pxe (once)." in said.stdout
    assert "power_on done" in said.stdout  # the timeline


def test_why_finds_the_service_by_its_configuration(service: Service) -> None:
    said = why("nobody", "--config-file", str(service.config))
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == "error: Node nobody could not be found.\n"


def test_why_says_when_there_is_no_service() -> None:
    said = why("n", "--url", "http://127.0.0.1:1")
    assert said.returncode == 1
    assert "http://127.0.0.1:1 does not answer: connection refused." in said.stderr


def measured(service: Service) -> dict[tuple[str, str], float]:
    """Each sample by its name and its labels' values."""
    answer = requests.get(f"{service.url}/metrics", timeout=60)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_is_measured(service: Service, waiting: str) -> None:
    service.get("/v1/nodes")
    service.call("GET", "/v1/odd")
    found = measured(service)
    assert found["stbernard_operations_total", "adopt succeeded"] >= 1
    assert found["stbernard_step_seconds_count", "rescue power_on"] >= 1
    assert found["stbernard_nodes_in_operation", "rescue rescue wait"] >= 1
    assert found["stbernard_queue_age_seconds", ""] >= 0
    assert found["stbernard_request_seconds_count", "GET /v1/nodes 200"] >= 1
    assert found["stbernard_request_seconds_count", "GET /v1/nodes/{ident} 200"] >= 1
    assert found["stbernard_request_seconds_count", "GET none 404"] >= 1
    assert found["process_resident_memory_bytes", ""] > 0
    assert not any(waiting in labels for _, labels in found)


def test_it_is_alive_and_ready(service: Service) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = requests.get(f"{service.url}{path}", timeout=60)
        assert (answer.status_code, answer.json()) == (200, {"status": status})


def test_each_line_of_the_log_says_what_it_is_about(service: Service, waiting: str) -> None:
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    mine = [line for line in lines if line.get("node") == waiting]
    accepted = next(line for line in mine if line["operation"] == "rescue")
    assert accepted["event"] == "accepted"
    assert accepted["request_id"].startswith("req-")
    steps = [line for line in mine if line["run"] == accepted["run"] and line["event"] == "done"]
    assert {line["request_id"] for line in steps} == {accepted["request_id"]}
    assert [line["step"] for line in steps][:2] == ["check_everything", "remember_how_it_was"]


def listen(service: Service, node: str, last: str = "") -> requests.Response:
    path = f"{service.url}/v1/nodes/{node}/rescue/events"
    return requests.get(path, headers={"Last-Event-ID": last}, stream=True, timeout=60)


def test_a_rescue_as_it_goes_on(service: Service, waiting: str) -> None:
    events = []
    with listen(service, waiting) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            name, _, value = line.decode().partition(": ")
            if name == "data":
                events.append(json.loads(value))
                if events[-1]["event"] == "waiting":
                    assert service.provision(waiting, "abort").status_code == 202
    assert events[0]["event"] == "accepted"
    assert events[-1]["event"] == "aborted"  # and the stream has ended
    assert events == service.get(f"/v1/nodes/{waiting}/rescue")["timeline"]
    with listen(service, waiting, last=str(events[-2]["id"])) as answer:
        assert f"id: {events[-1]['id']}\n" in answer.text
        assert f"id: {events[-2]['id']}\n" not in answer.text
    with listen(service, waiting, last=str(events[-1]["id"])) as answer:
        assert (answer.status_code, answer.text) == (204, "")
