"""A server to be rescued, made of Linux namespaces: with links, /etc, /run and users of its own.

It runs the agent as the ramdisk does, with Debian's python3 -I and without the test's libraries.
Programs are the host's, but sshd, which is fake_sshd.py (the real one is proven in tests/machine).
"""

import ctypes
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

import stbernard_agent

from .fakes import FakeService

needs_namespaces = [
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces; run it as root"),
    pytest.mark.skipif(
        not all(map(shutil.which, ("dnsmasq", "busybox", "ip"))),
        reason="needs dnsmasq-base, busybox-static and iproute2",
    ),
]

Result = TypeVar("Result")
CLONE_NEWNET = 0x40000000  # linux/sched.h
CHANGED_FOLDERS = ("etc", "home", "usr/sbin", "usr/lib/python3/dist-packages")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def inside(namespace: str, work: Callable[[], Result]) -> Result:
    """What `work` returns in a thread of that network namespace; sockets it makes stay there."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            with Path("/run/netns", namespace).open() as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {namespace}")
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


class Site:
    """Two network namespaces: the server's, and the one with DHCP and the service."""

    def __init__(self, name: str, folder: Path) -> None:
        self.server, self.services = f"{name}-server", f"{name}-services"
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._service: FakeService | None = None
        for namespace in (self.server, self.services):
            run("ip", "netns", "add", namespace)
        run("ip", "-n", self.services, "link", "set", "lo", "up")

    def add_link(self, link: str, mac: str, address: str, *options: str) -> None:
        """Plug a cable: `link` on the server, `to-link` with `address` (CIDR) at the other end."""
        far = f"to-{link}"
        run(
            *("ip", "-n", self.services, "link", "add", far, "type", "veth"),
            *("peer", "name", link, "address", mac, "netns", self.server),
        )
        run("ip", "-n", self.services, "addr", "add", address, "dev", far, *options)
        run("ip", "-n", self.services, "link", "set", far, "up")

    def change_network(self, link: str, address: str) -> None:
        """Put the other end of `link` into another network; the carrier stays."""
        far = f"to-{link}"
        run("ip", "-n", self.services, "addr", "flush", "dev", far)
        run("ip", "-n", self.services, "addr", "add", address, "dev", far)

    def start_dhcp(self, link: str, first: str, *options: str) -> subprocess.Popen[bytes]:
        """Answer DHCP on `link` with addresses from `first` on."""
        leases = f"--dhcp-leasefile={self.folder}/leases-{first}"
        return self._start_dnsmasq(
            link, leases, f"--dhcp-range={first},{first},255.255.255.0,1h", *options
        )

    def _start_dnsmasq(self, link: str, *options: str) -> subprocess.Popen[bytes]:
        command = ["ip", "netns", "exec", self.services, "dnsmasq", "--keep-in-foreground"]
        command += ["--conf-file=/dev/null", "--port=0", f"--interface=to-{link}", "--no-ping"]
        command += ["--bind-interfaces", "--dhcp-authoritative", "--pid-file", "--user=root"]
        command += ["--log-facility=/dev/null", *options]
        server = subprocess.Popen(command)
        self._processes.append(server)
        return server

    def start_router_advertisements(self, link: str, prefix: str, *options: str) -> None:
        """Announce an IPv6 prefix on `link` (SLAAC), and what the options say."""
        self._start_dnsmasq(link, f"--dhcp-range={prefix},ra-only", "--enable-ra", *options)

    def start_dhcpv6(self, link: str, address: str, *options: str) -> None:
        """Give this address by DHCPv6, and announce that there is no other way to one."""
        leases = f"--dhcp-leasefile={self.folder}/leases-v6"
        self._start_dnsmasq(
            link, leases, f"--dhcp-range={address},{address},64,1h", "--enable-ra", *options
        )

    def start_service(self, address: str) -> FakeService:
        """Start the Bare Metal API at `address`, port 6385."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = inside(
            self.services, lambda: socket.create_server((address, 6385), family=family)
        )
        self._service = FakeService(listener)
        return self._service

    def close(self) -> None:
        """End what runs in the namespaces, and the namespaces."""
        if self._service:
            self._service.shutdown()
            self._service.server_close()
        for namespace in (self.server, self.services):
            for pid in run("ip", "netns", "pids", namespace).split():
                os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "del", namespace)
        for process in self._processes:
            process.wait()


class Machine:
    """The server's file system as the agent sees it; `console` has the lines it wrote."""

    def __init__(self, site: Site, command_line: str) -> None:
        self._site = site
        self.console: list[str] = []
        self._said = threading.Condition()
        self._started: list[subprocess.Popen[str]] = []
        self._readers: list[threading.Thread] = []
        self._prepare(site.folder, command_line)
        self._holder = self._start(["sh", "-ec", self._set_up(), "sh", "sleep", "infinity"])
        self.wait_for("ready")

    def start_agent(self) -> subprocess.Popen[str]:
        """Start the agent, as the init of the ramdisk does."""
        target = f"--target={self._holder.pid}"
        command = ["nsenter", target, "--mount", "setpriv", "--bounding-set=-sys_time"]
        return self._start([*command, "/usr/bin/python3", "-I", "-m", "stbernard_agent"])

    def wait_for(self, text: str) -> str:
        """The first line of the console with `text` in it."""

        def said() -> list[str]:
            return [line for line in self.console if text in line]

        with self._said:
            if not self._said.wait_for(said, timeout=60):
                raise AssertionError(f"no {text!r} on the console: {''.join(self.console)}")
        return said()[0]

    def path(self, path: str) -> Path:
        """A file of the machine."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def ip(self, *arguments: str) -> str:
        return run("ip", "-n", self._site.server, *arguments)

    def processes(self) -> dict[int, str]:
        """The command lines of all processes in the machine, by process id."""
        pids = [int(pid) for pid in run("ip", "netns", "pids", self._site.server).split()]
        return {pid: shlex.join(_arguments(pid)) for pid in pids}

    def close(self) -> None:
        """End everything that runs in the machine."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        for process in self._started:
            process.wait()
        for reader in self._readers:
            reader.join()

    def _start(self, command: list[str]) -> subprocess.Popen[str]:
        enter = ["ip", "netns", "exec", self._site.server]
        process = subprocess.Popen([*enter, *command], stdout=subprocess.PIPE, text=True)
        self._started.append(process)
        self._readers.append(threading.Thread(target=self._read, args=(process,), daemon=True))
        self._readers[-1].start()
        return process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as output:
            for line in output:
                with self._said:
                    self.console.append(line)
                    self._said.notify_all()

    def _prepare(self, folder: Path, command_line: str) -> None:
        """Lay out what the machine has besides the host's files."""
        for changed in CHANGED_FOLDERS:
            (folder / "upper" / changed).mkdir(parents=True)
        (folder / "upper/etc/sudoers.d").mkdir()
        (folder / "upper/etc/resolv.conf").touch()
        (folder / "cmdline").write_text(command_line)
        package = Path(stbernard_agent.__file__).parent
        shutil.copytree(package, folder / "upper" / CHANGED_FOLDERS[-1] / "stbernard_agent")
        sshd = folder / "upper/usr/sbin/sshd"
        source = Path(__file__).with_name("fake_sshd.py").read_text()
        sshd.write_text(f"#!{sys.executable} -I\n{source}")
        sshd.chmod(0o755)

    def _set_up(self) -> str:
        """A shell script that makes the mounts, says `ready`, and then runs its arguments."""
        folder = self._site.folder
        work = shlex.quote(str(folder / "mounted"))
        lines = [
            f"mkdir {work}; mount -t tmpfs none {work}",
            f"cp -a {shlex.quote(str(folder / 'upper'))} {work}/upper",
        ]
        for changed in CHANGED_FOLDERS:
            options = (
                f"lowerdir=/{changed},upperdir={work}/upper/{changed},workdir={work}/w/{changed}"
            )
            lines.append(
                f"mkdir -p {work}/w/{changed}; mount -t overlay none -o {options} /{changed}"
            )
        lines += [
            "mount -t tmpfs none /run",
            f"mount --bind {shlex.quote(str(folder / 'cmdline'))} /proc/cmdline",
            'echo ready; exec "$@"',
        ]
        return "; ".join(lines)


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    except OSError:
        return []
