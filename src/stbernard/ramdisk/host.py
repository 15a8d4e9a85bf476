"""What the build asks of the machine it runs on."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stbernard.errors import RamdiskError
from stbernard.programs import run

TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "mksquashfs": "squashfs-tools",
    "cpio": "cpio",
    "depmod": "kmod",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
}
"""Host command to the Debian package that brings it."""

APT_LISTS = Path("/var/lib/apt/lists")


@dataclass(frozen=True, order=True)
class Package:
    """One Debian binary package in one version."""

    name: str
    version: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.architecture}"


def require_host() -> None:
    """Raises RamdiskError unless run as root, with the host tools and apt's package lists there."""
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        raise RamdiskError(f"missing host tools; install them: apt-get install {' '.join(missing)}")
    if os.geteuid() != 0:
        raise RamdiskError("building the ramdisk needs root (mmdebstrap mounts and chroots): sudo")
    if not any(APT_LISTS.glob("*_Packages*")):
        raise RamdiskError("apt has no package lists yet; fetch them: apt-get update")


class Architecture(StrEnum):
    """What a server's processors are, by Debian's name."""

    AMD64 = "amd64"
    ARM64 = "arm64"


def architecture() -> Architecture:
    """This machine's own. Raises RamdiskError for one that no ramdisk is built on."""
    name = run("dpkg", "--print-architecture").strip()
    try:
        return Architecture(name)
    except ValueError:
        raise RamdiskError(f"ramdisks are not built on {name}") from None


def resolve(names: Sequence[str], options: Sequence[str] = ()) -> list[Package]:
    """The packages that apt would install on an empty system for these names.

    Essential ones included. Reads apt's lists (the host's own, unless `options` for apt say
    otherwise) and changes nothing. Raises ProgramError for a name apt does not know.
    """
    output = run(
        *("apt-get", *options, "--simulate", "--quiet=2", "--no-install-recommends"),
        *("--option", "Dir::State::status=/dev/null"),
        *("install", "?essential", *names),
    )
    return parse_simulation(output)


def parse_simulation(output: str) -> list[Package]:
    """`Inst NAME (VERSION ORIGIN… [ARCHITECTURE])` lines of `apt-get --simulate`, sorted."""
    found = re.findall(r"^Inst (\S+) \((\S+) .*?\[(\S+)\]\)", output, re.MULTILINE)
    return sorted(Package(*match) for match in found)


def apt_source_files() -> list[Path]:
    """The host's enabled apt sources. Raises RamdiskError when there are none."""
    etc = Path("/etc/apt")
    parts = etc / "sources.list.d"
    files = [etc / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]
    present = [file for file in files if file.exists() and file.stat().st_size]
    if not present:
        raise RamdiskError("no apt sources in /etc/apt: the ramdisk is made from the host's own")
    return present


def apt_proxy_options() -> list[str]:
    """The host's apt proxy settings, one `Acquire::…::Proxy "…";` line each."""
    lines = run("apt-config", "dump").splitlines()
    return [line for line in lines if re.match(r'Acquire::\w+::Proxy(::\S+)? "\S', line)]


def digest(parts: Iterable[str | bytes]) -> str:
    """A short key for a sequence of texts and file contents, in order."""
    key = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        key.update(len(data).to_bytes(8, "big") + data)
    return key.hexdigest()[:16]
