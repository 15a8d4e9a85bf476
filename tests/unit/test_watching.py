"""What a running service tells of itself and of a rescue that waits, to people and to programs."""

import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from tests.service import Service

CONFIG = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = agent
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
