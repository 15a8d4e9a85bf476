"""The ssh host key a server shows: who answers there?"""

import asyncio
from collections.abc import Sequence
from functools import partial

import asyncssh

TIMEOUT = 5  # seconds for the handshake at one address
PORT = 22

Algorithms = Sequence[str] | tuple[()]


def seen(addresses: Sequence[str], expected: str | None, port: int = PORT) -> dict[str, str]:
    """The host keys of the addresses that answer, as `ssh-ed25519 AAAA…`, all asked at once.

    `expected`: the key looked for; a server that has several is asked for one of its kind.
    To be called from a thread without an event loop."""
    return asyncio.run(_seen(addresses, expected, port))


def same(one: str, other: str) -> bool:
    """Whether two public keys are the same, whatever their comments are."""
    return one.split()[:2] == other.split()[:2]


def fingerprint(key: str) -> str:
    """As ssh-keygen(1) shows it: `SHA256:…`."""
    return asyncssh.import_public_key(key).get_fingerprint()


async def ask(address: str, expected: str | None, port: int) -> str | None:
    """The host key of one address, None if none answers."""
    try:
        key = await asyncio.wait_for(_get_key(address, _algorithms(expected), port), TIMEOUT)
    except (OSError, asyncssh.Error):  # TimeoutError is an OSError
        return None
    return key.export_public_key().decode().strip() if key else None


async def _seen(addresses: Sequence[str], expected: str | None, port: int) -> dict[str, str]:
    keys = await asyncio.gather(*(ask(address, expected, port) for address in addresses))
    return {address: key for address, key in zip(addresses, keys, strict=True) if key}


async def _get_key(address: str, algorithms: Algorithms, port: int) -> asyncssh.SSHKey | None:
    get = partial(asyncssh.get_server_host_key, address, port, config=None)
    try:
        return await get(server_host_key_algs=algorithms)
    except asyncssh.KeyExchangeFailed:  # it has no key of that kind: which one has it?
        return await get()


def _algorithms(expected: str | None) -> Algorithms:
    """The signatures to ask for; asyncssh's own where we do not know what to look for."""
    if not expected:
        return ()
    try:
        return [name.decode() for name in asyncssh.import_public_key(expected).sig_algorithms]
    except asyncssh.KeyImportError:
        return ()
