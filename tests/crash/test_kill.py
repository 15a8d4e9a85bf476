"""kill -9 of the service at every step of a rescue and of an unrescue; then a restart.

The hardware is fake and recorded outside of the service (`[fake]state_dir`); the agent is a thread
of this test that calls the service's API and answers its commands over TLS, as an agent does.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.agent import FakeAgent
from tests.crash.killed_service import DIE, SAVES
from tests.service import Service

CONFIG = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = agent
[fake]
state_dir = {folder}/hardware
"""
RESCUE_SAVES = 10  # of 14 steps five are saved along with the one before; one for the wait
UNRESCUE_SAVES = 4
ARGUMENTS: dict[str, dict[str, str]] = {
    "rescue": {"rescue_password": "Tr0ub4dor&3"},
    "unrescue": {},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("service")
    service = Service(folder, CONFIG.format(folder=folder))
    yield service
    service.kill()


@pytest.fixture
def node(service: Service) -> Iterator[str]:
    """An active node; the service is not running afterwards."""
    service.start()
    node = str(uuid.uuid4())
    assert service.call("POST", "/v1/nodes", {"uuid": node, "driver": "fake-hardware"}).ok
    for verb, state in (("manage", "manageable"), ("adopt", "active")):
        assert service.provision(node, verb).status_code == 202
        service.wait_for_state(node, state)
    with FakeAgent(service.url, node):
        yield node
    service.kill()


def hardware(service: Service, node: str) -> tuple[Any, Any, Any]:
    """Power, boot device and boot mode of the fake server, as its record outside of the service."""
    record = json.loads((service.folder / "hardware" / f"{node}.json").read_text())
    power, boot = record["power_next"] or record["power"], record["boot_next"] or record["boot"]
    return power, boot, record["mode"]


AS_NEW = ("power on", {"device": "disk", "persistent": True}, "uefi")


def die_at(service: Service, node: str, verb: str, number: int, when: str) -> None:
    """Have the request accepted by a service that dies at this save, and see that it died."""
    assert service.stop() == 0
    (service.folder / SAVES).unlink(missing_ok=True)
    (service.folder / DIE).write_text(f"{number} {when}")
    service.start("tests.crash.killed_service", str(service.folder))
    # Its worker may be quicker to die than the answer to get out; the request is accepted then too.
    with suppress(requests.ConnectionError):
        assert service.provision(node, verb, **ARGUMENTS[verb]).status_code == 202
    service.wait(service.is_dead, f"the service dies {when} save {number} of {verb}")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, RESCUE_SAVES + 1))
def test_a_rescue_goes_on_after_kill_9(service: Service, node: str, number: int, when: str) -> None:
    die_at(service, node, "rescue", number, when)
    service.start()
    rescued = service.wait_for_state(node, "rescue", "rescue failed")
    assert (rescued["provision_state"], rescued["last_error"]) == ("rescue", None)
    assert hardware(service, node) == AS_NEW


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, UNRESCUE_SAVES + 1))
def test_an_unrescue_goes_on_after_kill_9(
    service: Service, node: str, number: int, when: str
) -> None:
    assert service.provision(node, "rescue", rescue_password="Tr0ub4dor&3").status_code == 202
    service.wait_for_state(node, "rescue")
    die_at(service, node, "unrescue", number, when)
    service.start()
    back = service.wait_for_state(node, "active", "unrescue failed")
    assert (back["provision_state"], back["last_error"]) == ("active", None)
    assert hardware(service, node) == AS_NEW


def test_no_save_was_missed_above(service: Service, node: str) -> None:
    """A service that would die at the save after the last one does not."""
    assert service.stop() == 0
    for verb, state, saves in (
        ("rescue", "rescue", RESCUE_SAVES),
        ("unrescue", "active", UNRESCUE_SAVES),
    ):
        (service.folder / SAVES).unlink(missing_ok=True)
        (service.folder / DIE).write_text(f"{saves + 1} before")
        service.start("tests.crash.killed_service", str(service.folder))
        assert service.provision(node, verb, **ARGUMENTS[verb]).status_code == 202
        service.wait_for_state(node, state)
        assert (service.folder / SAVES).stat().st_size == saves
        assert service.stop() == 0
