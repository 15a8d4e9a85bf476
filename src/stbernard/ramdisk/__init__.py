"""Builds the rescue ramdisk.

`build.py` is the way in. A ramdisk is one cpio archive that holds a tiny busybox
initramfs and three read-only squashfs layers, stacked at boot below a RAM disk:

    3-rescue    init, configuration and agent of this project   (`rescue.py`, seconds to build)
    2-modules   the kernel's drivers                            (`kernel.py`, seconds)
    1-debian    Debian packages                                 (`debian.py`, minutes)

Each layer is cached on what it is made of.
"""
