"""St. Bernard itself in the lab: its configuration, its process, and the client people use."""

import shlex
import sys
from pathlib import Path

from stbernard.lab import network
from stbernard.lab.lab import Lab, Machine

PORT = 6385
CLIENT_ENVIRONMENT = {"OS_AUTH_TYPE": "none", "OS_ENDPOINT": network.API_URL}
PROGRAMS = Path(sys.executable).parent  # where pip puts `stbernard` and `openstack`

CONFIGURATION = """\
[DEFAULT]
host = lab
my_ip = {host}
state_path = {state}

[api]
host_ip = {host}

[conductor]
rescue_kernel = file://{ramdisk}/kernel
rescue_ramdisk = file://{ramdisk}/ramdisk
file_url_allowed_paths = {ramdisk}

[pxe]
kernel_append_params = console=ttyS0
"""


def start_service(lab: Lab, ramdisk: Path) -> None:
    """Start the service inside the lab, on a new database; its log is `service.log`.

    `ramdisk` is a directory with `kernel` and `ramdisk`. Raises LabError, ProgramError.
    """
    state = lab.state_dir / "service"
    state.mkdir()
    file = lab.state_dir / "stbernard.conf"
    file.write_text(
        CONFIGURATION.format(host=network.HOST, state=state, ramdisk=ramdisk.absolute())
    )
    stbernard = PROGRAMS / "stbernard"
    lab.run(stbernard, "db", "upgrade", "--config-file", file)
    lab.start_server("service", [stbernard, "serve", "--config-file", file], PORT)


def client_command(words: str) -> list[str]:
    """The `openstack` client with its environment, as a command to run inside the lab."""
    environment = [f"{name}={value}" for name, value in CLIENT_ENVIRONMENT.items()]
    return ["env", *environment, str(PROGRAMS / "openstack"), *shlex.split(words)]


def enrol(machine: Machine) -> list[str]:
    """What the client is told so that a lab machine becomes an active node, line by line."""
    info = {
        "redfish_address": machine.bmc_address,
        "redfish_system_id": machine.system_id,
        "redfish_username": machine.bmc_username,
        "redfish_password": machine.bmc_password,
    }
    driver_info = " ".join(f"--driver-info {key}={value}" for key, value in info.items())
    name = machine.name
    return [
        f"baremetal node create --name {name} --uuid {machine.uuid} --driver redfish {driver_info}",
        f"baremetal port create {machine.mac} --node {machine.uuid}",
        f"baremetal node manage {name} --wait",
        f"baremetal node adopt {name} --wait",
    ]


def by_hand(lab: Lab) -> str:
    """What a person exports and types in a lab with the service, as shell lines."""
    machine = lab.machines[0]
    exports = " ".join(f"{name}={value}" for name, value in CLIENT_ENVIRONMENT.items())
    jobs = (
        *enrol(machine),
        f"baremetal node power on {machine.name}",
        f"baremetal node rescue {machine.name} --rescue-password let-me-in --wait",
    )
    return "\n".join(
        (
            f"ip netns exec {lab.network.namespace} bash   # as root: the lab is in there",
            f"export {exports} PATH={PROGRAMS}:$PATH",
            *(f"openstack {job}" for job in jobs),
            f"ssh rescue@{machine.address}",
            f"openstack baremetal node unrescue {machine.name} --wait",
        )
    )
