"""Images in the Image service: what it says of one, and the image itself, checked on its way.

An image never changes once it is `active`; so one that is in the cache with the hash that the
service names is the newest.
"""

import hashlib
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from requests import RequestException

from stbernard.errors import ImageError, SettingsError
from stbernard.images.transfer import CHUNK, ServerAway, Version, check_size, write
from stbernard.openstack.session import make_adapter
from stbernard.openstack.settings import Glance

if TYPE_CHECKING:
    from keystoneauth1.adapter import Adapter
    from requests import Response

log = structlog.get_logger()

PAUSE = 1.0  # seconds before a download is tried again


class ImageService:
    """The Image service of these options. Every error is an ImageError."""

    def __init__(self, options: Glance) -> None:
        """Raises SettingsError."""
        self._retries = options.num_retries
        self._adapter: Adapter = make_adapter("glance", options, "image")

    def probe(self, image: str) -> None:
        """Whether the image could be had now."""
        self._active(image)

    def head(self, image: str, size: int) -> bytes:
        """The first bytes, at most so many."""
        self._active(image)
        try:
            with self._get(image, f"/images/{image}/file", stream=True) as answer:
                return answer.raw.read(size) or b""
        except RequestException as error:
            raise _away(image, error) from None

    def download(
        self, image: str, target: Path, known: Version | None, limit: int
    ) -> Version | None:
        """Fetch the image into `target`; returns its version, None if `known` is still the newest.

        `limit` is in bytes, 0 for none. Raises ServerAway, ImageError."""
        said = self._active(image)
        digest = f"{said.get('os_hash_algo')}:{said.get('os_hash_value')}"
        if known and known.etag == digest:
            return None
        check_size(_name(image), int(said.get("size") or 0), limit)
        for left in range(self._retries, -1, -1):
            try:
                return self._fetch(image, said, target, limit, digest)
            except ServerAway as error:
                if not left:
                    raise
                log.warning("an image is fetched again", image=image, because=str(error))
                time.sleep(PAUSE)
        raise AssertionError  # the last of them returns or raises

    def _fetch(
        self, image: str, said: dict[str, Any], target: Path, limit: int, digest: str
    ) -> Version:
        algorithm = str(said.get("os_hash_algo") or "")
        if algorithm not in hashlib.algorithms_available:
            raise ImageError(
                f"{_name(image)} cannot be checked: it has the hash {algorithm or 'none'!r}, which "
                "is not known here. Upload it again."
            )
        seen = hashlib.new(algorithm)
        try:
            with self._get(image, f"/images/{image}/file", stream=True) as answer:
                size = int(said.get("size") or 0)
                size = write(
                    _name(image), _passed_by(answer, seen), target, announced=size, limit=limit
                )
        except RequestException as error:
            raise _away(image, error) from None
        if seen.hexdigest() != said["os_hash_value"]:
            raise ServerAway(
                f"{_name(image)} came broken: its {algorithm} is not the one that the Image "
                "service names (os_hash_value). Try again; if it stays so, upload it again."
            )
        return Version(size, digest)

    def _active(self, image: str) -> dict[str, Any]:
        said: dict[str, Any] = self._get(image, f"/images/{image}").json()
        if said.get("status") != "active":
            raise ImageError(
                f"{_name(image)} cannot be used: its status is {said.get('status')!r} and not "
                "'active'. Upload it, or wait until it is there."
            )
        return said

    def _get(self, image: str, path: str, *, stream: bool = False) -> "Response":
        from keystoneauth1.exceptions import ClientException, Forbidden, NotFound  # noqa: PLC0415

        try:
            endpoint = (self._adapter.get_endpoint() or "").rstrip("/")
            if not endpoint:
                raise ImageError(
                    f"{_name(image)} cannot be fetched: the service catalogue has no endpoint of "
                    "type image. Set [glance]endpoint_override or region_name."
                )
            base = endpoint if endpoint.endswith("/v2") else f"{endpoint}/v2"
            answer: Response = self._adapter.get(f"{base}{path}", stream=stream)
        except (NotFound, Forbidden):
            raise ImageError(
                f"{_name(image)} cannot be fetched: there is none with this UUID that the project "
                "of [glance] may see. Check the UUID; share the image, or make it public."
            ) from None
        except ClientException as error:
            raise _away(image, error) from None
        return answer


@lru_cache(maxsize=4)
def image_service(options: Glance) -> ImageService:
    """One for all who ask, so that it logs in once. Raises ImageError."""
    try:
        return ImageService(options)
    except SettingsError as error:
        raise ImageError(f"Images of the Image service cannot be fetched: {error}") from error


def _passed_by(answer: "Response", seen: Any) -> Any:
    for chunk in answer.iter_content(CHUNK):
        seen.update(chunk)
        yield chunk


def _name(image: str) -> str:
    return f"Image {image}"


def _away(image: str, error: Exception) -> ServerAway:
    return ServerAway(
        f"{_name(image)} cannot be fetched: the Image service says, or is: "
        f"{' '.join(str(error).split())[:300]}. Check [glance], and that it can be reached."
    )
