"""One subcommand of `openstack baremetal`: a call that works, and one that is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Refused(NamedTuple):
    arguments: str
    because: str


NOT_FOUND = "could not be found"
MISSING = Refused("<nobody>", NOT_FOUND)
NO_MARKER = Refused("--marker <nobody>", NOT_FOUND)


@dataclass(frozen=True)
class Row:
    """`works` and `refused` have arguments, in which `<port>` stands for a port (see world.py).

    The call that works `shows` this (JSON; of an object only these keys, of a list only these
    entries), `says` it (plain text), or `leaves` a resource (its path below /v1) with these fields;
    `gone` is the path of what is no longer there. Without `works` and with `refused` it is
    something that is not offered. A conflict (409) is no good refusal: the client tries those again
    for ten seconds."""

    command: str
    works: str = ""
    refused: Refused | None = None
    shows: Any = None
    says: str = ""
    leaves: tuple[str, Mapping[str, Any]] | None = None
    gone: str = ""

    @property
    def offered(self) -> bool:
        return bool(self.works) or self.refused is None


def holds(expected: Any, found: Any) -> bool:
    """Whether what was found has all that was expected."""
    if isinstance(expected, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and holds(value, found[key]) for key, value in expected.items()
        )
    if isinstance(expected, list) and expected:
        return isinstance(found, list) and all(
            any(holds(each, entry) for entry in found) for each in expected
        )
    return bool(expected == found)
