"""docs/states.md: the provision states and the steps, from their tables."""

from collections.abc import Iterable

from stbernard.operations.catalogue import OPERATIONS
from stbernard.operations.machine import (
    ALIASES,
    DELETABLE,
    HOLDING,
    INTERFACES_CHANGEABLE,
    LOOKUP_ALLOWED,
    TABLE,
    WAITING,
    State,
    Transition,
    following,
)
from stbernard.operations.operation import Operation

_INTRODUCTION = """\
# Provision states

Written by `make docs` from `operations/machine.py` and the tables of the operations; do not edit.

A verb is the target of `PUT /v1/nodes/{node}/states/provision`. While an operation goes on the node
is in the state under "goes on in"; when it fails, the steps that were done are undone, last
first, and the node is in the failed state with a `last_error` that says what to do.
"""


def render() -> str:
    """The document."""
    return "\n".join(
        [
            _INTRODUCTION,
            "```mermaid",
            "stateDiagram-v2",
            *(f'    state "{state}" as {_alias(state)}' for state in State if " " in state),
            "    [*] --> enroll : create",
            *dict.fromkeys(edge for row in TABLE for edge in _edges(row)),
            "```",
            "",
            "| verb | accepted in | goes on in | waits in | ends in | fails to |",
            "|---|---|---|---|---|---|",
            *(_line(row) for row in TABLE),
            "",
            *(f"- `{alias}` is the older name of `{verb}`." for alias, verb in ALIASES.items()),
            f"- `abort` ends an operation in {_list(WAITING)}: as if it had failed,",
            "  at once or after a step that must not be cut off.",
            f"- `unhold` lets an operation go on in {_list(HOLDING)}.",
            "- After `undeploy` the node is cleaned as by `provide`; a retired node becomes",
            "  manageable instead of available.",
            f"- A node may be deleted in {_list(DELETABLE)}; in maintenance in any state.",
            f"- Its interfaces may be changed in {_list(INTERFACES_CHANGEABLE)}; "
            "in maintenance in any state.",
            f"- A ramdisk may look its node up in {_list(LOOKUP_ALLOWED)}.",
            "",
            "# Steps",
            *(line for verb in _verbs() for line in _steps(OPERATIONS[verb])),
            "",
        ]
    )


def _verbs() -> Iterable[str]:
    return dict.fromkeys(row.verb for row in TABLE if row.during)


def _alias(state: State) -> str:
    return state.replace(" ", "_")


def _edges(row: Transition) -> Iterable[str]:
    """The arrows of one row."""
    first = row.during or row.done
    for state in row.accepted_in:
        yield f"    {_alias(state)} --> {_alias(first)} : {row.verb}"
    if row.during and row.failed:
        if row.waiting:
            yield f"    {_alias(row.during)} --> {_alias(row.waiting)} : waits"
            yield f"    {_alias(row.waiting)} --> {_alias(row.during)} : goes on, or abort"
        if row.holding:
            yield f"    {_alias(row.during)} --> {_alias(row.holding)} : step hold"
            yield f"    {_alias(row.holding)} --> {_alias(row.during)} : unhold, or abort"
        after = following(row.then).during if row.then else row.done
        yield f"    {_alias(row.during)} --> {_alias(after or row.done)} : done"
        yield f"    {_alias(row.during)} --> {_alias(row.failed)} : failed"


def _line(row: Transition) -> str:
    waits = _list(state for state in (row.waiting, row.holding) if state)
    cells = (row.verb, _list(row.accepted_in), row.during, waits, row.done, row.failed)
    return "| " + " | ".join(cell or "" for cell in cells) + " |"


def _list(states: Iterable[State]) -> str:
    return ", ".join(states)


def _steps(operation: Operation) -> Iterable[str]:
    yield from ("", f"## {operation.name}", "", "| step | | undone by |", "|---|---|---|")
    for step in operation.steps:
        says = (step.action.__doc__ or "").partition("\n")[0]
        undo = step.undo.__name__ if step.undo else ""
        yield f"| {step.name} | {says} | {undo} |"
