"""The whole job, by the commands people type: rescue an instance whose password nobody knows."""

import asyncio
import secrets
import time
from collections.abc import Sequence

import asyncssh
from rich.console import Console

from stbernard.errors import LabError, StBernardError
from stbernard.lab.instance import ensure_instance
from stbernard.lab.lab import Lab, Machine
from stbernard.lab.service import client_command, enrol, start_service
from stbernard.lab.stages import Stages
from stbernard.ramdisk.build import ensure_ramdisk

# Limits for a host under load; an idle one takes a quarter of it.
BOOT_SECONDS = 240
OPERATION_SECONDS = 600

# The stages that the summary adds up.
RESCUE = "Rescue"
REPAIR = "ssh as rescue, and set root's password on the instance's disk"
UNRESCUE = "Unrescue"
BOOT_AGAIN = "The instance boots again"
PROVE = "ssh as root with the new password"

SET_ROOT_PASSWORD = (
    "sudo mount /dev/vda1 /mnt",
    "echo root:{password} | sudo chroot /mnt chpasswd",
    "sudo umount /mnt",
)


def demo(console: Console, lab: Lab) -> None:
    """Put `lab` up, do the job on its first machine, take it down.

    Raises StBernardError: of the lab, or of a command that fails.
    """
    stages = Stages(console)
    started = time.monotonic()
    with stages.stage("Build the rescue ramdisk, unless it is in the cache"):
        ramdisk = ensure_ramdisk(lab.cache_dir)
    with stages.stage("Build the instance's disk, unless it is in the cache"):
        ensure_instance(lab.cache_dir)
    with stages.stage("Start the lab: a machine with a BMC"):
        lab.up()
    try:
        with stages.stage("Start the service"):
            start_service(lab, ramdisk)
        _Job(stages, lab, lab.machines[0]).do()
    except StBernardError:
        console.print(f"The logs are in {lab.state_dir}.", highlight=False)
        raise
    finally:
        lab.down()
    _summary(stages, time.monotonic() - started)


class _Job:
    """The commands of a person who has lost the password of an instance."""

    def __init__(self, stages: Stages, lab: Lab, machine: Machine) -> None:
        self.stages = stages
        self.lab = lab
        self.machine = machine

    def do(self) -> None:
        stage, name = self.stages.stage, self.machine.name
        with stage("Make the machine a node: create, manage, adopt"):
            for line in enrol(self.machine):
                self._openstack(line)
        with stage("Power on, and the instance boots"):
            self._openstack(f"baremetal node power on {name}")
            self._wait_for_ssh()
        with stage("Nobody knows the instance's password: ssh as root is refused"):
            self._is_refused("root", "a-guess")
        rescue_password = secrets.token_urlsafe(12)
        with stage(RESCUE):
            self._openstack(
                f"baremetal node rescue {name} --rescue-password {rescue_password}"
                f" --wait {OPERATION_SECONDS}"
            )
        root_password = secrets.token_urlsafe(12)
        with stage(REPAIR):
            commands = [line.format(password=root_password) for line in SET_ROOT_PASSWORD]
            self._ssh("rescue", rescue_password, commands)
        with stage(UNRESCUE):
            self._openstack(f"baremetal node unrescue {name} --wait {OPERATION_SECONDS}")
        with stage(BOOT_AGAIN):
            self._wait_for_ssh()
        with stage(PROVE):
            self._ssh("root", root_password, ["hostname", "id"])

    def _openstack(self, line: str) -> None:
        self.stages.note(f"$ openstack {line}")
        self.lab.run(*client_command(line))

    def _wait_for_ssh(self) -> None:
        try:
            self.lab.wait_port(self.machine.address, 22, BOOT_SECONDS)
        except TimeoutError as error:
            raise LabError(f"{error}; see {self.machine.serial_log}") from error

    def _is_refused(self, user: str, password: str) -> None:
        try:
            self._ssh(user, password, ["true"])
        except LabError as error:
            if isinstance(error.__cause__, asyncssh.PermissionDenied):
                return
            raise
        raise LabError(f"{user} could log in with {password!r}: that is not how it should be")

    def _ssh(self, user: str, password: str, commands: Sequence[str]) -> None:
        """Run the shell lines one after the other over one login, and show what they print."""
        self.stages.note(f"$ ssh {user}@{self.machine.address}")
        with self.lab.inside():
            asyncio.run(self._ssh_inside(user, password, commands))

    async def _ssh_inside(self, user: str, password: str, commands: Sequence[str]) -> None:
        address = self.machine.address
        try:
            async with asyncssh.connect(
                address,
                username=user,
                password=password,
                # A throw-away machine: its key is as new as its disk.
                known_hosts=None,
                client_keys=None,
                agent_path=None,
                login_timeout=BOOT_SECONDS,
            ) as login:
                for command in commands:
                    self.stages.note(f"{user}@{address}$ {command}")
                    done = await login.run(command, check=True)
                    for line in str(done.stdout).splitlines():
                        self.stages.note(line)
        except asyncssh.Error as error:
            raise LabError(f"ssh {user}@{address}: {error}") from error


def _summary(stages: Stages, seconds: float) -> None:
    there = stages.seconds[RESCUE] + stages.seconds[REPAIR]
    back = sum(stages.seconds[title] for title in (UNRESCUE, BOOT_AGAIN, PROVE))
    stages.console.print(
        f"""
The server was broken, was rescued, and is back.
{there:6.1f} s  from the rescue request to the repaired disk
{back:6.1f} s  from the unrescue request to the root login
{seconds:6.1f} s  in all""",
        highlight=False,
    )
