"""Rescue media, made by the real programs and read back."""

import hashlib
from pathlib import Path

import pytest

from stbernard.errors import ImageError
from stbernard.images import iso
from stbernard.programs import run

ARGUMENTS = "nofb a=$b; ipa-api-url=http://10.0.0.1:6385 it's=1"


@pytest.fixture
def loaders(tmp_path: Path) -> Path:
    return iso.ensure_loaders(tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Path]:
    for name in ("kernel", "ramdisk"):
        (tmp_path / name).write_bytes(name.encode() * 5000)
    return {name: tmp_path / name for name in ("kernel", "ramdisk")}


def made(tmp_path: Path, loaders: Path, images: dict[str, Path], data: bytes = b"{}") -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return iso.write_iso(folder, loaders, images, ARGUMENTS, data)


def unpacked(medium: Path, target: Path) -> Path:
    run("xorriso", "-osirrox", "on", "-indev", medium, "-extract", "/", target)
    run("chmod", "-R", "u+w", target)
    return target


def test_a_medium_boots_on_both_firmwares_and_holds_what_it_was_given(
    tmp_path: Path, loaders: Path, images: dict[str, Path]
) -> None:
    medium = made(tmp_path, loaders, images, b'{"links": []}')
    assert iso.boot_modes(medium) == {"bios", "uefi"}
    tree = unpacked(medium, tmp_path / "unpacked")
    for name, image in images.items():
        assert (tree / "boot" / name).read_bytes() == image.read_bytes()
    assert (tree / "openstack/latest/network_data.json").read_text() == '{"links": []}'
    assert medium.read_bytes()[0x8028:0x8048].strip() == b"config-2"


def test_two_that_make_the_loaders_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has looked before the other one was through."""
    exists = Path.exists
    monkeypatch.setattr(
        Path, "exists", lambda path: not path.name.startswith("loaders-") and exists(path)
    )
    assert iso.ensure_loaders(tmp_path) == iso.ensure_loaders(tmp_path)


def test_grub_is_told_each_argument_as_it_is(
    tmp_path: Path, loaders: Path, images: dict[str, Path]
) -> None:
    medium = made(tmp_path, loaders, images)
    script = (unpacked(medium, tmp_path / "unpacked") / "boot/grub/grub.cfg").read_text()
    [line] = [line for line in script.splitlines() if line.startswith("linux ")]
    # GRUB's quoting is the shell's.
    words = run("sh", "-c", f"printf '%s\\n' {line.removeprefix('linux /boot/kernel ')}")
    assert words.split() == ARGUMENTS.split()


def test_without_network_data_there_is_no_file_of_it(
    tmp_path: Path, loaders: Path, images: dict[str, Path]
) -> None:
    medium = made(tmp_path, loaders, images, b"")
    tree = unpacked(medium, tmp_path / "unpacked")
    assert list((tree / "openstack/latest").iterdir()) == []


def test_images_and_loaders_are_not_touched(
    tmp_path: Path, loaders: Path, images: dict[str, Path]
) -> None:
    files = [*images.values(), *loaders.iterdir()]
    before = [hashlib.sha256(path.read_bytes()).digest() for path in files]
    made(tmp_path, loaders, images)
    assert [hashlib.sha256(path.read_bytes()).digest() for path in files] == before


def test_loaders_are_made_once(tmp_path: Path, loaders: Path) -> None:
    times = [path.stat().st_mtime_ns for path in loaders.iterdir()]
    assert iso.ensure_loaders(tmp_path) == loaders
    assert [path.stat().st_mtime_ns for path in loaders.iterdir()] == times
    assert [path.name for path in tmp_path.iterdir()] == [loaders.name]


def test_a_medium_for_one_firmware_is_told_from_others(tmp_path: Path, loaders: Path) -> None:
    (tmp_path / "tree").mkdir()
    for image, name in {"bios.img": "-b", "uefi.img": "-e"}.items():
        (tmp_path / "tree" / image).write_bytes((loaders / image).read_bytes())
        run(
            *("xorriso", "-as", "mkisofs", "-quiet", "-o", tmp_path / f"{image}.iso"),
            *(name, image, "-no-emul-boot", tmp_path / "tree"),
        )
    assert iso.boot_modes(tmp_path / "bios.img.iso") == {"bios"}
    assert iso.boot_modes(tmp_path / "uefi.img.iso") == {"uefi"}


def test_what_is_no_medium_boots_nowhere(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_text("data")
    run("xorriso", "-as", "mkisofs", "-quiet", "-o", tmp_path / "data.iso", tmp_path / "tree")
    (tmp_path / "short").write_bytes(b"no ISO")
    (tmp_path / "long").write_bytes(bytes(1 << 20))
    for name in ("data.iso", "short", "long"):
        assert iso.boot_modes(tmp_path / name) == frozenset()


def test_a_host_without_the_loaders_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert iso.missing_packages() == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert iso.missing_packages() == ["grub-common", "mtools", "xorriso"]
    with pytest.raises(ImageError, match="No boot loader for rescue media: grub-mkimage"):
        iso.ensure_loaders(tmp_path)
