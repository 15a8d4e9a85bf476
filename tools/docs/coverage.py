"""docs/api-coverage.md: which of Ironic's paths and methods are served, from the routes."""

import re
from collections.abc import Iterator
from pathlib import Path

from stbernard.api import refused
from tools.docs.openapi.routes import Route, routes

_LIST = Path(__file__).with_name("ironic_api.txt")
_FREE = re.compile(r"{\w+}")
_INTRODUCTION = """\
# What of Ironic's API is served

Written by `make docs` from the routes and tools/docs/ironic_api.txt, the list of Ironic's own; do
not edit. "refused": as Ironic
refuses it when the interface behind it is disabled (`… does not support console (disabled or not
implemented)`, 400; raid: 404). "missing": 404 or 405, as for a path that does not exist.
`/openapi.json` describes what is served.
"""


def render() -> str:
    """The document."""
    served = routes()
    answers = {_key(route.method, route.path): _answer(route) for route in served}
    rows = list(_rows())
    known = {_key(*row) for row in rows if len(row) > 1}
    lines = [_INTRODUCTION.rstrip("\n")]
    for row in rows:
        if len(row) == 1:
            lines += _table(row[0])
        else:
            lines.append(f"| {row[0]} | `{row[1]}` | {answers.get(_key(*row), 'missing')} |")
    lines += _table("beyond Ironic's")
    for route in served:
        if _key(route.method, route.path) not in known:
            lines.append(f"| {route.method} | `{route.path}` | {_answer(route)} |")
    return "\n".join(lines) + "\n"


def _table(title: str) -> list[str]:
    return ["", f"## {title[:1].upper() + title[1:]}", "", "| method | path | |", "|---|---|---|"]


def _rows() -> Iterator[tuple[str, ...]]:
    """Method and path; or a title."""
    yield ("versions",)
    for line in _LIST.read_text().splitlines()[1:]:
        yield (line.removeprefix("# "),) if line.startswith("#") else tuple(line.split())


def _key(method: str, path: str) -> str:
    return f"{method} {_FREE.sub('{}', path)}"


def _answer(route: Route) -> str:
    since = f"since 1.{route.since}" if route.since > 1 else ""
    if route.module is refused:
        return "refused"
    return f"served {since}".rstrip()
