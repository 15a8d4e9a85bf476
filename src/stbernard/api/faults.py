"""Errors as the contract renders them: JSON inside a JSON string, in two shapes."""

import json
import traceback
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from stbernard.api.headers import request_id
from stbernard.errors import StBernardError

log = structlog.get_logger()

_SERVER_ERRORS = 500


def render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer for an error: of routing, of ours, or one that nobody expected."""
    if isinstance(error, HTTPException):
        request.state.version = None  # as in Ironic: nothing was served, in no version
        headers = dict(error.headers or {})
        if "allow" in headers:
            headers["allow"] = ", ".join(sorted(headers["allow"].split(", ")))
        return _answer(error.status_code, _routing(error), headers)
    if isinstance(error, StBernardError):
        status, text = error.status, str(error)
    else:
        status, text = _SERVER_ERRORS, _report(request, error)
    if status == HTTPStatus.NOT_ACCEPTABLE and request.state.get("version") is None:
        return _answer(status, _routing(HTTPException(detail=text, status_code=status)), {})
    code = "Server" if status >= _SERVER_ERRORS else "Client"
    retry = getattr(error, "retry_after", None)
    return _answer(
        status,
        {"faultcode": code, "faultstring": text, "debuginfo": None},
        {"Retry-After": str(retry)} if retry else {},
    )


def _routing(error: HTTPException) -> dict[str, Any]:
    title = HTTPStatus(error.status_code).phrase
    description = "" if error.detail == title else error.detail
    return {"code": error.status_code, "title": title, "description": description}


def _report(request: Request[Any, Any, Any], error: Exception) -> str:
    """Log it, without the values of variables; say only where to look for it."""
    ident = request_id(request.scope)
    log.error(
        "a request failed unexpectedly",
        request_id=ident,
        method=request.method,
        path=request.url.path,
        traceback="".join(traceback.format_exception(error)),
    )
    return f"Unexpected error. The log of the service has the details at request {ident}."


def _answer(status: int, fault: dict[str, Any], headers: dict[str, str]) -> Response[bytes]:
    body = json.dumps({"error_message": json.dumps(fault)}).encode()
    return Response(body, status_code=status, headers=headers, media_type="application/json")
