"""What the kernel hands on of router advertisements."""

import socket

from stbernard_agent.router_dns import HEADER, RDNSS, RTM_NEWNDUSEROPT, USER_OPTIONS, servers_in

LOOPBACK = socket.if_nametoindex("lo")


def option(kind: int, content: bytes) -> bytes:
    return bytes([kind, (2 + len(content)) // 8]) + content


def servers(lifetime: int, *addresses: str) -> bytes:
    packed = b"".join(socket.inet_pton(socket.AF_INET6, address) for address in addresses)
    return option(RDNSS, bytes(2) + lifetime.to_bytes(4, "big") + packed)


def notice(options: bytes, kind: int = RTM_NEWNDUSEROPT) -> bytes:
    body = USER_OPTIONS.pack(socket.AF_INET6, 0, len(options), LOOPBACK, 134, 0, 0, 0) + options
    return HEADER.pack(HEADER.size + len(body), kind, 0, 0, 0) + body


def test_servers_are_read_among_other_notices() -> None:
    names = option(31, bytes(14))  # search domains
    read = notice(b"", kind=16) + notice(names + servers(600, "fd00::5", "fe80::1"))
    assert list(servers_in(read)) == [("lo", ("fd00::5", "fe80::1%lo"))]


def test_a_lifetime_of_nothing_takes_them_back() -> None:
    assert list(servers_in(notice(servers(0, "fd00::5")))) == [("lo", ())]


def test_what_is_cut_short_names_nobody() -> None:
    whole = notice(servers(600, "fd00::5"))
    assert [list(servers_in(whole[:size])) for size in (0, 10, len(whole) - 1)] == [[], [], []]
    assert list(servers_in(notice(bytes(8)))) == []  # an option without a length
