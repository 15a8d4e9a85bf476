"""The real Ironic, from PyPI, in an environment of its own: what this service is compared with.

The environment is made once below .cache/ (45 s, 320 MB) and again when ironic.txt, the list of
what is in it, changes."""

import fcntl
import subprocess
import sys
from pathlib import Path

from stbernard.nodes import INTERFACES
from tests.service import Server

PACKAGES = Path(__file__).with_name("ironic.txt")
CACHE = Path(__file__).parents[1] / ".cache" / "ironic"

_CONFIG = """
[DEFAULT]
auth_strategy = noauth
host = ironic-1
my_ip = 127.0.0.1
rpc_transport = none
state_path = {folder}
use_stderr = true
enabled_hardware_types = fake-hardware
{interfaces}
default_rescue_interface = fake
[oslo_concurrency]
lock_path = {folder}/locks
[database]
connection = {database}
[conductor]
automated_clean = false
sync_power_state_interval = -1
workers_pool_size = 100
[api]
host_ip = 127.0.0.1
port = {port}
{config}
"""
_WITHOUT = {"network": "noop", "storage": "noop", "rescue": "no-rescue"}


class Ironic(Server):
    """Ironic in one process (API and conductor), without authentication, with fake hardware.

    `config` is added to its file and begins in the section [api]; `database` is a URL of
    SQLAlchemy's, by default of a SQLite file in `folder`."""

    def __init__(self, folder: Path, config: str = "", database: str | None = None) -> None:
        super().__init__(folder)
        self._programs = installed()
        self.database = database or f"sqlite:///{folder}/ironic.sqlite"
        interfaces = "\n".join(
            f"enabled_{kind}_interfaces = {','.join(_interfaces(kind))}" for kind in INTERFACES
        )
        self.config.write_text(
            _CONFIG.format(
                folder=folder,
                interfaces=interfaces,
                port=self.port,
                config=config,
                database=self.database,
            )
        )
        subprocess.run(
            [self._programs / "ironic-dbsync", "--config-file", self.config, "create_schema"],
            check=True,
            capture_output=True,
        )

    def start(self) -> "Ironic":
        """Start it and wait until it answers, or is dead."""
        self.launch(self._programs / "ironic", "--config-file", self.config)
        return self


def _interfaces(kind: str) -> tuple[str, ...]:
    if kind in ("boot", "deploy", "management", "power"):
        return ("fake",)
    other = _WITHOUT.get(kind, f"no-{kind}")
    return (other,) if kind == "network" else ("fake", other)


def installed(cache: Path = CACHE) -> Path:
    """The folder of Ironic's programs, installed first if need be."""
    cache.mkdir(parents=True, exist_ok=True)
    stamp = cache / "installed.txt"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != PACKAGES.read_text():
            subprocess.run([sys.executable, "-m", "venv", "--clear", cache / "venv"], check=True)
            subprocess.run(
                [cache / "venv/bin/pip", "install", "-qq", "--requirement", PACKAGES],
                check=True,
            )
            stamp.write_text(PACKAGES.read_text())
    return cache / "venv/bin"


__all__ = ["Ironic", "installed"]
