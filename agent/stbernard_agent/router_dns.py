"""DNS servers in router advertisements (RDNSS, RFC 8106): the kernel hands them on by rtnetlink."""

import socket
import struct
from collections.abc import Iterator

RTMGRP_ND_USEROPT = 1 << 19  # RTNLGRP_ND_USEROPT, linux/rtnetlink.h
RTM_NEWNDUSEROPT = 68
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length with itself, type, flags, number, port
USER_OPTIONS = struct.Struct("=BBHiBBHI")  # nduseroptmsg: family, pad, bytes, link, type, code, pad
RDNSS = 25
UNIT, ADDRESS = 8, 16  # bytes


def servers_in(notices: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each link that a router has named DNS servers on, and them; none: it takes them back.

    `notices` is what one read of the rtnetlink socket gave."""
    while len(notices) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(notices)
        if not HEADER.size <= length <= len(notices):
            return
        if kind == RTM_NEWNDUSEROPT:
            yield from _read(notices[HEADER.size : length])
        notices = notices[-(-length // 4) * 4 :]  # messages are aligned


def _read(message: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
    _, _, size, index, *_ = USER_OPTIONS.unpack_from(message)
    options = message[USER_OPTIONS.size : USER_OPTIONS.size + size]
    while len(options) >= UNIT and (length := UNIT * options[1]):
        if options[0] == RDNSS:
            link = socket.if_indextoname(index)
            lifetime = int.from_bytes(options[4:UNIT], "big")
            named = options[UNIT:length] if lifetime else b""
            whole = range(0, len(named) - ADDRESS + 1, ADDRESS)
            yield link, tuple(_text(named[at : at + ADDRESS], link) for at in whole)
        options = options[length:]


def _text(address: bytes, link: str) -> str:
    text = socket.inet_ntop(socket.AF_INET6, address)
    return f"{text}%{link}" if text.startswith("fe80:") else text
