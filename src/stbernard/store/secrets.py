"""Secrets as the database holds them: encrypted with the keys of a file, if there is one.

What is secret (in driver_info and instance_info, of volumes, the token of an agent) is sealed when
it is written, and opened only for those that talk to the server (`operations.tasks`): lists, and
the API as a whole, need none of it. A sealed value is `sealed:` and a Fernet token (AES-128-CBC
with HMAC-SHA256).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from stbernard.errors import InvalidDriverInfo, SettingsError
from stbernard.files import write_atomically
from stbernard.nodes import INSTANCE_SECRETS, is_secret

log = structlog.get_logger()

_SEALED = "sealed:"
_OPTION = "[database]encryption_key_file"


class Secrets:
    """The keys of one file, one a line; the first seals, all of them open. Without a file nothing
    is sealed, but what was sealed is noticed."""

    def __init__(self, file: str | None = None) -> None:
        """Raises SettingsError if the file cannot be used."""
        self._path = Path(file) if file else None
        self._read_at = 0
        self._keys: MultiFernet | None = None
        self._refresh()

    def sealed(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of a record as they are written."""
        self._refresh()
        return _changed(fields, self._seal) if self._keys else dict(fields)

    def opened(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields as a driver needs them. Raises InvalidDriverInfo if no key opens them."""
        return _changed(fields, self._open)

    def _seal(self, value: str) -> str:
        assert self._keys  # noqa: S101 (for the type checker)
        if value.startswith(_SEALED):
            try:
                return _SEALED + self._keys.rotate(value.removeprefix(_SEALED)).decode()
            except InvalidToken:
                pass  # a password that only looks like it
        return _SEALED + self._keys.encrypt(value.encode()).decode()

    def _open(self, value: str) -> str:
        if not value.startswith(_SEALED):
            return value
        self._refresh()
        try:
            if self._keys:
                return self._keys.decrypt(value.removeprefix(_SEALED)).decode()
        except InvalidToken:
            pass
        raise InvalidDriverInfo(
            "A secret in the database cannot be decrypted. Put the key that it was encrypted with "
            f"back into the file of {_OPTION}."
        )

    def _refresh(self) -> None:
        """Read the file again if it has changed: keys are rotated while the service runs.

        What is known stays if it cannot be read then. Raises SettingsError at the first time."""
        try:
            self._read()
        except SettingsError as error:
            if self._keys is None:
                raise
            log.error("the keys known so far are used", because=str(error))

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            changed_at = self._path.stat().st_mtime_ns
            if changed_at != self._read_at:
                lines = self._path.read_text().split()
                self._keys = MultiFernet([Fernet(line) for line in lines])
                self._read_at = changed_at
        except OSError as error:
            raise SettingsError(
                f"{_OPTION}: {self._path} cannot be read: {error.strerror}. Make it with: "
                "stbernard db rotate-keys"
            ) from error
        except ValueError:
            raise SettingsError(
                f"{_OPTION}: {self._path} holds something else than keys, one a line. Make it "
                "with: stbernard db rotate-keys"
            ) from None


def add_key(path: Path) -> int:
    """Put a new key before those of the file, which is made if need be. Returns how many it has.

    Raises SettingsError."""
    try:
        old = path.read_text().split() if path.exists() else []
        keys = [Fernet.generate_key().decode(), *old]
        write_atomically(path, "".join(f"{key}\n" for key in keys).encode(), mode=0o600)
    except OSError as error:
        raise SettingsError(f"{_OPTION}: {path} cannot be written: {error.strerror}.") from error
    return len(keys)


def keep_first_key(path: Path) -> None:
    """Remove all keys but the first one."""
    write_atomically(path, f"{path.read_text().split()[0]}\n".encode(), mode=0o600)


def _changed(
    info: Mapping[str, Any], change: Callable[[str], str], *, whole: bool = False
) -> dict[str, Any]:
    """A copy with every secret text changed, at any depth; `whole`: every text."""
    return {
        key: _value(value, change, whole=whole or key in INSTANCE_SECRETS or is_secret(key))
        for key, value in info.items()
    }


def _value(value: Any, change: Callable[[str], str], *, whole: bool) -> Any:
    if isinstance(value, str):
        return change(value) if value and whole else value
    if isinstance(value, Mapping):
        return _changed(value, change, whole=whole)
    if isinstance(value, list):
        return [_value(each, change, whole=whole) for each in value]
    return value
