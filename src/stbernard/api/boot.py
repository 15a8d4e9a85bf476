"""`/boot/…`: the folder that machines boot from over HTTP ([deploy]http_root)."""

import re
from pathlib import Path
from typing import Any

import structlog
from litestar import Request, get, head
from litestar.background_tasks import BackgroundTask
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import File, Stream

from stbernard.api import ranges
from stbernard.api.call import as_uuid
from stbernard.api.given import GivenParts
from stbernard.api.parts import Parts
from stbernard.api.timeline import tell
from stbernard.errors import StBernardError
from stbernard.nodes import Node

log = structlog.get_logger()

_SCRIPT = re.compile(r"/pxelinux\.cfg/([0-9a-f]{2}(?:-[0-9a-f]{2}){5})", re.IGNORECASE)
_MEDIUM = re.compile(r"/vmedia/([0-9a-f-]{36})-[\w-]{43}\.iso")
_IMAGE = re.compile(r"/([0-9a-f-]{36})/rescue_(kernel|ramdisk)")


@get("/boot/{path:path}", sync_to_thread=True)
def fetch(
    path: FromPath[Path], request: Request[Any, Any, Any], parts: GivenParts
) -> File | Stream:
    """A file below http_root. What a rescue waits for is told in its timeline, when it is sent."""
    file = _file(path, parts)
    wanted = ranges.parse(request.headers.get("range"), file.stat().st_size)
    if wanted and wanted.start:
        return ranges.answer(file, wanted)
    then = BackgroundTask(_tell, str(path), parts)
    return ranges.answer(file, wanted, then) if wanted else _whole(file, then)


@head("/boot/{path:path}", sync_to_thread=True)
def look(path: FromPath[Path], parts: GivenParts) -> File:
    return _whole(_file(path, parts))


def _whole(file: Path, then: BackgroundTask | None = None) -> File:
    return File(
        file,
        media_type="application/octet-stream",
        content_disposition_type="inline",
        headers=ranges.OFFERED,
        background=then,
    )


def _file(path: Path, parts: Parts) -> Path:
    """Raises NotFoundException for what is not there, not a file, or outside the folder."""
    root = parts.settings.http_root.resolve()
    try:
        file = (root / str(path).lstrip("/")).resolve()
        servable = file.is_relative_to(root) and file.is_file()
    except (OSError, ValueError):  # a name too long, or with NUL
        servable = False
    if not servable:
        raise NotFoundException
    return file


def _tell(path: str, parts: Parts) -> None:
    """Into the journal of the node, if it is in an operation. The machine boots all the same."""
    try:
        node, what = _meant(path, parts)
        if node and node.operation:
            tell(node, f"{what} fetched", parts)
    except StBernardError as error:
        shown = _MEDIUM.sub(r"/vmedia/\1-….iso", path)  # who knows the rest may read the medium
        log.warning("a download is not in the journal", path=shown, error=str(error))


def _meant(path: str, parts: Parts) -> tuple[Node | None, str]:
    """The node whose file this is, and what it is for people. Raises NotFound."""
    if script := _SCRIPT.fullmatch(path):
        nodes = parts.store.nodes.by_addresses((script[1].lower().replace("-", ":"),))
        return (nodes[0] if nodes else None), "boot script"
    if (image := _IMAGE.fullmatch(path)) and as_uuid(image[1]):
        return parts.store.nodes.get(image[1]), image[2]
    if (medium := _MEDIUM.fullmatch(path)) and as_uuid(medium[1]):
        return parts.store.nodes.get(medium[1]), "rescue medium"
    return None, ""
