"""The DHCP provider `dnsmasq`: files that a dnsmasq reads as they come.

    dhcp_hostsdir/<mac>    `<mac>,set:<tag>,set:told`: the machine is known by a tag
    dhcp_optsdir/<node>    `tag:<tag>,…,<option>,<value>`: what machines with the tag are sent

dnsmasq notices new content at once, but does not forget what was in a file before. So a tag is
never used for something else, and a machine that is told nothing any more keeps a file with its
address only (dnsmasq(8), dhcp-hostsdir).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from stbernard.drivers.base import BootOption, Task
from stbernard.errors import HardwareError
from stbernard.nodes import Port, ports_for_boot
from stbernard.settings import Settings

TOLD = "told"  # the tag of every machine that is sent options from here
_TO = {"all": "", "ipxe": "tag:ipxe,", "firmware": "tag:!ipxe,"}


class DnsmasqDHCP:
    tells = True

    def __init__(self, settings: Settings) -> None:
        self._hosts = settings.dhcp_hostsdir
        self._options = settings.dhcp_optsdir

    def send(self, task: Task, options: Sequence[BootOption]) -> None:
        lines = [f"{_TO[option.to]}{option.number},{option.value}\n" for option in options]
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()[:8]
        tag = f"{task.node.uuid}-{digest}"
        content = "".join(f"tag:{tag},{line}" for line in lines)
        try:
            for folder in (self._hosts, self._options):
                folder.mkdir(parents=True, exist_ok=True)
            (self._options / task.node.uuid).write_text(content)
            for port in ports_for_boot(task.ports):
                self._host(port).write_text(f"{port.address},set:{tag},set:{TOLD}\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def forget(self, task: Task) -> None:
        try:
            for port in task.ports:
                if self._host(port).exists():
                    self._host(port).write_text(f"{port.address}\n")
            (self._options / task.node.uuid).unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _host(self, port: Port) -> Path:
        return self._hosts / port.address.lower().replace(":", "-")

    def _unwritable(self, error: OSError) -> HardwareError:
        return HardwareError(
            f"dnsmasq cannot be told what servers are to boot: {error.filename}: {error.strerror}. "
            f"Let the service write to {self._hosts} and {self._options}."
        )
