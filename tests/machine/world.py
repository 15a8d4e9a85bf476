"""A lab with one machine and a service that tests start, stop, kill and configure anew."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import requests
import sushy

from stbernard.lab import network
from stbernard.lab.lab import Lab
from stbernard.lab.resets import LAST_RESET
from stbernard.lab.service import CONFIGURATION, PROGRAMS, client_command

BOOT = 300  # seconds for a boot, on a busy host
HEADERS = {"X-OpenStack-Ironic-API-Version": "1.115"}
INSTANCE_BOOTS = "instance login:"
RAMDISK_BOOTS = "stbernard-agent"


class World:
    """`node` is the UUID of the lab's machine as a node; `password` root's on its instance."""

    def __init__(self, lab: Lab, ramdisk: Path) -> None:
        self.lab = lab
        self.machine = lab.machines[0]
        self.node = self.machine.uuid
        self.ramdisk = ramdisk.absolute()
        self.state = lab.state_dir / "service"
        self.state.mkdir()
        self.log = lab.state_dir / "service.log"
        self.service: subprocess.Popen[bytes] | None = None

    def start(self, options: str = "") -> None:
        """Start the service with these options on top; what it knows stays from run to run."""
        file = self.lab.state_dir / "stbernard.conf"
        known = CONFIGURATION.format(host=network.HOST, state=self.state, ramdisk=self.ramdisk)
        file.write_text(known)
        more = self.lab.state_dir / "more.conf"
        more.write_text(options)
        files: list[str | Path] = ["--config-file", file, "--config-file", more]
        self.lab.run(PROGRAMS / "stbernard", "db", "upgrade", *files)
        self.service = self.lab.start("service", [PROGRAMS / "stbernard", "serve", *files])
        self.lab.wait_port(network.HOST, 6385, 60)

    def stop(self) -> int:
        assert self.service
        self.service.terminate()
        return self.service.wait(60)

    def kill(self) -> None:
        assert self.service
        self.service.kill()
        self.service.wait()

    def client(self, line: str) -> str:
        """`openstack LINE`, as people type it."""
        return self.lab.run(*client_command(line))

    def call(self, method: str, path: str, json: Any = None) -> requests.Response:
        with self.lab.inside():
            return requests.request(
                method, f"{network.API_URL}{path}", json=json, headers=HEADERS, timeout=60
            )

    def show(self) -> Any:
        answer = self.call("GET", f"/v1/nodes/{self.node}")
        assert answer.ok, answer.text
        return answer.json()

    def told(self) -> Any:
        """What the service tells of the last rescue."""
        return self.call("GET", f"/v1/nodes/{self.node}/rescue").json()

    def reset(self, how: sushy.ResetType) -> None:
        """By the machine's BMC, past the service."""
        machine = self.machine
        with self.lab.inside():
            root = sushy.Sushy(machine.bmc_address, machine.bmc_username, machine.bmc_password)
            root.get_system(machine.system_id).reset_system(how)

    def leave(self, password: str) -> None:
        """`reboot`, typed in the rescue."""
        self.ssh("rescue", password, "sudo nohup sh -c 'sleep 1; reboot' >/dev/null 2>&1 &")

    @contextmanager
    def bmc_that_misses_resets(self) -> Iterator[None]:
        """As many do: it cannot write down another one."""
        hindrance = self.machine.home / f"{LAST_RESET}.new"
        hindrance.mkdir()
        try:
            yield
        finally:
            hindrance.rmdir()

    @contextmanager
    def without_ssh(self) -> Iterator[None]:
        """The service reaches no ssh of the machine; all else it does."""
        rule = "ipproto tcp dport 22 prohibit"
        for family in ("-4", "-6"):
            self.lab.run("ip", family, "rule", "add", *rule.split())
        try:
            yield
        finally:
            for family in ("-4", "-6"):
                self.lab.run("ip", family, "rule", "del", *rule.split())

    def provision(self, target: str, **arguments: Any) -> requests.Response:
        body = {"target": target, **arguments}
        return self.call("PUT", f"/v1/nodes/{self.node}/states/provision", body)

    def rescue(self, password: str) -> None:
        assert self.provision("rescue", rescue_password=password).status_code == 202

    def wait_for_state(self, *states: str, within: float = BOOT) -> Any:
        """The node, when it is in one of these provision states."""
        node: Any = None

        def there() -> bool:
            nonlocal node
            node = self.show()
            return node["provision_state"] in states

        self.wait(there, f"the node is {' or '.join(states)}", within)
        return node

    def wait_for_good(self, good: str, bad: str, within: float = BOOT) -> None:
        """Until it is in the state `good`; in `bad`, all is told that may say why it is."""
        node = self.wait_for_state(good, bad, within=within)
        if node["provision_state"] != good or node["last_error"]:
            said = f"{node['provision_state']}, last_error: {node['last_error']}"
            raise AssertionError(f"{said}\n{self._ends()}")

    def _ends(self) -> str:
        """The ends of the logs, in which dnsmasq's are when the service has one of its own."""
        logs = (self.log, self.lab.state_dir / "dnsmasq.log", self.machine.serial_log)
        there = [log for log in logs if log.exists()]
        return "\n".join(
            f"--- {log.name} ends:\n{log.read_bytes().decode('latin-1')[-6000:]}" for log in there
        )

    def wait(self, true: Callable[[], bool], what: str, within: float = BOOT) -> None:
        deadline = time.monotonic() + within
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not within {within} s: {what}\n{self._ends()}")
            time.sleep(0.2)

    def wait_serial(self, pattern: str) -> None:
        """Wait for what the machine prints after all that was waited for before."""
        self.lab.wait_serial(self.machine, pattern, BOOT)

    def ssh(self, user: str, password: str, command: str) -> str:
        """What the command prints. Raises asyncssh.PermissionDenied for a wrong password."""

        async def login() -> str:
            async with asyncssh.connect(
                self.machine.address,
                username=user,
                password=password,
                known_hosts=None,
                client_keys=None,
                agent_path=None,
                config=None,
                login_timeout=BOOT,
            ) as connection:
                return str((await connection.run(command, check=True)).stdout)

        self.lab.wait_port(self.machine.address, 22, BOOT)
        with self.lab.inside():
            return asyncio.run(login())
