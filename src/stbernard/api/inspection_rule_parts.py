"""The conditions and actions of inspection rules: which there are, and what each needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from stbernard.api.schemas import check_type
from stbernard.errors import InvalidParameter

Parts = tuple[dict[str, Any], ...]
_Needs = tuple[tuple[str, ...], tuple[str, ...]]  # the arguments that are a must, those that may be

_VALUES: _Needs = (("values",), ("force_strings",))
_VALUE: _Needs = (("value",), ())
_PATH: _Needs = (("path",), ())
_SET: _Needs = (("path", "value"), ())
_EXTEND: _Needs = (("path", "value"), ("unique",))
CONDITIONS: Mapping[str, _Needs] = {
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), _VALUES),
    **dict.fromkeys(("is-empty", "is-none", "is-true", "is-false"), _VALUE),
    "in-net": (("address", "subnet"), ()),
    "matches": (("value", "regex"), ()),
    "contains": (("value", "regex"), ()),
    "one-of": (("value",), ("values",)),
}
ACTIONS: Mapping[str, _Needs] = {
    "fail": (("msg",), ()),
    "log": (("msg",), ("level",)),
    "set-attribute": _SET,
    "extend-attribute": _EXTEND,
    "del-attribute": _PATH,
    "set-capability": (("name", "value"), ()),
    "unset-capability": (("name",), ()),
    "add-trait": (("name",), ()),
    "remove-trait": (("name",), ()),
    "set-plugin-data": _SET,
    "extend-plugin-data": _EXTEND,
    "unset-plugin-data": _PATH,
    "set-port-attribute": (("port_id", "path", "value"), ()),
    "extend-port-attribute": (("port_id", "path", "value"), ("unique",)),
    "del-port-attribute": (("port_id", "path"), ()),
    "api-call": (("url",), ("headers", "proxies", "timeout", "retries", "backoff_factor")),
}
_MULTIPLE = ("any", "all", "first", "last")
_PHASES = ("main",)
_HIGHEST_PRIORITY = 9999


def phase(name: str, value: str) -> str:
    if value not in _PHASES:
        raise InvalidParameter(
            f"Invalid {name}: {value[:100]}. Valid phases are: {', '.join(_PHASES)}"
        )
    return value


def priority(_: str, value: int) -> int:
    if not 0 <= value <= _HIGHEST_PRIORITY:
        raise InvalidParameter(
            f"Priority must be between 0 and {_HIGHEST_PRIORITY} for user-defined rules."
        )
    return value


def actions(name: str, value: Sequence[object]) -> Parts:
    """Raises InvalidParameter."""
    if not value:
        raise InvalidParameter(f"Schema error for {name}: [] should be non-empty")
    return tuple(_action(each) for each in value)


def conditions(_: str, value: Sequence[object]) -> Parts:
    """Raises InvalidParameter."""
    return tuple(_condition(each) for each in value)


def _action(value: object) -> dict[str, Any]:
    part = _part("action", value)
    op = part["op"]
    _check_arguments("action", op, ACTIONS.get(op), part["args"])
    loop = {"loop": part["loop"]} if part.get("loop") else {}
    return {"op": op, "args": part["args"], **loop}


def _condition(value: object) -> dict[str, Any]:
    part = _part("condition", value)
    op = part["op"]
    _check_arguments("condition", op, CONDITIONS.get(op.removeprefix("!").strip()), part["args"])
    multiple = part.get("multiple", "any")
    if multiple not in _MULTIPLE:
        raise InvalidParameter(
            f"Schema error for condition {op}: multiple is none of {', '.join(_MULTIPLE)}"
        )
    loop = {"loop": part["loop"], "multiple": multiple} if part.get("loop") else {}
    return {"op": op, "args": part["args"], **loop}


def _part(what: str, value: object) -> Mapping[str, Any]:
    """An object with an operator, its arguments and maybe a loop. Raises InvalidParameter."""
    if not isinstance(value, dict):
        raise InvalidParameter(f"Schema error for {what}: it is not of type 'object'")
    for name in ("op", "args"):
        if name not in value:
            raise InvalidParameter(f"Schema error for {what}: '{name}' is a required property")
    check_type(what, "op", value["op"], ("string",))
    for name in {"args", "loop"} & value.keys():
        check_type(what, name, value[name], ("array", "object"))
    return value


def _check_arguments(what: str, op: str, needs: _Needs | None, args: Any) -> None:
    """Arguments by name, or in their order. Raises InvalidParameter."""
    if needs is None:
        raise InvalidParameter(f"Unsupported {what} operator: {op[:100]}")
    required, optional = needs
    given = set((*required, *optional)[: len(args)]) if isinstance(args, list) else args.keys()
    problems = []
    if missing := [name for name in required if name not in given]:
        problems.append(f"missing required argument(s): {', '.join(missing)}")
    if unexpected := sorted(given - {*required, *optional}):
        problems.append(f"unexpected argument(s): {', '.join(unexpected)[:300]}")
    if problems:
        raise InvalidParameter(
            f"Invalid parameters for {what} operator {op}: {'; '.join(problems)}"
        )
