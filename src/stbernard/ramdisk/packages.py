"""What is inside the ramdisk, as Debian package names."""

TOOLS = {
    "to boot and to be reached": (
        "busybox-static",
        "ca-certificates",
        "curl",
        "iproute2",
        "iputils-ping",
        "kmod",
        "login",
        "openssh-client",
        "openssh-server",
        "openssl",
        "passwd",
        "python3",
        "sudo",
        "udev",
        "usr-is-merged",
        "util-linux",
    ),
    "disks and partitions": (
        "dmsetup",
        "fdisk",
        "gdisk",
        "nvme-cli",
        "parted",
        "smartmontools",
    ),
    "volumes, arrays, encryption": ("cryptsetup-bin", "lvm2", "mdadm"),
    "file systems": ("btrfs-progs", "dosfstools", "e2fsprogs", "ntfs-3g", "xfsprogs"),
    "getting data back": ("gddrescue", "rsync", "testdisk"),
    "hardware": ("dmidecode", "efibootmgr", "ethtool", "pciutils"),
    "working by hand": (
        "bzip2",
        "file",
        "less",
        "nano",
        "procps",
        "tmux",
        "vim-tiny",
        "xz-utils",
        "zstd",
    ),
}

PACKAGES = tuple(sorted(name for names in TOOLS.values() for name in names))
"""The packages of every ramdisk; people add theirs with `--package`."""

LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/i18n/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/zoneinfo/right/*",
    "/usr/lib/*/gconv/*",  # only C.UTF-8 is spoken in the ramdisk
    "/usr/lib/*/libicu*",  # 36 MB that only xfs_scrub asks for
    "/lib/udev/hwdb*",  # names of PCI and USB devices: 22 MB for udev, and lspci has its own
)
"""Paths of those packages that dpkg does not unpack."""
