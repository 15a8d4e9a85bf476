"""What an image may be named by: a URL with file, http or https; a UUID, or glance://UUID."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stbernard.errors import ImageError
from stbernard.settings import Settings

_GLANCE = "glance://"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def check_href(href: str, settings: Settings) -> None:
    """Raise ImageError if this names no image that could be had; looks at no other host."""
    if is_file(href):
        file_path(href, settings)
    elif not (_is_http(href) or glance_image(href)):
        raise ImageError(
            f"Image {shown(href)} cannot be fetched: it is no URL that starts with file:///, "
            "http:// or https://, and no UUID of an image in the Image service (or glance://UUID). "
            "Correct it in driver_info or [conductor]."
        )


def glance_image(href: str) -> str | None:
    """The UUID of an image in the Image service, if this names one."""
    text = href[len(_GLANCE) :] if href.lower().startswith(_GLANCE) else href
    return text.lower() if _UUID.fullmatch(text) else None


def canonical(href: str) -> str:
    """One name for one image, however it is written."""
    image = glance_image(href)
    return f"{_GLANCE}{image}" if image else href


def is_file(href: str) -> bool:
    return href.lower().startswith("file:")


def _is_http(href: str) -> bool:
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def file_path(href: str, settings: Settings) -> Path:
    """The file of a file:// URL, symbolic links resolved.

    Raises ImageError if it lies outside of [conductor]file_url_allowed_paths or is not there."""
    parts = urlsplit(href)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ImageError(
            f"Image {href} cannot be used: a file URL on this host starts with file:/// "
            "(three slashes)."
        )
    path = Path(unquote(parts.path)).resolve()
    allowed = settings.conductor.file_url_allowed_paths
    if not any(path.is_relative_to(Path(folder).resolve()) for folder in allowed):
        raise ImageError(
            f"Image {href} cannot be used: {path} is not below one of the folders of "
            f"[conductor]file_url_allowed_paths ({', '.join(allowed)}). Put it there, or add its "
            "folder."
        )
    if not path.is_file():
        raise ImageError(
            f"Image {href} cannot be used: there is no file {path}. Check the name, and that the "
            "service's user may read it."
        )
    return path


def shown(href: str) -> str:
    """The URL for people: without user, password and query, which may be secrets."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return "(not a URL)"
    _, at, host = parts.netloc.rpartition("@")
    plain = parts._replace(netloc=f"…@{host}" if at else host, query="", fragment="").geturl()
    return plain + ("?…" if parts.query else "")
