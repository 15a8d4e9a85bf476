"""Steps as deploy templates and runbooks hold them, checked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stbernard.api import schemas
from stbernard.api.schemas import Field, Fields
from stbernard.errors import InvalidParameter
from stbernard.nodes import without_secrets

INTERFACES = ("bios", "deploy", "firmware", "management", "power", "raid", "vendor")

Steps = tuple[dict[str, Any], ...]


def interface(name: str, value: str) -> str:
    """One that has steps. Raises InvalidParameter."""
    if value not in INTERFACES:
        raise InvalidParameter(
            f"Schema error for {name}: '{value[:100]}' is not one of {', '.join(INTERFACES)}"
        )
    return value


def not_empty(name: str, value: str) -> str:
    if not value:
        raise InvalidParameter(f"Schema error for {name}: '' should be non-empty")
    return value


def not_negative(name: str, value: int | str) -> int:
    number = schemas.integer(name, value)
    if number < 0:
        raise InvalidParameter(f"Schema error for {name}: {number} is less than the minimum of 0")
    return number


_COMMON: Fields = {
    "args": Field(("object",)),
    "interface": Field(("string",), read=interface),
    "step": Field(("string",), read=not_empty),
}
_NUMBER = Field(("integer", "string"), read=not_negative)
DEPLOY_STEP: Fields = {**_COMMON, "priority": _NUMBER}
RUNBOOK_STEP: Fields = {**_COMMON, "order": _NUMBER}


def deploy_steps(name: str, value: Sequence[object]) -> Steps:
    """Raises InvalidParameter."""
    return _steps(
        name, value, DEPLOY_STEP, ("interface", "step", "args", "priority"), "Deploy template"
    )


def runbook_steps(name: str, value: Sequence[object]) -> Steps:
    """Raises InvalidParameter."""
    return _steps(name, value, RUNBOOK_STEP, ("interface", "step", "order"), "Runbook")


def requested(name: str, value: object, *, deploy: bool) -> Steps:
    """The steps that a request for a node names. Raises InvalidParameter."""
    if not isinstance(value, list):
        raise InvalidParameter(f"Invalid {name}: it is not of type 'array'")
    fields = DEPLOY_STEP if deploy else RUNBOOK_STEP
    required = ("interface", "step", *(("args", "priority") if deploy else ()))
    try:
        return tuple({"args": {}, **schemas.check(name, step, fields, required)} for step in value)
    except InvalidParameter as error:
        raise InvalidParameter(f"Invalid {name}: {error}") from None


def shown(steps: Steps) -> list[dict[str, Any]]:
    return [{**step, "args": without_secrets(step["args"])} for step in steps]


def _steps(
    name: str, value: Sequence[object], fields: Fields, required: tuple[str, ...], what: str
) -> Steps:
    if not value:
        raise InvalidParameter(f"Schema error for {name}: [] should be non-empty")
    checked = tuple({"args": {}, **schemas.check(name, step, fields, required)} for step in value)
    _refuse_duplicates(checked, what)
    return checked


def _refuse_duplicates(steps: Sequence[Mapping[str, Any]], what: str) -> None:
    counted = Counter((step["interface"], step["step"]) for step in steps)
    twice = [f"interface: {key[0]}, step: {key[1]}" for key, count in counted.items() if count > 1]
    if twice:
        raise InvalidParameter(
            f"{what} invalid: Duplicate deploy steps. A template cannot have multiple deploy steps "
            f"with the same interface and step. Duplicates: {'; '.join(twice)[:1000]}."
        )
