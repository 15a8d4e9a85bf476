"""docs/configuration.md from settings.py."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from stbernard.settings import Settings

_HEAD = """\
# Configuration

<!-- Written by `make docs` from src/stbernard/settings.py. -->

`stbernard` reads `/etc/stbernard/stbernard.conf`, or the files given with `--config-file`, later
ones winning. Sections, names, types and meanings are those of ironic.conf, so an operator's file is
taken as it is; decision 3 lists the defaults that differ. An option of ironic.conf that is not in
these tables has no effect, and is named in a warning at start. A wrong value is an error.
"""

_COMPUTED = {"host": "the host's name", "my_ip": "the address towards the default route"}
"""What stands for defaults that differ from host to host."""

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def render() -> str:
    """The document: a table for each section. Raises ValueError for an option without a text."""
    return _HEAD + "".join(
        _section(room.name, hint)
        for room, hint in zip(
            dataclasses.fields(Settings), get_type_hints(Settings).values(), strict=True
        )
    )


def _section(name: str, room: type) -> str:
    rows = "".join(f"| {' | '.join(row)} |\n" for row in _rows(room))
    title = "DEFAULT" if name == "default" else name
    return f"\n## [{title}]\n\n| option | type | default | |\n|---|---|---|---|\n{rows}"


def _rows(room: type) -> Iterator[tuple[str, str, str, str]]:
    hints, texts = get_type_hints(room), option_texts(room)
    for option in dataclasses.fields(room):
        if option.name not in texts:
            raise ValueError(f"{room.__name__}.{option.name} has no text below it")
        kind = _type(hints[option.name], option.metadata)
        yield f"`{option.name}`", kind, _default(option), texts[option.name]


def option_texts(room: type) -> dict[str, str]:
    """Option to the string below it, or below the last of the options it stands for.

    Those that a section has in common with others are its bases'."""
    texts: dict[str, str] = {}
    for base in reversed(room.__mro__[:-1]):
        texts |= _own_texts(base)
    return texts


def _own_texts(room: type) -> dict[str, str]:
    [source] = ast.parse(textwrap.dedent(inspect.getsource(room))).body
    assert isinstance(source, ast.ClassDef)
    texts: dict[str, str] = {}
    waiting: list[str] = []
    for statement in source.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)):
                waiting.append(name)
            case ast.Expr(value=ast.Constant(value=str(text))):
                texts |= dict.fromkeys(waiting, " ".join(text.split()))
                waiting = []
    return texts


def _type(hint: Any, limits: Mapping[str, Any]) -> str:
    if choices := limits.get("choices"):
        return ", ".join(f"`{choice}`" for choice in choices)
    plain = get_args(hint)[0] if type(None) in get_args(hint) else hint
    if get_origin(plain) is dict:
        return "dictionary"
    return _TYPES.get(plain, "list") + _range(limits)


def _range(limits: Mapping[str, Any]) -> str:
    match limits.get("min"), limits.get("max"):
        case None, None:
            return ""
        case lowest, None:
            return f", {lowest} or more"
        case lowest, highest:
            return f", {lowest} to {highest}"


def _default(option: "dataclasses.Field[Any]") -> str:
    if option.name not in _COMPUTED and option.default_factory is not dataclasses.MISSING:
        pairs = ",".join(f"{key}:{value}" for key, value in option.default_factory().items())
        return f"`{pairs}`" if pairs else ""
    match option.default:
        case dataclasses.MISSING:
            return _COMPUTED[option.name]
        case None | "":
            return ""
        case tuple(several):
            return f"`{','.join(several)}`"
        case value:
            return f"`{value}`"
