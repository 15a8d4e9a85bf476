"""The lab with a real machine: network boot, the instance from the disk, a graceful shutdown."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import asyncssh
import pytest
import sushy

from stbernard.errors import LabError
from stbernard.lab import Lab, Machine

pytestmark = [pytest.mark.machine, pytest.mark.timeout(600)]

NAMESPACE = "stbernard-test"
# Limits for a host under load; an idle one takes a quarter of it.
BOOT_SECONDS = 120
SCRIPT = b"#!ipxe\necho The boot script runs\nexit\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab"), namespace=NAMESPACE) as lab:
        yield lab


@pytest.fixture(scope="module")
def boot_requests(lab: Lab) -> Iterator[list[str]]:
    """What the machines fetched from a boot server where the service would be."""
    paths: list[str] = []

    class BootServer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(SCRIPT)))
            self.end_headers()
            self.wfile.write(SCRIPT)

    with lab.inside():
        server = HTTPServer(("10.77.0.1", 6385), BootServer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield paths
    server.shutdown()
    thread.join()
    server.server_close()


def system_of(machine: Machine) -> Any:
    root = sushy.Sushy(
        machine.bmc_address, username=machine.bmc_username, password=machine.bmc_password
    )
    return root.get_system(machine.system_id)


def test_network_boot_then_the_instance_then_shutdown(lab: Lab, boot_requests: list[str]) -> None:
    [machine] = lab.machines
    with lab.inside():
        system = system_of(machine)
        system.set_system_boot_options(
            target=sushy.BootSource.PXE, enabled=sushy.BootSourceOverrideEnabled.ONCE
        )
        system.reset_system(sushy.ResetType.ON)
    assert machine.is_on
    lab.wait_serial(machine, "The boot script runs", BOOT_SECONDS)
    assert boot_requests == ["/boot/boot.ipxe"]
    lab.wait_serial(machine, "GRUB starts the instance", BOOT_SECONDS)
    lab.wait_port(machine.address, 22, BOOT_SECONDS)
    with lab.inside(), pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(log_in(machine, "password"))
    lab.wait_serial(machine, "login:", BOOT_SECONDS)
    with lab.inside():
        system.reset_system(sushy.ResetType.GRACEFUL_RESTART)
    lab.wait_serial(machine, "reboot: Power down", BOOT_SECONDS)
    # Once was for one boot: this one does not ask the network.
    lab.wait_serial(machine, "GRUB starts the instance", BOOT_SECONDS)
    assert boot_requests == ["/boot/boot.ipxe"]
    with lab.inside():
        system.reset_system(sushy.ResetType.FORCE_OFF)
    assert not machine.is_on


async def log_in(machine: Machine, password: str) -> None:
    await asyncssh.connect(
        machine.address, username="root", password=password, known_hosts=None, client_keys=None
    )


def test_the_bmc_comes_back_to_a_machine_that_runs(lab: Lab) -> None:
    [machine] = lab.machines
    with lab.inside():
        system = system_of(machine)
        system.reset_system(sushy.ResetType.ON)
    lab.restart_bmc()
    with lab.inside():
        system = system_of(machine)
        assert system.power_state == sushy.PowerState.ON
        system.reset_system(sushy.ResetType.FORCE_OFF)
    assert not machine.is_on


def test_a_server_that_does_not_start_shows_its_log(lab: Lab) -> None:
    command = ["sh", "-c", f"echo no such database >&2; exit 1 # {lab.state_dir}/x"]
    with pytest.raises(LabError, match=r"broken does not start:\nno such database"):
        lab.start_server("broken", command, 9)
