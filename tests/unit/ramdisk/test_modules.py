"""Which modules are chosen, and in which order they come."""

from pathlib import Path

import pytest

from stbernard.errors import RamdiskError
from stbernard.ramdisk import modules

DEPENDENCIES = {
    "kernel/drivers/net/virtio_net.ko": (
        "kernel/net/core/failover.ko",
        "kernel/drivers/virtio/virtio.ko",
    ),
    "kernel/drivers/net/virtio_net_other.ko": (),
    "kernel/drivers/virtio/virtio.ko": (),
    "kernel/drivers/virtio/deep/virtio_pci.ko": ("kernel/drivers/virtio/virtio.ko",),
    "kernel/net/core/failover.ko": (),
}


def test_a_name_is_a_module_or_a_directory() -> None:
    assert modules.select(DEPENDENCIES, ["drivers/virtio"]) == [
        "kernel/drivers/virtio/virtio.ko",
        "kernel/drivers/virtio/deep/virtio_pci.ko",
    ]
    assert modules.select(DEPENDENCIES, ["drivers/virtio/virtio"]) == [
        "kernel/drivers/virtio/virtio.ko"
    ]


def test_what_a_module_needs_comes_before_it() -> None:
    assert modules.select(DEPENDENCIES, ["drivers/net/virtio_net"]) == [
        "kernel/drivers/virtio/virtio.ko",
        "kernel/net/core/failover.ko",
        "kernel/drivers/net/virtio_net.ko",
    ]


def test_names_the_kernel_does_not_have_are_left_out() -> None:
    assert modules.select(DEPENDENCIES, ["fs/ntfs9"]) == []


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """A kernel version with loop and squashfs as modules and, built in, overlay."""
    folder = tmp_path / "6.1.0-1-test"
    needed = {"fs/squashfs/squashfs": "lib/zstd", "drivers/block/loop": "", "lib/zstd": ""}
    lines = []
    for name, needs in needed.items():
        file = folder / f"kernel/{name}.ko"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
        lines.append(f"kernel/{name}.ko: {f'kernel/{needs}.ko' if needs else ''}\n")
    (folder / "modules.dep").write_text("".join(lines))
    (folder / "modules.builtin").write_text("kernel/fs/overlayfs/overlay.ko\n")
    return folder


def test_the_initramfs_loads_its_modules_in_the_order_of_their_names(
    version: Path, tmp_path: Path
) -> None:
    modules.copy_layer_modules(version, tmp_path / "modules")
    assert [path.name for path in sorted((tmp_path / "modules").iterdir())] == [
        "00-loop.ko",
        "01-zstd.ko",
        "02-squashfs.ko",
    ]


def test_a_kernel_that_cannot_mount_the_layers_is_refused(version: Path, tmp_path: Path) -> None:
    (version / "modules.builtin").write_text("")
    with pytest.raises(RamdiskError, match=r"6\.1\.0-1-test has no module fs/overlayfs"):
        modules.copy_layer_modules(version, tmp_path / "modules")
