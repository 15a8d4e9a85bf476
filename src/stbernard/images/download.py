"""An image over HTTP: streamed to a file, only if it changed, never more than there is room for."""

from pathlib import Path
from typing import BinaryIO

import msgspec
import requests

from stbernard.errors import ImageError
from stbernard.images.hrefs import check_href, is_file, shown
from stbernard.settings import Settings

CONNECT_TIMEOUT = 10  # seconds
READ_TIMEOUT = 60  # seconds without a byte
PROBE_TIMEOUT = 5  # seconds to connect, and then until an answer
CHUNK = 1 << 20  # bytes


class Version(msgspec.Struct, frozen=True):
    """What a server said about the file we have (RFC 9110, 8.8), to ask later if it changed."""

    size: int
    etag: str | None = None
    last_modified: str | None = None


class ServerAway(ImageError):
    """The server could not be asked, or has trouble: what is in the cache may still do."""


def download(href: str, target: Path, known: Version | None, limit: int) -> Version | None:
    """Fetch the image into `target`; returns its version, None if `known` is still the newest.

    `limit` is in bytes, 0 for none. Raises ServerAway, ImageError."""
    try:
        with requests.get(
            href,
            headers=_conditions(known),
            stream=True,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
        ) as response:
            if known and response.status_code == requests.codes.not_modified:
                return None
            _check_status(href, response)
            with target.open("wb") as file:
                size = _copy(href, response, file, limit)
    except requests.RequestException as error:
        raise _away(href, error) from None
    except OSError as error:
        raise ImageError(
            f"Image {shown(href)} cannot be written to {target.parent}: {error.strerror}. "
            "Check its free space and rights ([pxe]instance_master_path)."
        ) from error
    return Version(size, response.headers.get("ETag"), response.headers.get("Last-Modified"))


def probe(href: str, settings: Settings) -> None:
    """Whether the image could be had now; fetches nothing. Raises ImageError."""
    check_href(href, settings)
    if is_file(href):
        return
    try:
        # As a GET whose body is left alone: not every server knows HEAD.
        with requests.get(href, stream=True, timeout=PROBE_TIMEOUT) as response:
            _check_status(href, response)
    except requests.RequestException as error:
        raise _away(href, error) from None


def _conditions(known: Version | None) -> dict[str, str]:
    # No compression: a size and an ETag are those of the image itself.
    headers = {"Accept-Encoding": "identity"}
    if known and known.etag:
        headers["If-None-Match"] = known.etag
    elif known and known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    return headers


def _check_status(href: str, response: requests.Response) -> None:
    if response.status_code == requests.codes.ok:
        return
    kind = ServerAway if response.status_code >= requests.codes.server_error else ImageError
    raise kind(
        f"Image {shown(href)} cannot be fetched: the server answered "
        f"{response.status_code} {response.reason}. Check the URL."
    )


def _copy(href: str, response: requests.Response, file: BinaryIO, limit: int) -> int:
    announced = int(response.headers.get("Content-Length") or 0)
    size = 0
    if not limit or announced <= limit:
        for chunk in response.iter_content(CHUNK):
            size += len(chunk)
            if limit and size > limit:
                break
            file.write(chunk)
    if limit and max(announced, size) > limit:
        raise ImageError(
            f"Image {shown(href)} is larger than the whole cache may be ({limit >> 20} MiB, "
            "[pxe]image_cache_size). Is it the right file?"
        )
    if size == 0 or announced not in (0, size):
        raise ServerAway(
            f"Image {shown(href)} came incomplete: {size} of {announced} bytes. Try again."
        )
    return size


def _away(href: str, error: requests.RequestException) -> ServerAway:
    return ServerAway(
        f"Image {shown(href)} cannot be fetched: {_reason(error)}. "
        "Check the URL, and that the server can be reached from this host."
    )


def _reason(error: requests.RequestException) -> str:
    match error:
        case requests.exceptions.SSLError():
            return "its server's TLS certificate is not trusted"
        case requests.Timeout():
            return "its server does not answer in time"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection broke in the middle"
        case requests.ConnectionError():
            return "its server cannot be connected to"
        case _:
            return type(error).__name__
