"""A dnsmasq of the service's own: DHCP and TFTP on one network interface ([dnsmasq]interface)."""

import os
import pwd
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import structlog

from stbernard.drivers.dhcp.dnsmasq import TOLD
from stbernard.errors import SettingsError
from stbernard.settings import Settings

log = structlog.get_logger()

_ASKED = re.compile(r"DHCPDISCOVER\([^)]*\) (?:[0-9.]+ )?((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\b")
PAUSE = 10  # seconds before a dnsmasq that has ended is started again

_CONFIGURATION = """\
port=0
interface={interface}
bind-dynamic
user={user}
log-facility=-
dhcp-authoritative
no-ping
# Firmware, iPXE, ramdisk and instance name themselves differently; one card has one address.
dhcp-ignore-clid
dhcp-leasefile={home}/leases
dhcp-hostsdir={hosts}
dhcp-optsdir={options}
enable-tftp
tftp-root={tftp_root}
# iPXE says so; whoever is not to be rescued is told there to boot from its disk.
dhcp-match=set:ipxe,175
dhcp-userclass=set:ipxe,iPXE
dhcp-boot=tag:ipxe,tag:!{told},{http_url}/boot.ipxe
# UEFI's HTTP boot takes only an answer that is meant for it.
dhcp-vendorclass=set:http,HTTPClient
dhcp-option-force=tag:http,60,HTTPClient
"""


@contextmanager
def own_dnsmasq(settings: Settings, heard: Callable[[str], None]) -> Iterator[None]:
    """Run it as long as this lasts, if one is wanted; `heard` is told the MAC address of each who
    asks for an address. Raises SettingsError."""
    if not settings.dnsmasq.interface:
        yield
        return
    server = _Server(_configure(settings), heard)
    server.start()
    try:
        yield
    finally:
        server.stop()


def _configure(settings: Settings) -> Path:
    """Its configuration, checked. Raises SettingsError."""
    ours = settings.dnsmasq
    if not ours.dhcp_range:
        raise SettingsError(
            "[dnsmasq]dhcp_range is not set: name the addresses that the service's dnsmasq may "
            f"give out on {ours.interface}, for example 192.0.2.100;192.0.2.199;1h."
        )
    home = Path(settings.default.state_path) / "dnsmasq"
    text = _CONFIGURATION.format(
        interface=ours.interface,
        user=pwd.getpwuid(os.geteuid()).pw_name,
        home=home,
        hosts=settings.dhcp_hostsdir,
        options=settings.dhcp_optsdir,
        tftp_root=settings.tftp_root,
        http_url=settings.http_url,
        told=TOLD,
    )
    text += "".join(f"dhcp-range={each.replace(';', ',')}\n" for each in ours.dhcp_range)
    text += f"conf-file={ours.conf_file}\n" if ours.conf_file else ""
    try:
        for folder in (home, settings.dhcp_hostsdir, settings.dhcp_optsdir, settings.tftp_root):
            folder.mkdir(parents=True, exist_ok=True)
        file = home / "dnsmasq.conf"
        file.write_text(text)
        test = ["dnsmasq", "--test", f"--conf-file={file}"]
        done = subprocess.run(test, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SettingsError(
            f"[dnsmasq]interface: no dnsmasq can be started: {error.filename}: {error.strerror}. "
            "Install it (apt-get install dnsmasq-base) and let the service write there."
        ) from error
    if done.returncode:
        raise SettingsError(f"[dnsmasq]: dnsmasq does not take this: {done.stderr.strip()}")
    return file


class _Server:
    """The process, started again when it ends by itself; its words go to the log."""

    def __init__(self, configuration: Path, heard: Callable[[str], None]) -> None:
        self._heard = heard
        # It ends with the thread that watches it, however that ends.
        self._command = ["setpriv", "--pdeathsig", "TERM", "dnsmasq", "--keep-in-foreground"]
        self._command.append(f"--conf-file={configuration}")
        self._stopping = Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = Thread(target=self._watch, name="dnsmasq", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._process:
            self._process.terminate()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            with subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True) as process:
                self._process = process
                if self._stopping.is_set():
                    process.terminate()
                assert process.stderr  # noqa: S101 (for the type checker)
                for line in process.stderr:
                    log.info("dnsmasq", says=line.strip().removeprefix("dnsmasq: "))
                    if asked := _ASKED.search(line):
                        self._heard(asked[1])
            if not self._stopping.is_set():
                log.error("dnsmasq ended, no server gets an address", status=process.returncode)
                self._stopping.wait(PAUSE)
