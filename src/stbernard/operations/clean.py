"""clean and provide: the steps of a cleaning, by request or before a node becomes available."""

from collections.abc import Mapping
from typing import Any

from stbernard.drivers.base import Task
from stbernard.errors import BadRequest, InvalidParameter
from stbernard.nodes import Agent
from stbernard.operations import node_steps
from stbernard.operations.operation import Accepted, Operation, Step
from stbernard.operations.outcome import BY_REQUEST, Next, Outcome
from stbernard.settings import Settings


def clean_timeout(settings: Settings) -> int:
    return settings.conductor.clean_callback_timeout


def check_clean(task: Task, given: Mapping[str, Any]) -> Accepted:
    """A cleaning by request needs steps that the node has."""
    if not given.get("clean_steps"):
        raise BadRequest('"clean_steps" is required when setting target provision state to clean')
    task.driver.power.validate(task)
    task.driver.network.validate(task)
    bare = bool(given.get("disable_ramdisk"))
    steps = node_steps.requested(task, "clean", given["clean_steps"], without_ramdisk=bare)
    return Accepted({"steps": steps})


def check_provide(task: Task, _: Mapping[str, Any]) -> Accepted:
    node = task.node
    if node.retired:
        raise InvalidParameter(
            f"The providing operation can't be performed on node {node.uuid} because it is retired."
        )
    return Accepted()


def choose_clean_steps(task: Task) -> Outcome:
    """The node's own choice (automated_clean), else [conductor]automated_clean."""
    chosen = task.node.automated_clean
    if not (task.settings.conductor.automated_clean if chosen is None else chosen):
        return Next("automated cleaning is off")
    task.driver.power.validate(task)
    task.driver.network.validate(task)
    return Next(arguments={"steps": node_steps.automatic(task, "clean")})


def forget_agent(_: Task) -> Outcome:
    """Nothing of an earlier ramdisk counts."""
    return Next(agent=Agent())


def run_clean_steps(task: Task) -> Outcome:
    """One after the other."""
    return node_steps.run(task, "clean")


def give_up_cleaning(task: Task) -> Outcome:
    """A server that failed in the midst of a step is for people to look at."""
    node = task.node
    if not node.clean_step or node.failure == BY_REQUEST:
        return Next(clean_step={})
    return Next(
        clean_step={},
        maintenance=True,
        maintenance_reason=node.maintenance_reason or node.failure,
        fault="clean failure",
    )


_RUN = Step(run_clean_steps, undo=give_up_cleaning, within=clean_timeout)

CLEAN = Operation("clean", check=check_clean, steps=(Step(forget_agent), _RUN))
PROVIDE = Operation(
    "provide", check=check_provide, steps=(Step(forget_agent), Step(choose_clean_steps), _RUN)
)
