"""[DEFAULT]auth_strategy = http_basic: users and passwords from a file of `htpasswd -B`."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path

import bcrypt
import structlog
from anyio import CapacityLimiter, to_thread

from stbernard.errors import BadRequest, SettingsError, Unauthorized
from stbernard.identity.caller import Caller

log = structlog.get_logger()

_CHALLENGE = 'Basic realm="Baremetal API"'
_BCRYPT = ("$2y$", "$2a$", "$2b$")
_AT_A_TIME = 1  # passwords compared: each takes a whole core for a while
_REMEMBERED = 256


class HttpBasic:
    """The users of one file. It is read again when it has changed."""

    def __init__(self, path: str) -> None:
        """Raises SettingsError if the file cannot be used."""
        self._path = Path(path)
        self._read_at = 0
        self._hashes: Mapping[str, bytes] = {}
        self._right: dict[bytes, None] = {}
        self._salt = secrets.token_bytes(32)
        self._limiter: CapacityLimiter | None = None  # made in the event loop
        self._refresh()

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Raises Unauthorized, BadRequest."""
        user, password = _read(headers.get("authorization"))
        try:
            self._refresh()
        except SettingsError as error:
            log.error(str(error))
        hashed = self._hashes.get(user)
        if hashed is None or not await self._is_right(user, password, hashed):
            log.info("wrong user or password", user=user[:255])
            raise Unauthorized("Incorrect username or password", _CHALLENGE)
        return Caller(user_id=user, user_name=user)

    async def _is_right(self, user: str, password: bytes, hashed: bytes) -> bool:
        """bcrypt is slow on purpose, so what was right is remembered, as a keyed digest."""
        text = b"\0".join((user.encode(), hashed, password))
        digest = hmac.digest(self._salt, text, hashlib.sha256)
        if digest in self._right:
            return True
        self._limiter = self._limiter or CapacityLimiter(_AT_A_TIME)
        right = await to_thread.run_sync(_matches, password, hashed, limiter=self._limiter)
        if right:
            if len(self._right) >= _REMEMBERED:
                self._right.pop(next(iter(self._right)))
            self._right[digest] = None
        return right

    def _refresh(self) -> None:
        """Raises SettingsError; the users known so far stay."""
        try:
            changed_at = self._path.stat().st_mtime_ns
            if changed_at != self._read_at:
                self._hashes = dict(_entries(self._path))
                self._read_at = changed_at
        except OSError as error:
            raise SettingsError(
                f"[DEFAULT]http_basic_auth_user_file: {self._path} cannot be read: "
                f"{error.strerror}. Make it with: htpasswd -nbB USER PASSWORD"
            ) from error


def _entries(path: Path) -> list[tuple[str, bytes]]:
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        user, colon, hashed = line.strip().partition(":")
        if not colon:
            continue
        if not hashed.startswith(_BCRYPT):
            raise SettingsError(
                f"[DEFAULT]http_basic_auth_user_file: the password in line {number} of {path} is "
                "not hashed with bcrypt. Make the line with: htpasswd -nbB USER PASSWORD"
            )
        found.append((user, hashed.encode()))
    return found


def _read(header: str | None) -> tuple[str, bytes]:
    """User and password of an Authorization header (RFC 7617). Raises Unauthorized, BadRequest."""
    if header is None:
        raise Unauthorized("Authorization required", _CHALLENGE)
    kind, _, token = header.strip().partition(" ")
    if kind.lower() != "basic":
        raise BadRequest(f'Unsupported authorization type "{kind[:20]}"')
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
        name = user.decode()
    except (binascii.Error, UnicodeDecodeError):
        colon = b""
    if not colon:
        raise BadRequest("Could not decode authorization token")
    return name, password


def _matches(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password[:72], hashed)  # bcrypt looks at no more
    except ValueError:
        return False
