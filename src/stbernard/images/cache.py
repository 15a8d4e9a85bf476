"""The image cache: one file an image, the ones used longest ago go when it is full.

<key>.image   the image; hard links to it (a boot folder's) outlive its removal here
<key>.json    what the server said about it; its time is when the image was last used
<key>.lock    held by whoever fetches it, in this process or another one
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import structlog

from stbernard.errors import ImageError
from stbernard.files import link_or_copy, write_atomically
from stbernard.images.download import download
from stbernard.images.hrefs import canonical, check_href, file_path, is_file, shown
from stbernard.images.transfer import ServerAway, Version
from stbernard.settings import Settings

log = structlog.get_logger(__name__)

IN_USE = 3600  # seconds since its last use in which an image is not removed
_ALGORITHMS = {64: "sha256", 128: "sha512"}  # by the number of hexadecimal digits


class ImageCache:
    """The cache of these settings; the state is all in its folder. Every error is an ImageError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.image_cache
        self._budget = settings.pxe.image_cache_size << 20

    def get(self, href: str, checksum: str | None = None) -> Path:
        """The image, the newest there is: fetched if it is not here or has changed since.

        A server that is away does not matter as long as the image is here."""
        return self._get(href, checksum, ask=True)

    def kept(self, href: str) -> Path:
        """The image as `get` left it a moment ago; fetched only if it is gone."""
        return self._get(href, None, ask=False)

    def _get(self, href: str, checksum: str | None, *, ask: bool) -> Path:
        check_href(href, self._settings)
        source = file_path(href, self._settings) if is_file(href) else None
        key = self._folder / _key(href, source)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _locked(key.with_suffix(".lock")):
                image = self._file(source, key) if source else self._fetched(href, key, ask=ask)
                os.utime(key.with_suffix(".json"))
                if checksum and not _matches(href, image, checksum):
                    key.with_suffix(".json").unlink()
                    raise ImageError(
                        f"Image {shown(href)} has not the checksum {checksum} that driver_info "
                        "says. Is it another version, or broken?"
                    )
            self._make_room()
        except OSError as error:
            raise ImageError(
                f"Image {shown(href)} cannot be kept in {self._folder}: {error.strerror}. Check "
                "its free space and rights ([pxe]instance_master_path)."
            ) from error
        return image

    def _file(self, source: Path, key: Path) -> Path:
        image = key.with_suffix(".image")
        if not _known(key):
            link_or_copy(source, image)
            _note(key, Version(image.stat().st_size))
        return image

    def _fetched(self, href: str, key: Path, *, ask: bool) -> Path:
        image, new = key.with_suffix(".image"), key.with_suffix(".new")
        known = _known(key)
        if known and not ask:
            return image
        try:
            version = download(href, new, known, self._budget, self._settings)
            if version:
                with new.open("rb") as file:
                    os.fsync(file.fileno())
                new.replace(image)
                _note(key, version)
        except ServerAway as error:
            if not known:
                raise
            log.warning("using the image of the cache", image=shown(href), because=str(error))
        finally:
            new.unlink(missing_ok=True)
        return image

    def _make_room(self) -> None:
        """Remove images, the one used longest ago first, until the rest is within the budget.

        What an operation under way may need stays, even if that is too much."""
        used = sorted(self._folder.glob("*.json"), key=_last_use)
        sizes = {path: _size(path.with_suffix(".image")) for path in used}
        surplus = sum(sizes.values()) - self._budget
        for path, size in sizes.items():
            if surplus <= 0 or _last_use(path) > time.time() - IN_USE:
                return
            with suppress(BlockingIOError), _locked(path.with_suffix(".lock"), wait=False):
                if _last_use(path) > time.time() - IN_USE:
                    continue  # somebody took it up meanwhile
                path.unlink(missing_ok=True)
                path.with_suffix(".image").unlink(missing_ok=True)
                surplus -= size


def _key(href: str, source: Path | None) -> str:
    """The name of an image in the cache; a file that was changed or replaced is another one."""
    identity = canonical(href)
    if source:
        status = source.stat()
        identity = f"{source} {status.st_ino} {status.st_mtime_ns} {status.st_size}"
    return hashlib.sha256(identity.encode()).hexdigest()


def _known(key: Path) -> Version | None:
    """What is noted about the image, if it is here and whole."""
    try:
        version = msgspec.json.decode(key.with_suffix(".json").read_bytes(), type=Version)
        return version if key.with_suffix(".image").stat().st_size == version.size else None
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _note(key: Path, version: Version) -> None:
    write_atomically(key.with_suffix(".json"), msgspec.json.encode(version))


def _matches(href: str, image: Path, checksum: str) -> bool:
    algorithm = _ALGORITHMS.get(len(checksum))
    if algorithm is None:
        raise ImageError(
            f"The checksum of image {shown(href)} is neither SHA-256 (64 hexadecimal digits) nor "
            "SHA-512 (128). Correct it in driver_info."
        )
    with image.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == checksum.lower()


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Raises BlockingIOError if somebody else has the lock, and it is not waited for."""
    with path.open("w") as file:
        # ends with the file, also if the process is killed
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
