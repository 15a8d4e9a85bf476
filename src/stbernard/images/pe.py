"""Whether a program for UEFI, such as a Linux kernel, is signed (PE/COFF; UEFI 2.10, 32.2.2)."""

import struct

HEAD = 4096  # bytes from the start of a file that tell

_OPTIONAL_HEADER = 24  # bytes after the signature PE\0\0
_DIRECTORIES = {0x10B: 96, 0x20B: 112}  # in the optional header, by its magic number
_CERTIFICATE_TABLE = 4 * 8  # in the data directories


def is_signed(head: bytes) -> bool:
    """Whether there is a signature; whose it is, and if it is right, the firmware looks at."""
    try:
        if head[:2] != b"MZ":
            return False
        (header,) = struct.unpack_from("<I", head, 0x3C)
        if head[header : header + 4] != b"PE\0\0":
            return False
        optional = header + _OPTIONAL_HEADER
        (magic,) = struct.unpack_from("<H", head, optional)
        table = optional + _DIRECTORIES[magic] + _CERTIFICATE_TABLE
        offset, size = struct.unpack_from("<II", head, table)
    except (struct.error, KeyError):
        return False
    return bool(offset and size)
