"""An image over HTTP, or from the Image service: streamed to a file, only if it changed."""

from pathlib import Path

import requests

from stbernard.errors import ImageError
from stbernard.images.glance import image_service
from stbernard.images.hrefs import check_href, file_path, glance_image, is_file, shown
from stbernard.images.transfer import CHUNK, ServerAway, Version, write
from stbernard.settings import Settings

CONNECT_TIMEOUT = 10  # seconds
READ_TIMEOUT = 60  # seconds without a byte
PROBE_TIMEOUT = 5  # seconds to connect, and then until an answer


def download(
    href: str, target: Path, known: Version | None, limit: int, settings: Settings
) -> Version | None:
    """Fetch the image into `target`; returns its version, None if `known` is still the newest.

    `limit` is in bytes, 0 for none. Raises ServerAway, ImageError."""
    if image := glance_image(href):
        return image_service(settings.glance).download(image, target, known, limit)
    try:
        with requests.get(
            href,
            headers=_conditions(known),
            stream=True,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            verify=_verify(settings),
        ) as response:
            if known and response.status_code == requests.codes.not_modified:
                return None
            _check_status(href, response)
            announced = int(response.headers.get("Content-Length") or 0)
            chunks = response.iter_content(CHUNK)
            name = f"Image {shown(href)}"
            size = write(name, chunks, target, announced=announced, limit=limit)
    except requests.RequestException as error:
        raise _away(href, error) from None
    return Version(size, response.headers.get("ETag"), response.headers.get("Last-Modified"))


def probe(href: str, settings: Settings) -> None:
    """Whether the image could be had now; fetches nothing. Raises ImageError."""
    check_href(href, settings)
    if is_file(href):
        return
    if image := glance_image(href):
        image_service(settings.glance).probe(image)
        return
    verify = _verify(settings)
    try:
        # As a GET whose body is left alone: not every server knows HEAD.
        with requests.get(href, stream=True, timeout=PROBE_TIMEOUT, verify=verify) as response:
            _check_status(href, response)
    except requests.RequestException as error:
        raise _away(href, error) from None


def head(href: str, settings: Settings, size: int = 4096) -> bytes:
    """The first bytes of an image, at most so many. Raises ImageError."""
    check_href(href, settings)
    if is_file(href):
        with file_path(href, settings).open("rb") as file:
            return file.read(size)
    if image := glance_image(href):
        return image_service(settings.glance).head(image, size)
    wanted = {"Accept-Encoding": "identity", "Range": f"bytes=0-{size - 1}"}
    verify = _verify(settings)
    try:
        with requests.get(
            href, headers=wanted, stream=True, timeout=PROBE_TIMEOUT, verify=verify
        ) as response:
            if response.status_code != requests.codes.partial_content:
                _check_status(href, response)
            return response.raw.read(size) or b""
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


def _verify(settings: Settings) -> bool | str:
    """[DEFAULT]webserver_verify_ca as requests wants it."""
    text = settings.default.webserver_verify_ca
    return {"true": True, "false": False}.get(text.lower(), text)


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
