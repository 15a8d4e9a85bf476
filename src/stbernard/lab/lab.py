"""The lab as a whole: up, down, and what to do with it in between."""

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType

import bcrypt
import msgspec

from stbernard.errors import LabError
from stbernard.lab import host, network, processes
from stbernard.lab.acceleration import acceleration
from stbernard.lab.firmware import Firmware, check_uefi
from stbernard.lab.instance import ensure_instance
from stbernard.lab.machine import PID_FILE, Hardware, QemuMachine
from stbernard.lab.serial import SerialLog
from stbernard.programs import run

NAMESPACE = "stbernard-lab"
DISK = "6G"  # sparse; ironic-python-agent waits for a disk of 4 GB at least
BMC_PORT = 8000
IPMI_PORT = 6230  # of the first machine's BMC, UDP
BMC_USERNAME = "admin"
BMC_PASSWORD = "keg-of-brandy"  # noqa: S105 - of a virtual machine in a network of its own
POLL_SECONDS = 0.1
START_SECONDS = 60


class Machine:
    """A machine of the lab as its users see it."""

    bmc_address = f"http://{network.HOST}:{BMC_PORT}"
    bmc_username = BMC_USERNAME
    bmc_password = BMC_PASSWORD

    def __init__(self, number: int, home: Path) -> None:
        plug = network.port(number)
        self.name = home.name
        self.mac = plug.mac
        self.address = plug.address
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.lab.stbernard"))
        self.system_id = f"/redfish/v1/Systems/{self.uuid}"
        self.ipmi_port = IPMI_PORT + number - 1
        self.serial_log = home / "serial.log"
        self.home = home

    @cached_property
    def serial(self) -> SerialLog:
        """Its serial port, read from the first line on."""
        return SerialLog(self.serial_log)

    @property
    def is_on(self) -> bool:
        """Whether it has power, without asking its BMC."""
        return processes.find(self.home / PID_FILE) is not None


class Lab:
    """Machines with a BMC each in a network of their own; a context manager that is up inside.

    `state_dir` belongs to this lab alone: `up` empties it, `down` leaves the logs for reading.
    `cache_dir` holds what is built once. `namespace` has to differ between labs up at once.
    `firmware`, `boot_rom`: see machine.Hardware. Without `dhcp` the service has to give out the
    addresses (network.service_dhcp).
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        machines: int = 1,
        memory_mb: int = 1024,
        firmware: Firmware = "bios",
        boot_rom: bool = True,
        dhcp: bool = True,
        cache_dir: Path = Path(".cache"),
        namespace: str = NAMESPACE,
    ) -> None:
        self.state_dir = state_dir.absolute()
        self.cache_dir = cache_dir.absolute()
        self.memory_mb = memory_mb
        self.firmware = firmware
        self.boot_rom = boot_rom
        self.dhcp = dhcp
        self.network = network.Network(namespace)
        homes = (self.state_dir / "machines" / f"machine-{n}" for n in range(1, machines + 1))
        self.machines = [Machine(number, home) for number, home in enumerate(homes, start=1)]
        self._children: list[subprocess.Popen[bytes]] = []

    @classmethod
    def load(cls, state_dir: Path) -> "Lab":
        """The lab that `up` described in `state_dir`. Raises LabError when there is none."""
        try:
            return cls(state_dir, **msgspec.json.decode((state_dir / "lab.json").read_bytes()))
        except FileNotFoundError:
            raise LabError(f"no lab was ever up in {state_dir}: stbernard lab up") from None

    def __enter__(self) -> "Lab":
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    def up(self) -> None:
        """Build what is not in the cache, then start network and BMCs; the machines stay off.

        Raises LabError, or what the builders raise; then nothing is left running.
        """
        _check_host()
        if self.firmware != "bios":
            check_uefi()
        self._check_that_none_is_up()
        instance = ensure_instance(self.cache_dir)
        accelerated = acceleration(instance.kernel, self.cache_dir)
        self._empty_state_dir()
        try:
            for number, machine in enumerate(self.machines, start=1):
                self._make_machine(number, machine, instance.disk, accelerated)
            self._start_network()
            self._start_bmc()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """End all that `up` and `start` started and delete the network; twice does no harm."""
        for pid_file in [*self.state_dir.glob("*.pid"), *self.state_dir.glob("machines/*/*.pid")]:
            processes.end(pid_file)
        for child in self._children:
            child.wait()
        self._children.clear()
        self.network.delete()

    def command(self, command: Sequence[str | Path]) -> list[str]:
        """The command that runs `command` inside the lab's network."""
        return self.network.command(command)

    def run(self, *command: str | Path) -> str:
        """Run `command` inside the lab's network and return what it prints.

        Raises ProgramError.
        """
        return run(*self.command(command))

    def start(self, name: str, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        """Start `command` inside the lab's network, until `down`; it prints to `NAME.log`.

        Some argument has to name a path below `state_dir`: by that `down` knows it again.
        """
        if not any(str(self.state_dir) in str(argument) for argument in command):
            raise ValueError(f"no argument of {name} names a path below {self.state_dir}")
        with (self.state_dir / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                self.command(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)
        (self.state_dir / f"{name}.pid").write_text(str(child.pid))
        return child

    def start_server(
        self, name: str, command: Sequence[str | Path], port: int
    ) -> subprocess.Popen[bytes]:
        """Start `command` as `start` does, and wait until it answers on the host's side.

        Raises LabError with its log when it ends, or is silent for START_SECONDS.
        """
        child = self.start(name, command)
        end = time.monotonic() + START_SECONDS
        while child.poll() is None and time.monotonic() < end:
            if self._answers(network.HOST, port):
                return child
            time.sleep(POLL_SECONDS)
        log = (self.state_dir / f"{name}.log").read_text()
        raise LabError(f"{name} does not start:\n{log}")

    def restart_bmc(self) -> None:
        """End the BMCs and start them again; the machines do not notice."""
        processes.end(self.state_dir / "bmc.pid")
        self._start_bmc()

    def start_ipmi(self) -> None:
        """Let the machines' BMCs speak IPMI, too, each on its `ipmi_port`. Raises LabError."""
        (self.state_dir / "ipmi.account").write_text(f"{BMC_USERNAME}\n{BMC_PASSWORD}\n")
        program = (sys.executable, "-m", "stbernard.lab.ipmi")
        child = self.start("ipmi", (*program, self.state_dir, network.HOST, str(IPMI_PORT)))
        log = self.state_dir / "ipmi.log"
        end = time.monotonic() + START_SECONDS
        while "ready" not in log.read_text():
            if child.poll() is not None or time.monotonic() > end:
                raise LabError(f"the BMCs do not start to speak IPMI:\n{log.read_text()}")
            time.sleep(POLL_SECONDS)

    def inside(self) -> AbstractContextManager[None]:
        """Put the calling thread into the lab's network for a while (Network.inside)."""
        return self.network.inside()

    def wait_serial(self, machine: Machine, pattern: str, timeout: float) -> str:
        """Wait until `machine` prints `pattern` on its serial port; returns what matched."""
        return machine.serial.wait(pattern, timeout).group()

    def wait_port(self, address: str, port: int, timeout: float) -> None:
        """Wait until `address` accepts connections on the TCP port. Raises TimeoutError."""
        end = time.monotonic() + timeout
        while not self._answers(address, port):
            if time.monotonic() > end:
                raise TimeoutError(f"{address} port {port} does not answer in {timeout} s")
            time.sleep(POLL_SECONDS)

    def _answers(self, address: str, port: int) -> bool:
        try:
            with self.inside(), socket.create_connection((address, port), timeout=1):
                return True
        except OSError:
            return False

    def _check_that_none_is_up(self) -> None:
        known = self.state_dir / "lab.json"
        if self.state_dir.exists() and any(self.state_dir.iterdir()) and not known.exists():
            raise LabError(f"{self.state_dir} holds something else: take another --state-dir")
        before = Lab.load(self.state_dir) if known.exists() else self
        for lab in (self, before):
            if lab.network.exists:
                raise LabError(
                    f"the network namespace {lab.network.namespace} exists: a lab is up. End it by"
                    " `stbernard lab down`, or take another --namespace and --state-dir"
                )

    def _empty_state_dir(self) -> None:
        if self.state_dir.exists():
            shutil.rmtree(self.state_dir)
        self.state_dir.mkdir(parents=True)
        description = {
            "machines": len(self.machines),
            "memory_mb": self.memory_mb,
            "firmware": self.firmware,
            "boot_rom": self.boot_rom,
            "dhcp": self.dhcp,
            "namespace": self.network.namespace,
        }
        (self.state_dir / "lab.json").write_bytes(msgspec.json.encode(description))

    def _make_machine(
        self, number: int, machine: Machine, disk: Path, accelerated: tuple[str, ...]
    ) -> None:
        machine.home.mkdir(parents=True)
        run(
            *("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2"),
            *("-b", disk, machine.home / "disk.qcow2", DISK),
        )
        hardware = Hardware(
            name=machine.name,
            uuid=machine.uuid,
            mac=machine.mac,
            tap=network.port(number).tap,
            memory_mb=self.memory_mb,
            acceleration=accelerated,
            firmware=self.firmware,
            boot_rom=self.boot_rom,
        )
        QemuMachine.define(machine.home, hardware)

    def _start_network(self) -> None:
        ports = [network.port(number) for number, _ in enumerate(self.machines, start=1)]
        self.network.create(ports)
        if not self.dhcp:
            return
        config = self.state_dir / "dnsmasq.conf"
        config.write_text(network.dnsmasq_config(ports, self.state_dir))
        self.run("dnsmasq", f"--conf-file={config}")

    def _start_bmc(self) -> None:
        # The emulator checks the password at every request: the cheapest hash will do.
        digest = bcrypt.hashpw(BMC_PASSWORD.encode(), bcrypt.gensalt(rounds=4)).decode()
        (self.state_dir / "bmc.htpasswd").write_text(f"{BMC_USERNAME}:{digest}\n")
        program = (sys.executable, "-m", "stbernard.lab.bmc")
        self.start_server("bmc", (*program, self.state_dir, network.HOST, str(BMC_PORT)), BMC_PORT)


def _check_host() -> None:
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces and needs root: use sudo")
    if missing := host.missing_packages():
        raise LabError(f"programs are missing: apt-get install {' '.join(missing)}")
