"""What the host must have for the lab. Run as a script, it prints the packages that are missing,
of these and of those it is given as arguments.

Uses the standard library only, so that the Makefile can run it before there is an environment.
"""

import subprocess
import sys
from collections.abc import Iterable

PACKAGES = (
    "busybox-static",
    "cpio",
    "dnsmasq-base",
    "e2fsprogs",
    "fdisk",
    "grub-common",
    "grub-efi-amd64-bin",
    "grub-efi-amd64-signed",
    "grub-pc-bin",
    "iproute2",
    "ipxe",
    "ipxe-qemu",
    "kmod",
    "mmdebstrap",
    "mtools",
    "openssh-client",  # to log in by hand; the agent's tests make host keys with it
    "openssl",  # the agents in tests make their certificates with it
    "ovmf",
    "qemu-system-x86",
    "qemu-utils",
    "shim-signed",
    "squashfs-tools",
    "xorriso",
    "zstd",
)


def missing_packages(others: Iterable[str] = ()) -> list[str]:
    """Those of PACKAGES, and of the others, that dpkg does not know as installed."""
    wanted = (*PACKAGES, *others)
    shown = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *wanted],
        capture_output=True,
        text=True,
        check=False,  # it fails when it has never heard of one
    ).stdout
    installed = {line.removesuffix(" installed") for line in shown.splitlines()}
    return [package for package in wanted if package not in installed]


if __name__ == "__main__":
    print(*missing_packages(sys.argv[1:]))
