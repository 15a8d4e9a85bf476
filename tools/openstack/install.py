"""What the private OpenStack is made of, had once and kept below .cache/openstack."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stbernard.programs import run

CACHE = (Path(__file__).parents[2] / ".cache").resolve() / "openstack"
PACKAGES = Path(__file__).with_name("packages.txt")
DEBIAN = (
    "erlang-asn1",
    "erlang-base",
    "erlang-crypto",
    "erlang-eldap",
    "erlang-ftp",
    "erlang-inets",
    "erlang-mnesia",
    "erlang-os-mon",
    "erlang-parsetools",
    "erlang-public-key",
    "erlang-runtime-tools",
    "erlang-snmp",
    "erlang-ssl",
    "erlang-syntax-tools",
    "erlang-tftp",
    "erlang-tools",
    "erlang-xmerl",
    "libmariadb3",
    "libsctp1",
    "mariadb-client-core",
    "mariadb-common",
    "mariadb-server-core",
    "rabbitmq-server",
)
"""Unpacked and not installed: installing some of them would start services on the host."""


@dataclass(frozen=True)
class Programs:
    """Where the programs are: `python`'s are the services, `debian` a tree like `/`."""

    python: Path
    debian: Path

    @property
    def libraries(self) -> dict[str, str]:
        """The environment in which the programs of `debian` find their libraries."""
        return {"LD_LIBRARY_PATH": str(self.debian / "usr/lib/x86_64-linux-gnu")}


def installed(cache: Path = CACHE) -> Programs:
    """The programs, had first if need be (2 minutes). Raises ProgramError."""
    python = kept(cache, f"services-{_mark(PACKAGES.read_text())}", _install_services)
    debian = kept(cache, f"programs-{_mark(' '.join(DEBIAN))}", _unpack_programs)
    return Programs(python / "bin", debian)


def kept(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of this name in the cache, made by `make` if it is not there yet whole."""
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / name
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = cache / f"{name}.done"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _install_services(folder: Path) -> None:
    # not a copy that is renamed when it is whole: an environment knows its own path
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    run(folder / "bin/pip", "install", "-qq", "--no-deps", "--requirement", PACKAGES)


def _unpack_programs(folder: Path) -> None:
    archives = folder / "archives"
    archives.mkdir()
    run("apt-get", "download", "-qq", *DEBIAN, cwd=archives)
    for archive in archives.iterdir():
        run("dpkg", "-x", archive, folder)
    shutil.rmtree(archives)
    # Erlang's scripts name the place they would be installed in.
    for script in (
        *folder.glob("usr/lib/erlang/bin/*"),
        *folder.glob("usr/lib/erlang/erts-*/bin/*"),
    ):
        if script.is_file() and script.read_bytes()[:2] == b"#!":
            text = script.read_text()
            script.write_text(text.replace("/usr/lib/erlang", f"{folder}/usr/lib/erlang"))
