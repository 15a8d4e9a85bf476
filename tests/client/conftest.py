"""The unmodified `openstack` client, and a service with fake hardware for it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ironic import Ironic
from tests.service import Server, Service

CONFIG = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_bios_interfaces = fake
enabled_console_interfaces = fake
enabled_deploy_interfaces = fake
enabled_inspect_interfaces = fake
enabled_raid_interfaces = fake
enabled_rescue_interfaces = fake,no-rescue
"""


class Client:
    """`openstack baremetal …` as a person types it.

    `login`: the options that say who that is, and where the service is."""

    def __init__(self, service: Server, *login: str) -> None:
        command = [sys.executable, str(Path(__file__).with_name("many_commands.py"))]
        nobody = ("--os-auth-type", "none", "--os-endpoint", service.url)
        self._where = [*(login or nobody), "baremetal"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output, errors."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([*self._where, *arguments]), file=self._process.stdin, flush=True)
        code, out, err = json.loads(self._process.stdout.readline())
        return code, out, err

    def do(self, *arguments: str) -> str:
        """Its output; it has to succeed."""
        code, out, err = self.run(*arguments)
        assert code == 0, err
        return out

    def json(self, *arguments: str) -> Any:
        return json.loads(self.do(*arguments, "-f", "json"))

    def refused(self, *arguments: str) -> str:
        """Its errors; it has to fail."""
        code, out, err = self.run(*arguments)
        assert code == 1, out
        return err

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Ours; with TEST_AGAINST=ironic in the environment the real Ironic, to check the tests."""
    folder = tmp_path_factory.mktemp("service")
    against_ironic = os.environ.get("TEST_AGAINST") == "ironic"
    service = Ironic(folder).start() if against_ironic else Service(folder, CONFIG).start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def client(service: Server) -> Iterator[Client]:
    client = Client(service)
    yield client
    client.close()


@pytest.fixture
def node(client: Client, service: Server) -> Iterator[str]:
    """The name of an active node with a port."""
    made = client.json("node", "create", "--driver", "fake-hardware", "--name", "patient")
    client.json("port", "create", "--node", made["uuid"], "52:54:00:77:00:01")
    for verb, state in (("manage", "manageable"), ("adopt", "active")):
        client.do("node", verb, "patient")  # without --wait, which looks every 2 s
        service.wait_for_state("patient", state)
    yield "patient"
    for name in ("patient", "renamed"):
        client.run("node", "maintenance", "set", name)
        client.run("node", "delete", name)
