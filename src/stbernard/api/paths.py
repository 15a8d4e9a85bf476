"""Paths and methods as Ironic reads them, before they are routed."""

from typing import Any

from stbernard.api.microversions import asked

_BESIDES = ("openapi.json", "healthz", "readyz", "metrics")
_WITHOUT_SUFFIX = 91  # from this version on `.json` at the end of a path is part of a name


def normalised(scope: dict[str, Any]) -> dict[str, Any]:
    """The ASGI scope with `/v1` where it is left out, without an old `.json`, and HEAD as GET.

    (The server sends no body to a HEAD. Files know HEAD themselves.)"""
    path: str = scope["path"]
    first = path.split("/")[1] if path.count("/") else ""
    if first == "boot":
        return scope
    if first not in ("", "v1", *_BESIDES):
        path = f"/v1{path}"
    if path.startswith("/v1") and path.endswith(".json") and _strips_suffix(scope):
        path = path.removesuffix(".json")
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return {**scope, "path": path, "raw_path": path.encode(), "method": method}


def _strips_suffix(scope: dict[str, Any]) -> bool:
    """Ironic does so for clients that name an older version; a wrong version is told later."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    minor = (asked(headers) or "").removeprefix("1.")
    return minor.isdecimal() and int(minor[:5]) < _WITHOUT_SUFFIX
