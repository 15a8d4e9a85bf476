"""inspect: the inspect interface looks at the server."""

from collections.abc import Mapping
from typing import Any

from stbernard import clock
from stbernard.drivers.base import Task
from stbernard.nodes import Agent
from stbernard.operations.operation import Accepted, Operation, Step
from stbernard.operations.outcome import Next, Outcome, Wait
from stbernard.settings import Settings


def inspect_timeout(settings: Settings) -> int:
    return settings.conductor.inspect_wait_timeout


def check_inspect(task: Task, _: Mapping[str, Any]) -> Accepted:
    task.driver.power.validate(task)
    task.driver.named["inspect"].validate(task)
    return Accepted()


def begin_inspection(_: Task) -> Outcome:
    return Next(inspection_started_at=clock.now(), inspection_finished_at=None, agent=Agent())


def inspect_hardware(task: Task) -> Outcome:
    """However long the inspect interface takes."""
    seconds = task.driver.inspect.inspect_hardware(task)
    if seconds is None:
        return Next(inspection_finished_at=clock.now())
    return Wait(
        "the inspection's end",
        otherwise="The inspection did not end within [conductor]inspect_wait_timeout.",
        look_again=seconds,
    )


INSPECT = Operation(
    "inspect",
    check=check_inspect,
    steps=(Step(begin_inspection), Step(inspect_hardware, within=inspect_timeout)),
)
