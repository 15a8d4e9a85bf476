"""Clean, deploy and service steps: which there are, which were asked for, and doing them in turn.

Those to do are in the node's arguments: `steps`, the `next` of them, and whether that is `begun`.
The one being done shows in the node's `clean_step`, `deploy_step` or `service_step`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from stbernard import clock
from stbernard.drivers.base import NodeStep, StepsInterface, Task
from stbernard.errors import InvalidParameter
from stbernard.nodes import Changes, Node, Power
from stbernard.operations.outcome import (
    BY_REQUEST,
    Again,
    Failed,
    Hold,
    Next,
    Outcome,
    Retry,
    Wait,
)
from stbernard.operations.steps import POLL, power_off, power_on

Flow = Literal["clean", "deploy", "service"]
Steps = list[dict[str, Any]]

INTERFACES = ("vendor", "power", "management", "firmware", "deploy", "bios", "raid")
"""The kinds of interfaces that offer steps; of the same priority, the first one's comes first."""

_FIELDS = ("clean_step", "deploy_step", "service_step")


def offered(task: Task, flow: Flow) -> dict[str, tuple[str, NodeStep]]:
    """What the node's interfaces offer, by `interface.step`."""
    found = {}
    for kind in INTERFACES:
        interface = task.driver.named[kind]
        for step in interface.steps(kind) if isinstance(interface, StepsInterface) else ():
            if flow in step.priorities:
                found[f"{kind}.{step.name}"] = (kind, step)
    return found


def automatic(task: Task, flow: Flow) -> Steps:
    """Those that are done without being asked for, in their order."""
    return _in_order(
        _described(kind, step, flow, {})
        for kind, step in offered(task, flow).values()
        if step.priorities[flow] > 0
    )


def requested(
    task: Task, flow: Flow, wanted: Sequence[Mapping[str, Any]], *, without_ramdisk: bool = False
) -> Steps:
    """The steps of a request. Raises InvalidParameter that lists all that is wrong with them."""
    known = offered(task, flow)
    wrong: list[str] = []
    steps: Steps = []
    for asked in wanted:
        name = f"{asked['interface']}.{asked['step']}"
        if asked["step"] in RESERVED:
            wrong += _complaints_about_wait(asked.get("args") or {})
            steps.append({**asked, "abortable": True})
        elif name not in known:
            has = ", ".join(known) or "none"
            wrong.append(f"node does not support this {flow} step: {name} (it has {has})")
        else:
            kind, step = known[name]
            wrong += _complaints(flow, name, step, asked, without_ramdisk=without_ramdisk)
            steps.append(_described(kind, step, flow, asked))
    if wrong:
        raise InvalidParameter(f"Node {task.node.uuid}: {'; '.join(wrong)}")
    return steps


def for_deployment(task: Task, wanted: Sequence[Mapping[str, Any]]) -> Steps:
    """The steps of a deployment: the node's own, those of the request in their places.

    Raises InvalidParameter."""
    names = [f"{step['interface']}.{step['step']}" for step in wanted]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidParameter(f"deploy steps that are there more than once: {', '.join(twice)}")
    own = [
        step
        for step in automatic(task, "deploy")
        if f"{step['interface']}.{step['step']}" not in names
    ]
    asked = [step for step in requested(task, "deploy", wanted) if int(step["priority"]) > 0]
    return _in_order([*own, *asked])


def run(task: Task, flow: Flow) -> Outcome:
    """Do the steps, one after the other; each has the engine's step's time."""
    todo = task.node.arguments
    steps, index = todo.get("steps", []), todo.get("next", 0)
    if index >= len(steps):
        return Next(**_shown(flow, {}))
    step = steps[index]
    if not todo.get("begun"):
        return Again(None, **_shown(flow, step) | {"arguments": todo | {"begun": True}})
    outcome = _do(task, step)
    if not isinstance(outcome, Next):
        return outcome
    if shown(task.node)[1].get("abort_after"):
        return Failed(BY_REQUEST)
    return passed(task.node, outcome.changes)


def passed(node: Node, changes: Changes | None = None) -> Again:
    """The step being done is through, with these changes of the node."""
    _, step = shown(node)
    todo = node.arguments | {"next": node.arguments.get("next", 0) + 1, "begun": False}
    name = f"{step['interface']}.{step['step']}"
    return Again(name, **cast(Changes, {**(changes or {}), "arguments": todo}))


def shown(node: Node) -> tuple[str | None, dict[str, Any]]:
    """The step being done with the field it shows in; None and {} if there is none."""
    for field in _FIELDS:
        if step := getattr(node, field):
            return field, step
    return None, {}


def _shown(flow: Flow, step: dict[str, Any]) -> Changes:
    return cast(Changes, {f"{flow}_step": step})


def _do(task: Task, step: Mapping[str, Any]) -> Outcome:
    if step["step"] in RESERVED:
        return RESERVED[step["step"]](task)
    interface = task.driver.named[step["interface"]]
    name = f"{step['interface']}.{step['step']}"
    if not isinstance(interface, StepsInterface):
        return Failed(f"The {step['interface']} interface does not offer the step {name} any more.")
    seconds = interface.execute_step(task, step["interface"], step["step"], step.get("args", {}))
    if seconds is None:
        return Next()
    return Wait(
        f"{name} to be done",
        otherwise=f"The step {name} did not end in time. Look at the server's console.",
        look_again=seconds,
    )


def _reboot(task: Task) -> Outcome:
    if task.node.attempt == 0:
        task.driver.power.set_power_state(task, Power.REBOOT)
        return Retry(POLL, "The BMC accepted 'rebooting' but the server did not come on again.")
    return power_on(task)


def _hold(_: Task) -> Outcome:
    return Hold()


def _wait(task: Task) -> Outcome:
    """For so many `seconds`, or for the agent's next call."""
    node, longest = task.node, task.settings.conductor.max_conductor_wait_step_seconds
    seconds = shown(node)[1].get("args", {}).get("seconds")
    begun = node.started_at or 0
    if seconds is None:
        called = (node.agent.last_heartbeat or 0) >= begun
        return Next() if called else Wait("the agent's heartbeat", otherwise="No agent called.")
    left = begun + min(int(seconds), longest) - clock.now()
    return Wait(f"{seconds} s to pass", otherwise="", look_again=left) if left > 0 else Next()


RESERVED = {
    "power_on": power_on,
    "power_off": power_off,
    "reboot": _reboot,
    "hold": _hold,
    "wait": _wait,
}
"""Steps that every node has, whatever its interfaces."""


def _complaints_about_wait(given: Mapping[str, Any]) -> Iterable[str]:
    seconds = given.get("seconds", 0)
    if not str(seconds).isdecimal():
        yield "the seconds of the step wait are no whole number"


def _complaints(
    flow: Flow, name: str, step: NodeStep, asked: Mapping[str, Any], *, without_ramdisk: bool
) -> Iterable[str]:
    given = asked.get("args") or {}
    disabled = flow == "deploy" and int(asked["priority"]) == 0
    if unexpected := sorted(set(given) - set(step.arguments)):
        yield f"{flow} step {name} has these unexpected arguments: {', '.join(unexpected)}"
    missing = [key for key, needed in step.arguments.items() if needed and key not in given]
    if missing and not disabled:
        yield f"{flow} step {name} is missing these required arguments: {', '.join(missing)}"
    if without_ramdisk and step.needs_ramdisk:
        yield f"{flow} step {name} requires booting a ramdisk"
    if flow == "deploy" and name == "deploy.deploy" and not disabled:
        yield (
            "deploy step deploy on interface deploy is a core step and cannot be overridden by "
            "user steps. It may be disabled by setting the priority to 0"
        )


def _described(kind: str, step: NodeStep, flow: Flow, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "interface": kind,
        "step": step.name,
        "args": asked.get("args") or {},
        "priority": int(asked.get("priority", step.priorities[flow])),
        "abortable": step.abortable,
    }


def _in_order(steps: Iterable[dict[str, Any]]) -> Steps:
    return sorted(
        steps, key=lambda step: (-int(step["priority"]), INTERFACES.index(step["interface"]))
    )
