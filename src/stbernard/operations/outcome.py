"""What a step can say: the closed set of outcomes."""

from dataclasses import dataclass
from typing import Unpack

from stbernard.nodes import Changes

BY_REQUEST = "By request"
"""The reason of a Failed that is an abort."""


class Outcome:
    """The root; a step returns exactly one of the classes below."""


class Next(Outcome):
    """The step is done: save these changes of the node and go on with the next one.

    `detail`: what was seen, for the people who read the journal."""

    def __init__(self, detail: str | None = None, /, **changes: Unpack[Changes]) -> None:
        self.detail = detail
        self.changes = changes


class Again(Next):
    """A part of the step is done: save these changes and do the step again, with a new deadline."""


@dataclass(frozen=True)
class Wait(Outcome):
    """Wait for an event (a heartbeat …), at the longest until the step's deadline.

    `otherwise` is the last_error if the event never comes: what was awaited, what to check.
    `look_again`: where no event tells, the seconds after which the step is to look by itself."""

    event: str
    otherwise: str
    look_again: float | None = None


@dataclass(frozen=True)
class Back(Outcome):
    """Go back to an earlier step, from which all is done again; `why` goes into the timeline."""

    step: str
    why: str


@dataclass(frozen=True)
class Hold(Outcome):
    """Wait until a person lets the operation go on, or aborts it."""


@dataclass(frozen=True)
class Retry(Outcome):
    """Do the step again after so many seconds; `why` is the last_error if the deadline passes."""

    after: float
    why: str


@dataclass(frozen=True)
class Trouble(Retry):
    """The engine's: the step raised an error that may pass. The step begins anew (attempt 0)."""


@dataclass(frozen=True)
class Failed(Outcome):
    """The step cannot be done: undo the steps before it. `reason` becomes the last_error."""

    reason: str
