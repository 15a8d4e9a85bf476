"""DNS servers and search domains in router advertisements (RDNSS and DNSSL, RFC 8106): the kernel
hands them on by rtnetlink."""

import socket
import struct
from collections.abc import Iterable, Iterator

RTMGRP_ND_USEROPT = 1 << 19  # RTNLGRP_ND_USEROPT, linux/rtnetlink.h
RTM_NEWNDUSEROPT = 68
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length with itself, type, flags, number, port
USER_OPTIONS = struct.Struct("=BBHiBBHI")  # nduseroptmsg: family, pad, bytes, link, type, code, pad
RDNSS, DNSSL = 25, 31
UNIT, ADDRESS = 8, 16  # bytes


class RouterDNS:
    """What routers have named on each link, as lines of resolv.conf(5).

    A line goes when its lifetime is over, which is looked at when a router is heard again, so that
    a router that falls silent takes nothing from people at work; and at once with a lifetime of 0.
    """

    def __init__(self) -> None:
        self._until: dict[str, dict[str, float]] = {}

    def hear(self, notices: bytes, now: float) -> dict[str, list[str]]:
        """All lines of each link that these notices are about.

        `notices` is what one read of the rtnetlink socket gave."""
        heard = set()
        for link, lifetime, lines in _options(notices):
            known = self._until.get(link, {}) | dict.fromkeys(lines, now + lifetime)
            self._until[link] = {line: until for line, until in known.items() if until > now}
            heard.add(link)
        return {link: [*self._until[link]] for link in heard}


def resolv_conf(sources: Iterable[str]) -> str:
    """One file of many, the first first. It has one `search`: of several the last alone counts."""
    lines = [line.split() for source in sources for line in source.splitlines() if line.strip()]
    domains = dict.fromkeys(word for line in lines if line[0] == "search" for word in line[1:])
    servers = dict.fromkeys(" ".join(line) for line in lines if line[0] != "search")
    search = [" ".join(("search", *domains))] if domains else []
    return "".join(f"{line}\n" for line in (*search, *servers))


def _options(notices: bytes) -> Iterator[tuple[str, int, list[str]]]:
    """Of each option the link, the lifetime in seconds, and its lines."""
    while len(notices) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(notices)
        if not HEADER.size <= length <= len(notices):
            return
        if kind == RTM_NEWNDUSEROPT:
            yield from _read(notices[HEADER.size : length])
        notices = notices[-(-length // 4) * 4 :]  # messages are aligned


def _read(message: bytes) -> Iterator[tuple[str, int, list[str]]]:
    _, _, size, index, *_ = USER_OPTIONS.unpack_from(message)
    options = message[USER_OPTIONS.size : USER_OPTIONS.size + size]
    while len(options) >= UNIT and (length := UNIT * options[1]):
        lifetime, named = int.from_bytes(options[4:UNIT], "big"), options[UNIT:length]
        if options[0] == RDNSS:
            link = socket.if_indextoname(index)
            whole = range(0, len(named) - ADDRESS + 1, ADDRESS)
            servers = (_text(named[at : at + ADDRESS], link) for at in whole)
            yield link, lifetime, [f"nameserver {server}" for server in servers]
        elif options[0] == DNSSL:
            domains = [f"search {domain}" for domain in _domains(named)]
            yield socket.if_indextoname(index), lifetime, domains
        options = options[length:]


def _text(address: bytes, link: str) -> str:
    text = socket.inet_ntop(socket.AF_INET6, address)
    return f"{text}%{link}" if text.startswith("fe80:") else text


def _domains(names: bytes) -> Iterator[str]:
    """Labels of a byte that says how long each is; an empty one ends a name, more are padding."""
    labels: list[bytes] = []
    while names:
        size = names[0]
        label, names = names[1 : 1 + size], names[1 + size :]
        if size:
            labels.append(label)
        elif labels:
            if all(
                label.translate(None, b"-_").isalnum() for label in labels
            ):  # anybody may send one
                yield b".".join(labels).decode()
            labels = []
