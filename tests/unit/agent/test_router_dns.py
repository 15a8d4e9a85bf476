"""What the kernel hands on of router advertisements, and what becomes of it in resolv.conf."""

import socket

import pytest

from stbernard_agent.router_dns import (
    DNSSL,
    HEADER,
    RDNSS,
    RTM_NEWNDUSEROPT,
    USER_OPTIONS,
    RouterDNS,
    resolv_conf,
)

LOOPBACK = socket.if_nametoindex("lo")
FIVE, SIX = "nameserver fd00::5", "nameserver fd00::6"


def option(kind: int, lifetime: int, content: bytes) -> bytes:
    padding = bytes(-len(content) % 8)
    head = bytes([kind, (8 + len(content) + len(padding)) // 8, 0, 0])
    return head + lifetime.to_bytes(4, "big") + content + padding


def servers(lifetime: int, *addresses: str) -> bytes:
    packed = (socket.inet_pton(socket.AF_INET6, address) for address in addresses)
    return option(RDNSS, lifetime, b"".join(packed))


def domains(lifetime: int, *names: str) -> bytes:
    labels = (label.encode() for name in names for label in f"{name}.".split("."))
    packed = (bytes([len(label)]) + label for label in labels)
    return option(DNSSL, lifetime, b"".join(packed))


def notice(options: bytes, kind: int = RTM_NEWNDUSEROPT) -> bytes:
    body = USER_OPTIONS.pack(socket.AF_INET6, 0, len(options), LOOPBACK, 134, 0, 0, 0) + options
    return HEADER.pack(HEADER.size + len(body), kind, 0, 0, 0) + body


def heard(*options: bytes) -> list[str]:
    """What is known of the link after these, a second between them."""
    dns, last = RouterDNS(), {"lo": ["nothing"]}
    for second, each in enumerate(options):
        last = dns.hear(notice(each), float(second))
    return last["lo"]


def test_servers_are_read_among_other_notices() -> None:
    of_a_portal = option(37, 0, bytes(8))
    read = notice(b"", kind=16) + notice(of_a_portal + servers(600, "fd00::5", "fe80::1"))
    assert RouterDNS().hear(read, 0.0) == {"lo": [FIVE, "nameserver fe80::1%lo"]}
    assert RouterDNS().hear(notice(of_a_portal), 0.0) == {}


def test_search_domains() -> None:
    names = domains(600, "example.org", "lab.example.org")
    assert heard(names) == ["search example.org", "search lab.example.org"]


def test_each_router_adds_its_own() -> None:
    assert heard(servers(600, "fd00::5"), servers(600, "fd00::6")) == [FIVE, SIX]


def test_a_lifetime_of_nothing_withdraws_what_it_names() -> None:
    assert heard(servers(600, "fd00::5", "fd00::6"), servers(0, "fd00::5")) == [SIX]
    names = domains(600, "example.org", "lab.example.org")
    assert heard(names, domains(0, "lab.example.org")) == ["search example.org"]


def test_a_lifetime_ends_unless_it_is_renewed() -> None:
    first, other = servers(2, "fd00::5"), servers(600, "fd00::6")
    assert heard(first, other, other) == [SIX]
    assert heard(first, first, other) == [FIVE, SIX]
    forever = servers(0xFFFFFFFF, "fd00::5")
    assert heard(forever, *[other] * 5) == [FIVE, SIX]


def test_what_is_cut_short_names_nobody() -> None:
    whole = notice(servers(600, "fd00::5"))
    assert [RouterDNS().hear(whole[:size], 0) for size in (0, 10, len(whole) - 1)] == [{}] * 3
    assert RouterDNS().hear(notice(bytes(8)), 0) == {}  # an option without a length
    assert heard(option(DNSSL, 600, b"\x3fexample")) == []


@pytest.mark.parametrize("name", ["a b", "a\nnameserver 192-0-2-1", "a;b", "bücher"])
def test_a_domain_that_is_none_is_left_out(name: str) -> None:
    assert heard(domains(600, name, "example.org")) == ["search example.org"]


def test_one_file_of_all() -> None:
    """Of several lines `search` a resolver heeds the last alone."""
    dhcp = "search example.org\nnameserver 10.0.0.5\n"
    router = f"search lab.example.org\nsearch example.org\n{FIVE}\nnameserver 10.0.0.5\n"
    assert resolv_conf((dhcp, "", "\n", router)) == (
        f"search example.org lab.example.org\nnameserver 10.0.0.5\n{FIVE}\n"
    )
    assert resolv_conf(()) == ""
