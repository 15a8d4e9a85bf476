"""Which device is the boot medium: the volume's label, and never a disk."""

from pathlib import Path

import pytest

from stbernard_agent import medium


def volume(label: bytes) -> bytes:
    """The start of an ISO 9660 volume (ECMA-119, 8.4)."""
    descriptor = b"\x01CD001\x01\0" + b" " * 32 + label.ljust(32)
    return bytes(32768) + descriptor.ljust(2048, b"\0")


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "block").mkdir()
    (tmp_path / "dev").mkdir()
    monkeypatch.setattr(medium, "BLOCK_DEVICES", tmp_path / "block")
    monkeypatch.setattr(medium, "DEVICES", tmp_path / "dev")
    return tmp_path


def plug(devices: Path, name: str, content: bytes, removable: str) -> None:
    (devices / "block" / name).mkdir()
    (devices / "block" / name / "removable").write_text(removable)
    (devices / "dev" / name).write_bytes(content)


@pytest.mark.parametrize("label", [b"config-2", b"CONFIG-2"])
@pytest.mark.parametrize(("name", "removable"), [("sr0", "1"), ("sdb", "1")])
def test_a_medium_is_found(devices: Path, name: str, removable: str, label: bytes) -> None:
    plug(devices, "sda", volume(b"config-2"), "0")  # an instance's config drive
    plug(devices, name, volume(label), removable)
    assert medium._find() == devices / "dev" / name


@pytest.mark.parametrize("content", [b"", b"short", volume(b"Debian 12"), bytes(40000)])
def test_what_is_none(devices: Path, content: bytes) -> None:
    plug(devices, "sr0", content, "1")
    (devices / "block" / "sr1").mkdir()  # a drive without a medium
    assert medium._find() is None
