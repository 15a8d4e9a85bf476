"""Who answers at the ssh ports of many servers? Cheap enough to be asked every few seconds.

The sshd of our ramdisk shows a word made of its host key in the first line that it sends (RFC 4253,
4.2), so that a connect and one line tell it from all others. Whoever shows no such word (the
instance, another ramdisk) is asked for its host key.
"""

import asyncio
import base64
import binascii
import hashlib
import socket
from collections.abc import Mapping, Sequence

from stbernard.drivers import host_key
from stbernard.drivers.base import Answer, Seen
from stbernard.nodes import Login

AT_ONCE = 300  # connections; a process has 1024 files
TIMEOUT = 3.0  # seconds for the first line
LONGEST = 255  # bytes of that line (RFC 4253, 4.2)
MARK = "stbernard-"


def mark(key: str) -> str:
    """The word that the agent's sshd shows if this is its host key (`ssh-ed25519 AAAA…`)."""
    try:
        blob = base64.b64decode(key.split()[1], validate=True)
    except (IndexError, binascii.Error):
        return MARK  # of no server
    return f"{MARK}{hashlib.sha256(blob).hexdigest()[:16]}"


def look(logins: Sequence[Login], port: int) -> Sequence[Mapping[str, Seen]]:
    """For each login, who answers at which of its addresses.

    To be called from a thread without an event loop."""
    return asyncio.run(_look(logins, port))


async def _look(logins: Sequence[Login], port: int) -> Sequence[Mapping[str, Seen]]:
    room = asyncio.Semaphore(AT_ONCE)

    async def at(address: str, login: Login) -> Seen:
        async with room:
            return await _see(address, login.ssh_host_key, port)

    asked = [(login, address) for login in logins for address in login.addresses]
    answers = iter(await asyncio.gather(*(at(address, login) for login, address in asked)))
    return [{address: next(answers) for address in login.addresses} for login in logins]


async def _see(address: str, key: str | None, port: int) -> Seen:
    try:
        line = await asyncio.wait_for(_first_line(address, port), TIMEOUT)
    except ConnectionRefusedError:
        return Seen(Answer.REFUSED)
    except OSError:  # TimeoutError is one
        return Seen(Answer.NOBODY)
    if not line.startswith("SSH-"):
        return Seen(Answer.NOBODY)  # it is busy, or something else listens there
    if MARK in line:
        ours = key is not None and mark(key) in line.split()
        return Seen(Answer.RESCUE if ours else Answer.STRANGER, line)
    return _told_by(await host_key.ask(address, key, port), key)


def _told_by(shown: str | None, key: str | None) -> Seen:
    """By its host key; nobody, if the handshake was broken off."""
    if not shown:
        return Seen(Answer.NOBODY)
    ours = key is not None and host_key.same(shown, key)
    return Seen(Answer.RESCUE if ours else Answer.OTHER, f"host key {host_key.fingerprint(shown)}")


async def _first_line(address: str, port: int) -> str:
    """Empty if the other end hangs up."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, (address, port))
        line = b""
        while b"\n" not in line and len(line) < LONGEST:
            if not (more := await loop.sock_recv(connection, LONGEST)):
                break
            line += more
    return line.partition(b"\n")[0].decode(errors="replace").strip()
