"""A BMC: `ipmi_sim` of OpenIPMI, a real RMCP+ server, whose chassis is a shell script."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stbernard.drivers.base import Task
from stbernard.drivers.ipmi import ipmitool
from stbernard.drivers.turns import Turns
from stbernard.settings import Ipmi
from tests.factories import a_node
from tests.unit.drivers.tasks import a_task, all_enabled

PASSWORD = "s3cret-of-a-bmc"
PING = bytes.fromhex("0600ff06000011be8000000000")  # RMCP presence ping
AT_ONCE = Ipmi(min_command_interval=0, cipher_suite_versions=(3,))

_CHASSIS = """#!/bin/sh
# ipmi_sim asks `DEVICE get NAME`, and says `DEVICE set NAME VALUE`
case $2 in
get) echo "$3:$(cat {folder}/$3)" ;;
set) echo "$3 $4" >>{folder}/done; echo "$4" >{folder}/$3 ;;
esac
"""
_CONFIG = """
name "test"
set_working_mc 0x20
startlan 1
  addr 127.0.0.1 {port}
  priv_limit admin
  allowed_auths_user none md2 md5 straight
  allowed_auths_operator none md2 md5 straight
  allowed_auths_admin none md2 md5 straight
  guid a123456789abcdefa123456789abcdef
endlan
chassis_control "{folder}/chassis 0x20"
user 2 true "admin" "{password}" admin 10 none md2 md5 straight
"""
_START = """
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x20
"""


class Simulator:
    """One that runs; `done` is what it did to its chassis."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = a_free_port()
        (folder / "power").write_text("0\n")
        (folder / "boot").write_text("none\n")
        (folder / "done").touch()
        chassis = folder / "chassis"
        chassis.write_text(_CHASSIS.format(folder=folder))
        chassis.chmod(0o755)
        config, start = folder / "lan.conf", folder / "start"
        config.write_text(_CONFIG.format(folder=folder, port=self.port, password=PASSWORD))
        start.write_text(_START)
        self.process = subprocess.Popen(
            ["ipmi_sim", "-c", config, "-f", start, "-s", folder, "-n"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self._wait()

    @property
    def done(self) -> list[str]:
        return (self.folder / "done").read_text().splitlines()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def task(self, options: Ipmi = AT_ONCE, **driver_info: Any) -> Task:
        """A task for a node with this BMC."""
        access: dict[str, Any] = {
            "ipmi_address": "127.0.0.1",
            "ipmi_port": self.port,
            "ipmi_username": "admin",
            "ipmi_password": PASSWORD,
        }
        return ipmi_task(options, **access | driver_info)

    def _wait(self) -> None:
        """Until it answers a presence ping."""
        deadline = time.monotonic() + 60
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.1)
            client.connect(("127.0.0.1", self.port))
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    client.send(PING)
                    client.recv(100)
                except OSError:
                    continue
                return
        raise TimeoutError("ipmi_sim does not answer")


def a_free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def ipmi_task(
    options: Ipmi = AT_ONCE, properties: dict[str, Any] | None = None, **driver_info: Any
) -> Task:
    node = a_node(
        driver="ipmi",
        driver_info=driver_info,
        properties=properties or {},
        power_interface="ipmitool",
        management_interface="ipmitool",
        boot_interface="ipxe",
        rescue_interface="agent",
    )
    return a_task(all_enabled(ipmi=options), node)


@pytest.fixture(autouse=True)
def no_bmcs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of the BMC of an earlier test."""
    monkeypatch.setattr(ipmitool, "_bmcs", ipmitool._Bmcs())
    monkeypatch.setattr(ipmitool, "turns", Turns())


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path)
    yield simulator
    simulator.stop()
