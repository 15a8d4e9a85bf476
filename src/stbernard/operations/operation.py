"""What an operation is: a table of steps, each with its undo and its deadline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stbernard.drivers.base import Driver, Task
from stbernard.operations.outcome import Outcome
from stbernard.settings import Settings

Action = Callable[[Task], Outcome]
Seconds = Callable[[Settings], int]
Which = Callable[[Driver], bool]


def hardware_timeout(settings: Settings) -> int:
    """What a step that talks to a BMC may take, in seconds."""
    return settings.conductor.power_state_change_timeout


def no_limit(_: Settings) -> int:
    """For an operation whose steps have theirs, and for a step that has its operation's."""
    return 0


def with_no_driver(_: Driver) -> bool:
    return False


def with_any_driver(_: Driver) -> bool:
    return True


def without_networks(driver: Driver) -> bool:
    """For a step that moves the server between networks."""
    return not driver.network.moves


def without_ramdisk(driver: Driver) -> bool:
    """For a step that serves the ramdisk, or asks its agent."""
    return not driver.rescue.needs_ramdisk


@dataclass(frozen=True)
class Step:
    """One step. The action, and its undo, may be called again after a crash (at least once).

    `within`: seconds until the step has failed, 0 for never. `at_once`: with which drivers it does,
    and asks, nothing outside of the database: it is then saved along with the step before it."""

    action: Action
    undo: Action | None = None
    within: Seconds = hardware_timeout
    at_once: Which = with_no_driver

    @property
    def name(self) -> str:
        return self.action.__name__


@dataclass(frozen=True)
class Accepted:
    """What a request leaves in the node: `arguments` for the steps, and changes of its fields."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)


Check = Callable[[Task, Mapping[str, Any]], Accepted]


@dataclass(frozen=True)
class Operation:
    """Something that happens to a node, step after step; its name is the verb.

    `within`: seconds until the operation as a whole has failed and is undone, 0 for never.
    `check` is asked before a request is accepted: the node, and what the request says besides the
    verb. Raises BadRequest, Forbidden, InvalidDriverInfo; touches no hardware."""

    name: str
    steps: tuple[Step, ...]
    fault: str | None = None  # the node's fault when an undo fails for good
    within: Seconds = no_limit
    check: Check | None = None

    def step(self, name: str | None) -> Step:
        return self.steps[self._index(name)]

    def after(self, name: str | None) -> Step | None:
        """The step that follows, None at the end."""
        index = self._index(name) + 1
        return self.steps[index] if index < len(self.steps) else None

    def to_undo(self, name: str | None, *, itself: bool) -> Step | None:
        """The last step before this one (or this one `itself`) that has an undo."""
        end = self._index(name) + (1 if itself else 0)
        return next((step for step in reversed(self.steps[:end]) if step.undo), None)

    def _index(self, name: str | None) -> int:
        return next(index for index, step in enumerate(self.steps) if step.name == name)
