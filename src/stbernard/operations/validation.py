"""`node validate`: whether each interface could do its work now, as far as can be told without
touching the server: its driver_info, and for `boot` and `rescue` the images, looked for in seconds.
"""

from typing import Any

from stbernard.drivers.base import Task
from stbernard.errors import StBernardError
from stbernard.nodes import INTERFACES, Node
from stbernard.operations.tasks import Tasks

_VALIDATED = tuple(kind for kind in INTERFACES if kind != "vendor")
_NEEDED_FOR_RESCUE = ("power", "management", "network", "boot")


def validate(tasks: Tasks, node: Node) -> dict[str, dict[str, Any]]:
    """Per interface `{"result": true}`, or false with the `reason`."""
    try:
        task = tasks.of(node)
    except StBernardError as error:  # an interface is not enabled: the others cannot be asked
        return {kind: _wrong(str(error)) for kind in _VALIDATED}
    results = {kind: _validated(task, kind) for kind in _VALIDATED}
    if results["boot"]["result"]:
        results["boot"] = _images(task)
    if results["rescue"]["result"] and task.driver.rescue.needs_ramdisk:
        for kind in _NEEDED_FOR_RESCUE:
            if not results[kind]["result"]:
                results["rescue"] = _wrong(f"{kind}: {results[kind]['reason']}")
                break
    return results


def _validated(task: Task, kind: str) -> dict[str, Any]:
    try:
        task.driver.named[kind].validate(task)
    except StBernardError as error:
        return _wrong(str(error))
    return {"result": True}


def _images(task: Task) -> dict[str, Any]:
    try:
        task.driver.boot.probe_ramdisk(task)
    except StBernardError as error:
        return _wrong(str(error))
    return {"result": True}


def _wrong(reason: str) -> dict[str, Any]:
    return {"result": False, "reason": reason}
