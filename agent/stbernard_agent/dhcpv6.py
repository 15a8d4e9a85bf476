"""DHCPv6 (RFC 8415) as far as a rescue needs it: one address a link, asked for anew at T1.

The ramdisk has no client for it: busybox's is not in Debian's package, and the others bring daemons
that take router advertisements away from the kernel.
"""

import contextlib
import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stbernard_agent import links

CLIENT_PORT, SERVER_PORT = 546, 547
SERVERS = "ff02::1:2"
SOLICIT, ADVERTISE, REQUEST, REPLY = 1, 2, 3, 7
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, WANTED, ELAPSED, DNS = 1, 2, 3, 5, 6, 8, 23
DUID_LL, ETHERNET = 3, 1
PATIENCE = (1.0, 2.0, 4.0)  # seconds for an answer, at each try
ASK_AGAIN = 60.0  # seconds, where nobody has answered
ADDRESS = struct.Struct("!16sII")  # with its preferred and valid seconds
ASSOCIATION = struct.Struct("!III")  # IAID, T1, T2


class Lease(NamedTuple):
    """`preferred`, `valid`, `renew_after` in seconds; `server` as it names itself."""

    address: str
    preferred: int
    valid: int
    renew_after: int
    server: bytes
    dns: tuple[str, ...]


class Client:
    """Asks on one link for as long as the agent runs; `took` is told the servers of names."""

    def __init__(self, link: str, mac: str, took: Callable[[str, tuple[str, ...]], None]) -> None:
        self._link = link
        self._identity = bytes.fromhex(mac.replace(":", ""))
        self._took = took
        self._asked = threading.Event()
        threading.Thread(target=self._run, name=f"dhcpv6 {link}", daemon=True).start()

    def ask_again(self) -> None:
        """The network may be another one by now."""
        self._asked.set()

    def _run(self) -> None:
        while True:
            self._asked.clear()
            lease = None
            with contextlib.suppress(OSError):  # no carrier, or the link is gone
                lease = self._exchange()
            if lease:
                self._set(lease)
            pause = lease.renew_after if lease else ASK_AGAIN
            self._asked.wait(pause)

    def _exchange(self) -> Lease | None:
        local = links.link_local_address(self._link)
        if not local:
            return None
        index = socket.if_nametoindex(self._link)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as there:
            there.bind((local, CLIENT_PORT, 0, index))
            offer = self._ask(there, index, SOLICIT, None)
            return self._ask(there, index, REQUEST, offer) if offer else None

    def _ask(
        self, there: socket.socket, index: int, kind: int, offer: Lease | None
    ) -> Lease | None:
        """One message, until it is answered or the patience is over."""
        head = bytes([kind]) + os.urandom(3)
        awaited = bytes([ADVERTISE if kind == SOLICIT else REPLY]) + head[1:]
        for patience in PATIENCE:
            there.sendto(head + self._options(offer), (SERVERS, SERVER_PORT, 0, index))
            until = time.monotonic() + patience
            while (left := until - time.monotonic()) > 0:
                there.settimeout(left)
                try:
                    answer = there.recv(65536)
                except TimeoutError:
                    break
                if answer[:4] == awaited and (lease := read(answer[4:])):
                    return lease
        return None

    def _options(self, offer: Lease | None) -> bytes:
        identity = struct.pack("!HH", DUID_LL, ETHERNET) + self._identity
        association = ASSOCIATION.pack(int.from_bytes(self._identity[-4:], "big"), 0, 0)
        content = option(CLIENT_ID, identity) + option(ELAPSED, bytes(2))
        content += option(WANTED, struct.pack("!H", DNS))
        if offer:
            content += option(SERVER_ID, offer.server)
            plain = socket.inet_pton(socket.AF_INET6, offer.address)
            association += option(IA_ADDRESS, ADDRESS.pack(plain, 0, 0))
        return content + option(IA_NA, association)

    def _set(self, lease: Lease) -> None:
        """Only the address: the way out is told by router advertisements."""
        lives = ("valid_lft", str(lease.valid), "preferred_lft", str(lease.preferred))
        command = ["ip", "-6", "addr", "replace", f"{lease.address}/128", "dev", self._link, *lives]
        subprocess.run(command, capture_output=True, check=False)
        self._took(self._link, lease.dns)


def option(code: int, content: bytes) -> bytes:
    return struct.pack("!HH", code, len(content)) + content


def read(options: bytes) -> Lease | None:
    """What a server's message gives; None if it gives no address, or makes no sense."""
    try:
        known = dict(_options_in(options))
        association = known[IA_NA]
        _, renew_after, _ = ASSOCIATION.unpack_from(association)
        inner = dict(_options_in(association[ASSOCIATION.size :]))
        plain, preferred, valid = ADDRESS.unpack_from(inner[IA_ADDRESS])
        server = known[SERVER_ID]
    except (KeyError, struct.error):
        return None
    if not valid:
        return None
    names = known.get(DNS, b"")
    dns = [names[at : at + 16] for at in range(0, len(names) - 15, 16)]
    return Lease(
        socket.inet_ntop(socket.AF_INET6, plain),
        preferred,
        valid,
        renew_after or max(preferred // 2, 60),  # RFC 8415, 14.2: up to the client
        server,
        tuple(socket.inet_ntop(socket.AF_INET6, each) for each in dns),
    )


def _options_in(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Each option's code and content. Raises struct.error."""
    while content:
        code, length = struct.unpack_from("!HH", content)
        yield code, content[4 : 4 + length]
        content = content[4 + length :]
