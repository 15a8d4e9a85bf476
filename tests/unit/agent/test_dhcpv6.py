"""DHCPv6 messages; the client with a real server is in test_networks.py."""

import socket

import pytest

from stbernard_agent import dhcpv6
from stbernard_agent.dhcpv6 import ADDRESS, ASSOCIATION, DNS, IA_ADDRESS, IA_NA, SERVER_ID, option

PLAIN = socket.inet_pton(socket.AF_INET6, "2001:db8::99")
NAMES = b"".join(socket.inet_pton(socket.AF_INET6, each) for each in ("2001:db8::5", "2001:db8::6"))


def message(*, valid: int = 7200, renew_after: int = 1800, names: bytes = NAMES) -> bytes:
    address = option(IA_ADDRESS, ADDRESS.pack(PLAIN, 3600, valid))
    association = ASSOCIATION.pack(7, renew_after, 0) + address
    return option(SERVER_ID, b"server") + option(IA_NA, association) + option(DNS, names)


def test_what_a_server_gives() -> None:
    assert dhcpv6.read(message()) == dhcpv6.Lease(
        "2001:db8::99", 3600, 7200, 1800, b"server", ("2001:db8::5", "2001:db8::6")
    )


def test_a_server_that_leaves_the_time_to_the_client() -> None:
    lease = dhcpv6.read(message(renew_after=0, names=b""))
    assert lease
    assert (lease.renew_after, lease.dns) == (1800, ())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        message()[:20],
        message(valid=0),
        option(SERVER_ID, b"server"),
        option(SERVER_ID, b"server") + option(IA_NA, ASSOCIATION.pack(7, 0, 0)),
    ],
)
def test_what_gives_no_address(content: bytes) -> None:
    assert dhcpv6.read(content) is None
