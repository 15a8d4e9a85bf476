"""Agents that the service does not work with: a rescue's last_error says why, and what to build.

The service and its hardware record are processes and files, the agent is one of these tests.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent import FakeAgent
from tests.service import Service

CONFIG = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = agent
[fake]
state_dir = {folder}/hardware
[conductor]
rescue_callback_timeout = 20
"""
TOO_OLD = {"agent_token": None, "agent_version": "5.0.0", "agent_verify_ca": None}
BEFORE_TOKENS = "1.36"
WITHOUT_TLS = {"callback_url": "http://127.0.0.1:9999", "agent_verify_ca": None}
# What an agent before 6.0 answers to the argument it does not know.
WITHOUT_HASHES = "finalize_rescue() got an unexpected keyword argument 'hashed'"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("service")
    service = Service(folder, CONFIG.format(folder=folder)).start()
    yield service
    service.kill()


@pytest.mark.parametrize(
    ("version", "says", "fails_with", "text"),
    [
        (BEFORE_TOKENS, TOO_OLD, None, "(version 5.0.0) called back without an agent token"),
        ("1.68", WITHOUT_TLS, None, "calls back by http:// only, and [agent]require_tls is on"),
        ("1.68", {}, WITHOUT_HASHES, "is too old: it does not take the password as a hash"),
    ],
)
def test_the_last_error_says_why(
    service: Service, version: str, says: dict[str, str | None], fails_with: str | None, text: str
) -> None:
    node = str(uuid.uuid4())
    assert service.call("POST", "/v1/nodes", {"uuid": node, "driver": "fake-hardware"}).ok
    for verb, state in (("manage", "manageable"), ("adopt", "active")):
        assert service.provision(node, verb).status_code == 202
        service.wait_for_state(node, state)
    with FakeAgent(service.url, node, fails_with=fails_with, says=says, version=version):
        assert service.provision(node, "rescue", rescue_password="a").status_code == 202
        failed = service.wait_for_state(node, "rescue", "rescue failed")
    assert failed["provision_state"] == "rescue failed"
    assert text in failed["last_error"]
    assert "Build the ramdisk with" in failed["last_error"]
    assert (failed["power_state"], failed["maintenance"]) == ("power on", False)
    seen = service.get(f"/v1/nodes/{node}/rescue")["timeline"]
    refused = [line for line in seen if "was refused" in (line["detail"] or "")]
    assert len([line for line in refused if line["event"] == "seen"]) <= 1  # told once
