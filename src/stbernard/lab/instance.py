"""The instance: a small Debian on a disk image, whose root password nobody knows.

Built without loop devices: mke2fs fills the file system from a directory and sfdisk writes the
partition table. For BIOS, GRUB's core image goes into the gap between them; for UEFI there is a
second partition (FAT, by mtools) with Debian's signed shim and GRUB, which Secure Boot takes.
"""

import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stbernard.lab import initramfs
from stbernard.programs import run
from stbernard.ramdisk import build, debian, host, kernel

PACKAGES = ("dbus", "login", "openssh-server", "passwd", "systemd-sysv", "udev")
MODULES = (
    "drivers/acpi/button",
    "drivers/block/virtio_blk",
    "drivers/input/evdev",
    "drivers/net/virtio_net",
    "drivers/virtio/virtio_pci",
    "fs/ext4/ext4",
)
PARTITION_MB = 640
ESP_MB = 48
HOSTNAME = "instance"

FILES = {
    "etc/hostname": f"{HOSTNAME}\n",
    "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {HOSTNAME}\n",
    "etc/fstab": "/dev/vda1 / ext4 defaults 0 0\n",
    "etc/ssh/sshd_config.d/lab.conf": "PermitRootLogin yes\nPasswordAuthentication yes\n"
    "UseDNS no\n",
    "etc/systemd/network/lab.network": "[Match]\nName=en* eth*\n"
    "[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    # The lab's addresses hang on the MAC, as the boot ROM asks for them.
    # A host name from DHCP would start one more service.
    "[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\nUseNTP=no\nUseTimezone=no\n",
}

# What a throw-away machine does without, so that it boots quickly in emulation.
MASKED = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "kmod-static-nodes.service",
    "modprobe@.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-journal-flush.service",
    "systemd-modules-load.service",
    "systemd-network-generator.service",
    "systemd-networkd-wait-online.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-sysusers.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)

INIT = """\
#!/bin/sh
export PATH=/bin
busybox mount -t devtmpfs dev /dev
for module in /modules/*.ko; do busybox insmod $module; done
until [ -b /dev/vda1 ]; do busybox sleep 0.1; done
busybox mount -t ext4 /dev/vda1 /mnt
busybox mount -o move /dev /mnt/dev
exec busybox switch_root /mnt /sbin/init
"""

# The last four do without what costs an emulated processor time; with Secure Boot the kernel
# measures its modules, which needs `integrity`.
KERNEL_ARGUMENTS = (
    "root=/dev/vda1 console=ttyS0 systemd.show_status=1 quiet nokaslr mitigations=off lsm=integrity"
)
GRUB = f"""\
echo GRUB starts the instance
linux (hd0,msdos1)/boot/vmlinuz {KERNEL_ARGUMENTS}
initrd (hd0,msdos1)/boot/initrd.img
boot
"""
GRUB_BIOS = f"""\
serial --unit=0 --speed=115200
terminal_output serial
{GRUB}"""
GRUB_BOOT_SECTOR = "/usr/lib/grub/i386-pc/boot.img"
GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "serial", "terminal", "echo", "boot")
ESP_FILES = {
    "EFI/BOOT/BOOTX64.EFI": Path("/usr/lib/shim/shimx64.efi.signed"),
    "EFI/BOOT/grubx64.efi": Path("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"),
}
"""Where firmware without a boot entry looks, and where that GRUB is looked for by shim."""
GRUB_UEFI_CONFIGURATION = "EFI/debian/grub.cfg"


@dataclass(frozen=True)
class Instance:
    """A built instance: `disk` is qcow2, for use as a backing file only; `kernel` a bzImage."""

    disk: Path
    kernel: Path


def ensure_instance(cache_dir: Path) -> Instance:
    """The instance from the cache, built there if what it is made of has changed (about 1 min).

    Needs root. Raises RamdiskError, ProgramError.
    """
    linux = kernel.resolve_kernel(kernel.Kernel.CLOUD)
    recipe = map(build.read_code, (__file__, initramfs.__file__, debian.__file__))
    key = host.digest([*map(str, host.resolve(PACKAGES)), str(linux), *recipe])
    cache_dir = cache_dir.absolute()
    cache_dir.mkdir(parents=True, exist_ok=True)
    with build.locked(cache_dir / "instance.lock"):
        home = build.cached(cache_dir, f"instance-{key}", lambda out: _build(linux, out))
    return Instance(disk=home / "disk.qcow2", kernel=home / "vmlinuz")


def _build(linux: host.Package, out: Path) -> None:
    with tempfile.TemporaryDirectory(dir=out, ignore_cleanup_errors=True) as name:
        work = Path(name)
        root = work / "root"
        kernel.unpack(linux, work, work / "kernel")
        debian.install(PACKAGES, root)
        [vmlinuz] = (work / "kernel/boot").glob("vmlinuz-*")
        shutil.copy(vmlinuz, out / "vmlinuz")
        _configure(root)
        shutil.copy(vmlinuz, root / "boot/vmlinuz")
        initramfs.pack(
            INIT, target=root / "boot/initrd.img", kernel=work / "kernel", modules=MODULES
        )
        _make_disk(work, root, out / "disk.qcow2")


def _configure(root: Path) -> None:
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "etc/machine-id").write_text(secrets.token_hex(16) + "\n")
    for unit in MASKED:
        (root / "etc/systemd/system" / unit).unlink(missing_ok=True)
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    run("chroot", root, "systemctl", "--quiet", "enable", "systemd-networkd")
    run("chroot", root, "chpasswd", stdin=f"root:{secrets.token_urlsafe()}")


def _make_disk(work: Path, root: Path, disk: Path) -> None:
    raw = work / "disk.raw"
    partition = work / "partition.raw"
    run("mke2fs", "-q", "-t", "ext4", "-d", root, partition, f"{PARTITION_MB}M")
    run("truncate", "-s", f"{PARTITION_MB + ESP_MB + 1}M", raw)
    run("sfdisk", "-q", raw, stdin=f"1MiB,{PARTITION_MB}MiB,L,*\n{PARTITION_MB + 1}MiB,,U\n")
    _write(partition, raw, at_mb=1)
    _write(_esp(work), raw, at_mb=PARTITION_MB + 1)
    _install_grub_for_bios(work, raw)
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disk)


def _write(content: Path, disk: Path, at_mb: int) -> None:
    run("dd", f"if={content}", f"of={disk}", "bs=1M", f"seek={at_mb}", "conv=notrunc,sparse")


def _esp(work: Path) -> Path:
    """The EFI system partition."""
    image, configuration = work / "esp.raw", work / "uefi.cfg"
    configuration.write_text(GRUB)
    run("truncate", "-s", f"{ESP_MB}M", image)
    run("mformat", "-i", image, "-F", "::")
    run("mmd", "-i", image, "::EFI", "::EFI/BOOT", "::EFI/debian")
    for name, source in {**ESP_FILES, GRUB_UEFI_CONFIGURATION: configuration}.items():
        run("mcopy", "-i", image, source, f"::{name}")
    return image


def _install_grub_for_bios(work: Path, raw: Path) -> None:
    core, early = work / "core.img", work / "grub.cfg"
    early.write_text(GRUB_BIOS)
    run(
        *("grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/boot/grub"),
        *("-c", early, *GRUB_MODULES),
    )
    # The boot sector's first 440 bytes; the partition table lies behind them.
    run("dd", f"if={GRUB_BOOT_SECTOR}", f"of={raw}", "bs=440", "count=1", "conv=notrunc")
    run("dd", f"if={core}", f"of={raw}", "bs=512", "seek=1", "conv=notrunc")
