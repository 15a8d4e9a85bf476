"""deploy and rebuild: an instance gets the server.

Real servers boot what is on their disks already (deploy interface `noop`); who asks for an image to
be written is told so before anything is touched.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from stbernard.drivers.base import Task
from stbernard.errors import Forbidden, InvalidDriverInfo
from stbernard.nodes import AUTOMATIC_LESSEE, Agent, BootDevice
from stbernard.operations import node_steps
from stbernard.operations.operation import Accepted, Operation, Step
from stbernard.operations.outcome import Next, Outcome
from stbernard.operations.steps import (
    join_tenant_networks,
    leave_tenant_networks,
    power_off,
    power_on,
)
from stbernard.settings import Settings

log = structlog.get_logger()


def deploy_timeout(settings: Settings) -> int:
    return settings.conductor.deploy_callback_timeout


def check_deploy(task: Task, given: Mapping[str, Any]) -> Accepted:
    """As `check_rebuild`; the instance brings a lessee."""
    accepted = _check(task, given)
    return replace(accepted, changes=accepted.changes | _lessee(task, given.get("project")))


def _check(task: Task, given: Mapping[str, Any]) -> Accepted:
    """The node can do what its instance_info and the steps ask for; the configdrive is kept."""
    try:
        task.driver.power.validate(task)
        task.driver.deploy.validate(task)
    except InvalidDriverInfo as error:
        raise InvalidDriverInfo(
            f"Failed to validate deploy or power info for node {task.node.uuid}: {error}"
        ) from None
    steps = node_steps.for_deployment(task, given.get("deploy_steps") or ())
    changes: dict[str, Any] = {}
    if given.get("configdrive"):
        changes = {"instance_info": task.node.instance_info | {"configdrive": given["configdrive"]}}
    return Accepted({"steps": steps}, changes)


def check_rebuild(task: Task, given: Mapping[str, Any]) -> Accepted:
    refuse_protected(task)
    return _check(task, given)


def _lessee(task: Task, asking: str | None) -> dict[str, Any]:
    """What makes the instance's project, or the one that asks, the lessee of the node."""
    node, options = task.node, task.settings.conductor
    sources = {"instance": node.instance_info.get("project_id"), "request": asking}
    project = sources.get(options.automatic_lessee_source)
    if not (options.automatic_lessee and isinstance(project, str) and project):
        return {}
    if node.lessee:
        if node.lessee != project:
            log.warning("the lessee stays", node=node.uuid, lessee=node.lessee, instance=project)
        return {}
    noted = node.driver_internal_info | {AUTOMATIC_LESSEE: True}
    return {"lessee": project[:255], "driver_internal_info": noted}


def refuse_protected(task: Task) -> None:
    """Raises Forbidden."""
    if task.node.protected:
        raise Forbidden(
            f"Node {task.node.uuid} is protected and cannot be undeployed, rebuilt or deleted"
        )


def check_bmc(task: Task) -> Outcome:
    """The BMC answers; nothing of an earlier ramdisk counts."""
    return Next(power_state=task.driver.power.get_power_state(task), agent=Agent(), login=None)


def run_deploy_steps(task: Task) -> Outcome:
    """Those of the interfaces and of the request, the highest priority first."""
    return node_steps.run(task, "deploy")


def forget_deploy_step(_: Task) -> Outcome:
    return Next(deploy_step={})


def boot_disk_next(task: Task) -> Outcome:
    """From the disk, at every boot."""
    task.driver.management.set_boot_device(task, BootDevice("disk", persistent=True))
    return Next()


DEPLOY = Operation(
    "deploy",
    check=check_deploy,
    steps=(
        Step(check_bmc),
        Step(power_off),
        Step(join_tenant_networks, undo=leave_tenant_networks),
        Step(run_deploy_steps, undo=forget_deploy_step, within=deploy_timeout),
        Step(boot_disk_next),
        Step(power_on),
    ),
)
REBUILD = replace(DEPLOY, name="rebuild", check=check_rebuild)
