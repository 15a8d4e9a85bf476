"""The routes of the API, and what their handlers say of themselves.

A handler says in its first lines which microversion it needs and which words its query may hold. It
is asked by calling it, with a Call that notes what it is told and ends the call.
"""

import asyncio
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NoReturn
from unittest.mock import MagicMock

from litestar.exceptions import HTTPException

from stbernard.api.app import ROUTES
from stbernard.api.call import Call
from stbernard.api.microversions import LATEST, MINIMUM, SINCE
from stbernard.errors import StBernardError

_TYPE_OF_PARAMETER = re.compile(r":\w+}")
_IN_BRACES = re.compile(r"{(\w+)}")
_AN_IDENT = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Route:
    """One method of one path: `query` are the words it may have, `arguments` those of the body (of
    which one may be `mandatory`), `since` is the minor version it came with."""

    method: str
    path: str
    status: int
    handler: Callable[..., Any]
    module: ModuleType
    options: dict[str, Any]
    query: tuple[str, ...]
    arguments: tuple[str, ...]
    mandatory: str | None
    since: int

    @property
    def parameters(self) -> list[str]:
        """Those in the path."""
        return _IN_BRACES.findall(self.path)

    @property
    def waits_for_hardware(self) -> bool:
        """Such handlers are asynchronous (api/hardware.py)."""
        return inspect.iscoroutinefunction(inspect.unwrap(self.handler))

    @property
    def uses_the_store(self) -> bool:
        return "parts" in inspect.signature(self.handler).parameters


def routes() -> list[Route]:
    """All that is served below `/` but the files to boot from, by path and method."""
    found = [route for handler in ROUTES for route in _of(handler)]
    return sorted(found, key=lambda route: (route.path, route.method))


def _of(handler: Any) -> Iterator[Route]:
    if "call" not in inspect.signature(handler.fn).parameters:
        return
    for typed in handler.paths:
        path = _TYPE_OF_PARAMETER.sub("}", typed)
        noted = _ask(handler.fn, path)
        for method in handler.http_methods:
            yield Route(
                str(method),
                path,
                handler.status_code,
                handler.fn,
                sys.modules[handler.fn.__module__],
                handler.opt,
                noted.query,
                noted.arguments,
                noted.mandatory,
                noted.since,
            )


class _Enough(Exception):
    """The handler has said what we want to know."""


@dataclass(frozen=True)
class _Asking(Call):
    """Notes what the handler allows, and ends it."""

    noted: "_Noted" = field(kw_only=True)

    def only(self, *allowed: str) -> NoReturn:
        self.noted.query = allowed
        raise _Enough

    def arguments(self, allowed: Iterable[str], mandatory: str | None = None) -> NoReturn:
        self.noted.arguments, self.noted.mandatory = tuple(allowed), mandatory
        raise _Enough

    def json(self) -> NoReturn:
        raise _Enough

    def need(self, resource: str) -> None:
        self.noted.since = SINCE["resource"].get(resource, MINIMUM)

    need_to_change = need

    def need_below_node(self, resource: str, refusal: Exception | None = None) -> None:  # noqa: ARG002
        self.noted.since = SINCE["node resource"].get(resource, MINIMUM)


@dataclass
class _Noted:
    query: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    mandatory: str | None = None
    since: int = field(default=MINIMUM)


def _ask(handler: Callable[..., Any], path: str) -> _Noted:
    noted = _Noted()
    asking = _Asking(LATEST, "http://localhost", path, {}, b"", noted=noted)
    names = inspect.signature(handler).parameters
    given = dict.fromkeys(names, _AN_IDENT) | {"call": asking, "parts": MagicMock()}
    try:
        answer = handler(**{name: given[name] for name in names})
        if inspect.iscoroutine(answer):
            asyncio.run(answer)
    except (_Enough, StBernardError, HTTPException):
        pass
    return noted
