"""Compute's own driver for bare metal, in a process of its own, and a node for it."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.openstack.install import installed

from tests.service import Service

PROGRAM = Path(__file__).with_name("compute_driver.py")
IMAGE = "99999999-0000-4000-8000-0000000000d1"
MAC = "52:54:00:99:02:01"
CONFIG = """
enabled_hardware_types = fake-hardware
enabled_boot_interfaces = fake
enabled_deploy_interfaces = noop,fake
enabled_management_interfaces = fake
enabled_power_interfaces = fake
enabled_rescue_interfaces = fake,agent,no-rescue
[conductor]
rescue_callback_timeout = 3
"""
PASSWORD = "correct horse"


class Compute:
    """The driver's process. `call` raises Raised with what the driver raised."""

    def __init__(
        self, url: str, folder: Path, node: str, login: Mapping[str, Any] | None = None
    ) -> None:
        """`login`: options of nova.conf's section [ironic]; None: the service asks nobody."""
        folder.mkdir()
        command: list[str | Path] = [installed().python / "python", PROGRAM, url, folder, node]
        command.append(json.dumps(login or {"auth_type": "none", "endpoint": url}))
        self._log = folder / "stderr.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def call(self, name: str, *arguments: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("ANSWER "):
                answer = json.loads(line.removeprefix("ANSWER "))
                if "raised" in answer:
                    raise Raised(answer["raised"], answer["text"])
                return answer["returned"]
        raise AssertionError(f"Compute's driver ended:\n{self.log()[-3000:]}")

    def log(self) -> str:
        return self._log.read_text()

    def end(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:  # it waits for a service that is gone
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Raised(Exception):
    """`args`: the exception's class and its text."""


def available_node(service: Service, **given: Any) -> str:
    """One with an image on its disk; its UUID."""
    values = {
        "name": "server-1",
        "driver": "fake-hardware",
        "deploy_interface": "noop",
        "rescue_interface": "fake",
        "resource_class": "baremetal",
        "properties": {"cpu_arch": "x86_64", "cpus": 2, "memory_mb": 1024, "local_gb": 10},
        "driver_info": {"preinstalled_image": IMAGE},
    }
    answer = service.call("POST", "/v1/nodes", values | given)
    assert answer.ok, answer.text
    uuid: str = answer.json()["uuid"]
    link = {"switch_id": "00:11:22:33:44:55", "port_id": "tap9", "switch_info": "lab"}
    port = {"node_uuid": uuid, "address": MAC, "local_link_connection": link}
    assert service.call("POST", "/v1/ports", port).ok
    assert service.call("PUT", f"/v1/nodes/{uuid}/traits", {"traits": ["CUSTOM_GOLD"]}).ok
    for verb, state in (("manage", "manageable"), ("provide", "available")):
        assert service.provision(uuid, verb).ok
        service.wait_for_state(uuid, state)
    return uuid


def spawned(compute: Compute, vif: str = "vif-1", **how: Any) -> None:
    compute.call("prepare_for_spawn")
    compute.call("plug", vif)
    compute.call("spawn", how)
