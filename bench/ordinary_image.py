"""An image with ironic-python-agent as operators make theirs, to compare with: not ours in pieces.

What diskimage-builder's elements give, from Debian 12 and PyPI: one root file system with systemd,
NetworkManager, udev, the agent in a virtual environment and the tools it calls, packed as one cpio
that gzip compresses, which the kernel unpacks into RAM at boot. The kernel is the same as of our
ramdisk (cloud), and only one ssh host key is made at boot, an ed25519 one: both in its favour.
"""

import fcntl
import sys
import tempfile
from pathlib import Path

from stbernard.programs import run
from stbernard.ramdisk import debian, host, kernel
from stbernard.ramdisk.build import cached
from stbernard.ramdisk.ironic_python_agent import REQUIREMENTS
from stbernard.ramdisk.kernel import Kernel

PACKAGES = (
    # the system
    *("ca-certificates", "dbus", "iproute2", "kmod", "less", "linux-image-cloud-amd64", "login"),
    *("network-manager", "openssh-server", "passwd", "procps", "sudo", "systemd", "systemd-sysv"),
    *("udev", "vim-tiny", "python3", "python3-venv"),
    # what the agent calls
    *("bzip2", "curl", "dmidecode", "dosfstools", "e2fsprogs", "efibootmgr", "ethtool", "fdisk"),
    *("gdisk", "genisoimage", "hdparm", "ipmitool", "lshw", "lvm2", "mdadm", "nvme-cli"),
    *("open-iscsi", "parted", "pciutils", "psmisc", "qemu-utils", "rsync", "smartmontools"),
    *("util-linux", "xfsprogs", "btrfs-progs"),
)
VENV = "opt/ironic-python-agent"
UNIT = """\
[Unit]
Description=ironic-python-agent
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/local/sbin/agent-and-login
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
"""
AGENT = f"""\
#!/bin/sh
# The agent, until it has been given the rescue password; then the login it leaves to its image.
mkdir -p -m 700 /etc/ipa-rescue-config
until [ -e /etc/.rescued ]; do
    /{VENV}/bin/python -c 'from ironic_python_agent.cmd.agent import run; run()'
    sleep 1
done
useradd --create-home --shell /bin/bash rescue
echo "rescue:$(cat /etc/ipa-rescue-config/ipa-rescue-password)" | chpasswd --encrypted
echo 'rescue ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/rescue
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
systemctl start ssh
"""
IN_THE_IMAGE = f"""\
set -e
python3 -m venv /{VENV}
systemctl enable agent-and-login.service
systemctl disable ssh.service open-iscsi.service iscsid.socket
systemd-machine-id-setup
rm -f /etc/ssh/ssh_host_*
ln -sf sbin/init /init
"""
PACK = 'cd "$1" && find . ! -path "./boot/*" | cpio --create --quiet --format=newc | gzip -6 >"$2"'


def ensure_ordinary_image(cache: Path) -> Path:
    """The directory with its `kernel` and `ramdisk`, built when it is not there (5 minutes)."""
    host.require_host()
    cache.mkdir(parents=True, exist_ok=True)
    versions = [*map(str, host.resolve(PACKAGES)), str(kernel.resolve_kernel(Kernel.CLOUD))]
    key = host.digest([*versions, REQUIREMENTS.read_bytes(), Path(__file__).read_bytes()])
    with (cache / "ramdisk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return cached(cache, f"ordinary-{key}", build)


def build(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        tree = Path(scratch).resolve() / "tree"
        run(
            *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"),
            *(f"--aptopt={line}" for line in host.apt_proxy_options()),
            *(f"--include={','.join(PACKAGES)}", debian.suite(), tree),
            *host.apt_source_files(),
        )
        packages = next((tree / "usr/lib").glob("python3.*")).name
        unit = tree / "etc/systemd/system/agent-and-login.service"
        unit.write_text(UNIT)
        program = tree / "usr/local/sbin/agent-and-login"
        program.write_text(AGENT)
        program.chmod(0o755)
        run("chroot", tree, "sh", "-c", IN_THE_IMAGE)
        run(
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--disable-pip-version-check", "--root-user-action=ignore"),
            *("--target", tree / VENV / "lib" / packages / "site-packages"),
            *("--requirement", REQUIREMENTS),
        )
        (linux,) = (tree / "boot").glob("vmlinuz-*")
        (folder / "kernel").write_bytes(linux.read_bytes())
        (folder / "kernel").chmod(0o644)
        for leftover in ("var/cache/apt", "var/lib/apt/lists"):
            for file in (tree / leftover).rglob("*"):
                if file.is_file():
                    file.unlink()
        run("sh", "-e", "-c", PACK, "sh", tree, folder.resolve() / "ramdisk")
