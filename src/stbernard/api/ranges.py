"""Parts of a file (RFC 9110, 14): a BMC reads a medium piece by piece, as its server asks."""

import re
from collections.abc import Iterator
from pathlib import Path

from litestar.background_tasks import BackgroundTask
from litestar.response import Stream

OFFERED = {"Accept-Ranges": "bytes"}
CHUNK = 1 << 20  # bytes

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def parse(header: str | None, size: int) -> range | None:
    """The bytes of a file of this size that are wanted; None: all of it.

    What is no single range that could be had is ignored, as it may be: then all is sent."""
    match = _RANGE.fullmatch(header or "")
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:  # so many from the end
        wanted = range(max(0, size - int(last)), size)
    else:
        wanted = range(int(first), min(int(last) + 1 if last else size, size))
    return wanted or None


def answer(file: Path, wanted: range, then: BackgroundTask | None = None) -> Stream:
    """These bytes of the file, as 206 Partial Content."""
    size = file.stat().st_size
    return Stream(
        _read(file, wanted),
        status_code=206,
        media_type="application/octet-stream",
        headers=OFFERED
        | {
            "Content-Range": f"bytes {wanted.start}-{wanted.stop - 1}/{size}",
            "Content-Length": str(len(wanted)),
        },
        background=then,
    )


def _read(file: Path, wanted: range) -> Iterator[bytes]:
    with file.open("rb") as content:
        content.seek(wanted.start)
        left = len(wanted)
        while left and (piece := content.read(min(CHUNK, left))):
            left -= len(piece)
            yield piece
