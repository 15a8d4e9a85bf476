"""service: steps on a server that keeps its instance."""

from collections.abc import Mapping
from typing import Any

from stbernard.drivers.base import Task
from stbernard.errors import BadRequest
from stbernard.operations import node_steps
from stbernard.operations.clean import forget_agent
from stbernard.operations.operation import Accepted, Operation, Step
from stbernard.operations.outcome import Next, Outcome
from stbernard.settings import Settings


def service_timeout(settings: Settings) -> int:
    return settings.conductor.service_callback_timeout


def check_service(task: Task, given: Mapping[str, Any]) -> Accepted:
    if not given.get("service_steps"):
        raise BadRequest(
            '"service_steps" is required when setting target provision state to service'
        )
    task.driver.power.validate(task)
    task.driver.network.validate(task)
    bare = bool(given.get("disable_ramdisk"))
    steps = node_steps.requested(task, "service", given["service_steps"], without_ramdisk=bare)
    return Accepted({"steps": steps})


def run_service_steps(task: Task) -> Outcome:
    """One after the other."""
    return node_steps.run(task, "service")


def forget_service_step(_: Task) -> Outcome:
    return Next(service_step={})


SERVICE = Operation(
    "service",
    check=check_service,
    steps=(
        Step(forget_agent),
        Step(run_service_steps, undo=forget_service_step, within=service_timeout),
    ),
)
