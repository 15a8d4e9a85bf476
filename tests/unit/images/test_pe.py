"""Debian's own signed and unsigned shim, and files that are something else."""

from pathlib import Path

import pytest

from stbernard.images.pe import HEAD, is_signed

SHIM = Path("/usr/lib/shim/shimx64.efi")


def head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def test_the_signed_one_is_told_from_the_other() -> None:
    assert is_signed(head(SHIM.with_suffix(".efi.signed")))
    assert not is_signed(head(SHIM))


@pytest.mark.parametrize("cut", [0, 1, 64, 150, 200])
def test_what_is_no_program_or_part_of_one_is_not_signed(cut: int) -> None:
    signed = head(SHIM.with_suffix(".efi.signed"))
    assert not is_signed(signed[:cut])
    assert not is_signed(b"MZ" + bytes(4000))
    assert not is_signed(b"\x7fELF" + signed[4:])
