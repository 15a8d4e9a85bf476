"""JSON patches (RFC 6902), applied so that no error quotes what a document holds."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jsonpatch
import jsonpointer

from stbernard.api import schemas
from stbernard.api.call import Call, check_json
from stbernard.errors import BadRequest, InvalidParameter

_PATH = re.compile(r"(/([^/~\0]|~[01])+)+")
_CANNOT_APPLY = (
    jsonpatch.JsonPatchException,
    jsonpointer.JsonPointerException,
    *(KeyError, IndexError, TypeError, AttributeError, ValueError),
)

Steps = Sequence[Mapping[str, Any]]


def steps(call: Call, patchable: Sequence[str]) -> Steps:
    """The steps of a patch. Raises InvalidParameter, BadRequest; quotes no value."""
    given = call.json()
    if not isinstance(given, list):
        raise InvalidParameter("Schema error for patch: it is not of type 'array'")
    for step in given:
        schemas.check("patch", step, schemas.PATCH_STEP, required=("op", "path"))
        if step["op"] not in ("add", "replace", "remove"):
            raise InvalidParameter(
                f"Schema error for patch: '{step['op'][:20]}' is not one of "
                "['add', 'replace', 'remove']"
            )
        if not _PATH.fullmatch(step["path"]):
            raise InvalidParameter(
                f"Schema error for patch: '{step['path'][:100]}' is not a path like /extra/key"
            )
        if "value" not in step and step["op"] != "remove":
            raise InvalidParameter(f"Schema error for patch: '{step['op']}' needs a 'value'")
        if root(step) not in patchable:
            raise BadRequest(
                f"Cannot patch {step['path'][:300]}. Only the following can be updated: "
                f"{', '.join(patchable)}"
            )
    return given


def root(step: Mapping[str, Any]) -> str:
    """The field that a step changes."""
    return str(step["path"].split("/")[1])


def patched(document: Mapping[str, Any], steps: Steps) -> dict[str, Any]:
    """A copy with the steps applied. Raises BadRequest without a word of the document."""
    result = copy.deepcopy(dict(document))
    for step in steps:
        try:
            jsonpatch.JsonPatch(cast(Any, [step])).apply(result, in_place=True)
        except _CANNOT_APPLY:
            raise BadRequest(
                f"Couldn't apply patch '{step['op']} {step['path'][:300]}'. Reason: there is "
                "no such place in the object."
            ) from None
    check_json(result)
    return result
