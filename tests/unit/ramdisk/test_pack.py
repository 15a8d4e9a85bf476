"""The archives: the same content gives the same bytes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stbernard.ramdisk import pack


def make_tree(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "link").symlink_to("a/one")
    return folder


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    """Two directories with the same content, made in another order and at another time."""
    one = make_tree(tmp_path / "one", ["a/one", "b", "a/two"])
    two = make_tree(tmp_path / "two", ["a/two", "a/one", "b"])
    for path in two.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    return one, two


needs = {tool: pytest.mark.skipif(not shutil.which(tool), reason=f"{tool} is not installed")
         for tool in ("cpio", "mksquashfs")}  # fmt: skip


@needs["cpio"]
def test_cpio_bytes_depend_on_content_only(twins: tuple[Path, Path], tmp_path: Path) -> None:
    archives = [tmp_path / "1.cpio", tmp_path / "2.cpio"]
    for tree, archive in zip(twins, archives, strict=True):
        pack.cpio(tree, archive)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    listing = subprocess.run(
        ["cpio", "-t", "--quiet", "-F", archives[0]], check=True, capture_output=True, text=True
    )
    assert listing.stdout.split() == ["a", "a/one", "a/two", "b", "link"]


@needs["mksquashfs"]
def test_squashfs_bytes_depend_on_content_only(twins: tuple[Path, Path], tmp_path: Path) -> None:
    images = [tmp_path / "1.squashfs", tmp_path / "2.squashfs"]
    for tree, image in zip(twins, images, strict=True):
        pack.squashfs(tree, image)
    assert images[0].read_bytes() == images[1].read_bytes()
