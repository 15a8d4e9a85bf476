"""A cloud with one bare metal server, all of it real: the lab, the private OpenStack, St. Bernard.

Everything is in the lab's network namespace. People's commands are `openstack …`, as typed.
"""

import asyncio
import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import asyncssh

from stbernard.errors import LabError
from stbernard.lab import network, processes
from stbernard.lab.lab import Lab
from stbernard.lab.service import PORT, PROGRAMS
from stbernard.openstack.session import make_adapter
from stbernard.openstack.settings import Client
from stbernard.programs import run
from tools.openstack import belongings, config, switch
from tools.openstack.belongings import Memory
from tools.openstack.cloud import Cloud

NAMESPACE = "stbernard-cloud"
MEMORY_MB = 1024
MOST_MEMORY = 3_000_000_000  # bytes, of all services and of St. Bernard, without the machine
PATIENCE = 600  # seconds for what takes a minute on a quiet host
NODE = "server-room-1"
FLAVOR = "bm"
IMAGE = "preinstalled"

_SERVICE = """\
[DEFAULT]
host = lab
my_ip = {host}
state_path = {state}
auth_strategy = keystone
enabled_network_interfaces = noop,neutron
default_network_interface = neutron
[api]
host_ip = {host}
[conductor]
file_url_allowed_paths = {images}
rescue_callback_timeout = {callback_timeout}
[pxe]
kernel_append_params = console=ttyS0
[neutron]
rescuing_network = {rescuing_network}
{credentials}
[nova]
{credentials}
[glance]
{credentials}
[keystone_authtoken]
{credentials}
"""


class Site:
    """`lab`, `cloud` and the service, up. `say` hears each command."""

    def __init__(
        self, lab: Lab, cloud: Cloud, images: Path, memory: Memory, say: Callable[[str], None]
    ) -> None:
        self.lab = lab
        self.cloud = cloud
        self.memory = memory
        self.images = images.absolute()
        self.machine = lab.machines[0]
        self.node = self.machine.uuid
        self.address = switch.TENANT.address(1)
        self._say = say

    def start_service(self, callback_timeout: int = PATIENCE, rescuing_network: str = "") -> None:
        """St. Bernard, on a database that stays; started again if it runs."""
        state = self.lab.state_dir / "service"
        state.mkdir(exist_ok=True)
        file = self.lab.state_dir / "stbernard.conf"
        login = "\n".join(f"{key} = {value}" for key, value in config.credentials("ironic").items())
        file.write_text(
            _SERVICE.format(
                host=network.HOST,
                state=state,
                images=self.images,
                callback_timeout=callback_timeout,
                rescuing_network=rescuing_network or switch.RESCUING.name,
                credentials=login,
            )
        )
        stbernard = PROGRAMS / "stbernard"
        processes.end(self.lab.state_dir / "service.pid")
        self.lab.run(stbernard, "db", "upgrade", "--config-file", file)
        self.lab.start_server("service", [stbernard, "serve", "--config-file", file], PORT)

    def openstack(self, line: str, *, system: bool = False) -> str:
        """What `openstack LINE` prints, typed by the cloud's operator (`system`: for the whole
        system, as the bare metal service wants it). Raises ProgramError."""
        self._say(f"$ openstack {line}")
        who = {"OS_SYSTEM_SCOPE": "all"} if system else {"OS_PROJECT_NAME": "admin"}
        environment = who | {
            "OS_AUTH_URL": config.IDENTITY,
            "OS_USERNAME": "admin",
            "OS_PASSWORD": config.PASSWORD,
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_REGION_NAME": config.REGION,
        }
        words = [f"{name}={value}" for name, value in environment.items()]
        return self.lab.run("env", *words, PROGRAMS / "openstack", *shlex.split(line)).strip()

    def made(self, line: str) -> str:
        """The id of what `openstack LINE` makes."""
        return self.openstack(f"{line} -f value -c id").splitlines()[-1]

    def make_networks(self) -> None:
        for segment in (switch.TENANT, switch.RESCUING):
            self.openstack(
                f"network create {segment.name} --provider-network-type vlan "
                f"--provider-physical-network physnet1 --provider-segment {segment.vlan}"
            )
            self.openstack(
                f"subnet create {segment.name} --network {segment.name} --no-dhcp "
                f"--subnet-range {segment.cidr}"
            )

    def upload(self, name: str, file: Path, kind: str = "raw") -> str:
        """An image in the Image service; its UUID."""
        container = "bare" if kind == "raw" else kind
        return self.made(
            f"image create {name} --file {file} --disk-format {kind} "
            f"--container-format {container} --public"
        )

    def enrol(self, image: str, kernel: str, ramdisk: str) -> None:
        """The lab's machine as an available node."""
        machine = self.machine
        info = {
            "redfish_address": machine.bmc_address,
            "redfish_system_id": machine.system_id,
            "redfish_username": machine.bmc_username,
            "redfish_password": machine.bmc_password,
            "rescue_kernel": kernel,
            "rescue_ramdisk": ramdisk,
            "preinstalled_image": image,
        }
        given = " ".join(f"--driver-info {key}={value}" for key, value in info.items())
        link = {"switch_id": "00:11:22:33:44:55", "switch_info": "lab", "port_id": "tap1"}
        links = " ".join(f"--local-link-connection {key}={value}" for key, value in link.items())
        for line in (
            f"baremetal node create --name {NODE} --uuid {self.node} --driver redfish "
            f"--network-interface neutron --resource-class baremetal "
            f"--property cpu_arch=x86_64 --property memory_mb={MEMORY_MB} --property cpus=2 "
            f"--property local_gb=10 {given}",
            f"baremetal port create {machine.mac} --node {self.node} "
            f"--physical-network physnet1 {links}",
            f"baremetal node manage {NODE} --wait",
            f"baremetal node provide {NODE} --wait",
        ):
            self.openstack(line, system=True)

    def start_compute(self) -> None:
        """Compute's services; done when they may use the node."""
        self.cloud.start_compute()
        self.wait_until_free()
        manage = self.cloud.programs.python / "nova-manage"
        file = self.cloud.folder / "etc/nova/nova.conf"
        self.lab.run(manage, "--config-file", file, "cell_v2", "discover_hosts", "--by-service")

    def wait_until_free(self) -> None:
        """Until Compute has told Placement that the node can be had."""
        placement = self._adapter("placement", "placement")
        path = f"/resource_providers/{self.node}/inventories"

        def there() -> bool:
            with self.lab.inside():
                answer = placement.get(path, raise_exc=False)
            found = answer.json().get("inventories", {}).get("CUSTOM_BAREMETAL", {})
            return bool(found.get("reserved") == 0)

        self.wait(there, "Placement knows the node as free")

    def server(self, ident: str) -> dict[str, Any]:
        """A server, as Compute shows it."""
        compute = self._adapter("nova", "compute")
        with self.lab.inside():
            found: dict[str, Any] = compute.get(f"/servers/{ident}").json()["server"]
        return found

    def wait_for(self, ident: str, *states: str) -> dict[str, Any]:
        """The server, when its status is one of these and nothing goes on with it any more."""
        seen: list[dict[str, Any]] = []

        def there() -> bool:
            seen[:] = [self.server(ident)]
            return seen[0]["status"] in states and not seen[0]["OS-EXT-STS:task_state"]

        self.wait(there, f"the server is {' or '.join(states)}")
        return seen[0]

    def wait(self, true: Callable[[], bool], what: str) -> None:
        """Raises LabError."""
        end = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > end:
                raise LabError(f"Not within {PATIENCE} s: {what}. See {self.lab.state_dir}.")
            time.sleep(1)

    def ssh(self, user: str, password: str, *commands: str) -> str:
        """What the shell lines print over one login at the server's address; waits for its ssh.

        Raises LabError; asyncssh.PermissionDenied for a wrong password."""

        async def login() -> str:
            async with asyncssh.connect(
                self.address,
                username=user,
                password=password,
                known_hosts=None,  # a throw-away machine: its key is as new as its disk
                client_keys=None,
                agent_path=None,
                config=None,
                login_timeout=PATIENCE,
            ) as connection:
                printed = [(await connection.run(line, check=True)).stdout for line in commands]
                return "".join(map(str, printed))

        self._say(f"$ ssh {user}@{self.address}")
        for line in commands:
            self._say(f"{user}@{self.address}$ {line}")
        self.lab.wait_port(self.address, 22, PATIENCE)
        with self.lab.inside():
            return asyncio.run(login())

    def bridge(self) -> str | None:
        """The network that the machine's card is plugged into now, as the kernel says."""
        text = run("ip", "-n", self.lab.network.namespace, "-json", "link", "show", "tap1")
        master: str | None = json.loads(text)[0].get("master")
        return master

    def ports(self) -> list[str]:
        """All ports of the Network service."""
        neutron = self._adapter("neutron", "network")
        with self.lab.inside():
            found = neutron.get("/v2.0/ports").json()["ports"]
        return sorted(port["id"] for port in found)

    def check_memory(self) -> None:
        """Raises LabError if all services together took more than is promised."""
        self.memory.look()
        if self.memory.services > MOST_MEMORY:
            raise LabError(f"More than {MOST_MEMORY / 1e9:.0f} GB: {self.memory}.")

    def _adapter(self, user: str, kind: str) -> Any:
        options = config.credentials("admin") | {"project_name": "admin"}
        return make_adapter(user, Client(**options), kind)


@contextmanager
def a_site(folder: Path, ramdisk: Path, cache: Path, say: Callable[[str], None]) -> Iterator[Site]:
    """Lab, cloud and service; the node is not made yet. Nothing is left when it ends."""
    with ExitStack() as stack:
        stack.enter_context(belongings.alone(NAMESPACE))
        memory = stack.enter_context(belongings.Memory(NAMESPACE))
        lab = stack.enter_context(
            Lab(folder / "lab", memory_mb=MEMORY_MB, cache_dir=cache, namespace=NAMESPACE)
        )
        for segment in (switch.TENANT, switch.RESCUING):
            switch.add(lab, segment)
        cloud = stack.enter_context(
            Cloud(folder / "cloud", place=lab.network, bare_metal=network.API_URL, compute=True)
        )
        yield Site(lab, cloud, ramdisk, memory, say)
