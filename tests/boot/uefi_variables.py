"""What OVMF keeps in its flash: the boot entries and their order (UEFI 2.10, 3.1; the variable
store of EDK II's MdeModulePkg/Include/Guid/VariableFormat.h)."""

import struct
from pathlib import Path

_STORE = bytes.fromhex("782cf3aa7b949a43a1802e144ec37792")  # the authenticated store's GUID
_STORE_HEADER = 28
_VARIABLE = struct.Struct("<HBxI8x16x4xII16x")
_START, _VALID = 0x55AA, 0x3F


def boot_order(flash: Path) -> list[bytes]:
    """The boot entries in the order in which firmware tries them, then the one for the next boot
    only, if there is one: as they stand, byte by byte."""
    known = variables(flash.read_bytes())
    order = known["BootOrder"]
    numbers = struct.unpack(f"<{len(order) // 2}H", order)
    return [known[f"Boot{number:04X}"] for number in numbers] + [known.get("BootNext", b"")]


def variables(flash: bytes) -> dict[str, bytes]:
    """Those that are in force, by name."""
    at = flash.index(_STORE) + _STORE_HEADER
    found = {}
    while flash[at : at + 2] == _START.to_bytes(2, "little"):
        _, state, _, name_size, size = _VARIABLE.unpack_from(flash, at)
        at += _VARIABLE.size
        name = flash[at : at + name_size].decode("utf-16-le").rstrip("\0")
        if state == _VALID:
            found[name] = flash[at + name_size : at + name_size + size]
        at = at + name_size + size + 3 & ~3
    return found
