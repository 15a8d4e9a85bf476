"""What all downloads have in common: into a file, never more than there is room for."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from requests import RequestException

from stbernard.errors import ImageError

CHUNK = 1 << 20  # bytes


class Version(msgspec.Struct, frozen=True):
    """What a server said about the file we have (RFC 9110, 8.8), to ask later if it changed."""

    size: int
    etag: str | None = None
    last_modified: str | None = None


class ServerAway(ImageError):
    """The server could not be asked, or has trouble: what is in the cache may still do."""


def check_size(name: str, size: int, limit: int) -> None:
    """Raises ImageError if there is no room for an image of so many bytes; 0: no limit."""
    if limit and size > limit:
        raise ImageError(
            f"{name} is larger than the whole cache may be ({limit >> 20} MiB, "
            "[pxe]image_cache_size). Is it the right file?"
        )


def write(name: str, chunks: Iterable[bytes], target: Path, *, announced: int, limit: int) -> int:
    """Write what comes; returns how much it was. `announced`: how much is to come; 0: not known.

    Raises ServerAway if it is not that much, ImageError if it is too much, or not writable."""
    check_size(name, announced, limit)
    size = 0
    try:
        with target.open("wb") as file:
            for chunk in chunks:
                size += len(chunk)
                check_size(name, size, limit)
                file.write(chunk)
    except RequestException:  # which is an OSError, too
        raise
    except OSError as error:
        raise ImageError(
            f"{name} cannot be written to {target.parent}: {error.strerror}. "
            "Check its free space and rights ([pxe]instance_master_path)."
        ) from error
    if size == 0 or announced not in (0, size):
        raise ServerAway(f"{name} came incomplete: {size} of {announced} bytes. Try again.")
    return size
