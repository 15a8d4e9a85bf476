"""`node validate`: what each interface says to the node's driver_info; touches no hardware."""

from typing import Any

from stbernard.errors import StBernardError
from stbernard.nodes import INTERFACES, Node
from stbernard.operations.tasks import Tasks

_VALIDATED = tuple(kind for kind in INTERFACES if kind != "vendor")


def validate(tasks: Tasks, node: Node) -> dict[str, dict[str, Any]]:
    """Per interface `{"result": true}`, or false with the `reason`."""
    try:
        task = tasks.of(node)
    except StBernardError as error:  # an interface is not enabled: the others cannot be asked
        return {kind: {"result": False, "reason": str(error)} for kind in _VALIDATED}
    results: dict[str, dict[str, Any]] = {}
    for kind in _VALIDATED:
        try:
            task.driver.named[kind].validate(task)
            results[kind] = {"result": True}
        except StBernardError as error:
            results[kind] = {"result": False, "reason": str(error)}
    return results
