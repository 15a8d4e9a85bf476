"""Debian file systems from packages: mmdebstrap, fed from the host's own apt configuration."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from stbernard.errors import HostError
from stbernard.programs import run

LEAVE_OUT = tuple(
    f"path-exclude=/usr/share/{name}/*"
    for name in ("man", "doc", "locale", "info", "lintian", "i18n", "bug")
)


def codename() -> str:
    """The host's release, for example `bookworm` (os-release(5), VERSION_CODENAME)."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise HostError("/etc/os-release names no VERSION_CODENAME: this needs Debian")


def sources() -> list[str]:
    """sources.list(5) lines for the Debian archives this host uses, third-party ones left out.

    Raises HostError when apt knows none.
    """
    lines = run(
        *("apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"),
        *("Created-By: Packages", "Origin: Debian"),
    ).splitlines()
    if not lines:
        raise HostError("apt knows no Debian archive: run `apt-get update`")
    return sorted(set(lines))


def package_versions(packages: Iterable[str]) -> dict[str, str]:
    """The version apt would install of each package: what a cached image is made of."""
    versions = {}
    name = ""
    for line in run("apt-cache", "policy", *packages).splitlines():
        if not line.startswith(" "):
            name = line.rstrip(":")
        elif line.startswith("  Candidate: "):
            versions[name] = line.split()[1]
    return versions


def bootstrap(
    target: Path,
    *,
    packages: Sequence[str],
    variant: str = "essential",
    hooks: Sequence[str] = (),
    epoch: int = 0,
) -> None:
    """Install `packages` and what they depend on into the new directory `target`; needs root.

    `variant` is mmdebstrap's: `essential` is the least that can be configured, `extract` only
    unpacks. `hooks` are shell lines run at the end with the directory as `$1`. `epoch` (seconds)
    is the time stamp of what the packages' scripts write.
    Raises HostError, ProgramError.
    """
    options = [f"--dpkgopt={option}" for option in LEAVE_OUT]
    options += [f"--customize-hook={hook}" for hook in hooks]
    run(
        *("mmdebstrap", "--mode=root", "--format=directory", f"--variant={variant}", *options),
        *(f"--include={','.join(packages)}", codename(), target, "-"),
        stdin="\n".join(sources()) + "\n",
        environment={"SOURCE_DATE_EPOCH": str(epoch)},
    )
