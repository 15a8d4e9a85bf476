"""undeploy: the instance gives the server back. What follows is `provide`, with its cleaning."""

from collections.abc import Mapping
from typing import Any

from stbernard.drivers.base import Task
from stbernard.errors import InvalidDriverInfo
from stbernard.nodes import AUTOMATIC_LESSEE, Agent, tenant_vif, without_vif
from stbernard.operations.deploy import deploy_timeout, refuse_protected
from stbernard.operations.operation import Accepted, Operation, Step
from stbernard.operations.outcome import Next, Outcome, Wait
from stbernard.operations.steps import leave_rescuing_network, leave_tenant_networks, power_off


def check_undeploy(task: Task, _: Mapping[str, Any]) -> Accepted:
    refuse_protected(task)
    try:
        task.driver.power.validate(task)
    except InvalidDriverInfo as error:
        raise InvalidDriverInfo(
            f"Failed to validate power driver interface. Can not delete instance. Error: {error}"
        ) from None
    return Accepted()


def clean_up_ramdisk(task: Task) -> Outcome:
    """Whatever the server was in, it boots no ramdisk any more."""
    task.driver.boot.clean_up_ramdisk(task)
    return Next(agent=Agent(), login=None, before_rescue=None, deploy_step={}, service_step={})


def tear_down(task: Task) -> Outcome:
    """What the deploy interface has to take back."""
    seconds = task.driver.deploy.tear_down(task)
    if seconds is None:
        return Next()
    return Wait(
        "the deploy interface",
        otherwise="The deploy interface did not take the instance back in time.",
        look_again=seconds,
    )


def forget_instance(task: Task) -> Outcome:
    """Only now, when the server is off and out of its networks, is it nobody's.

    Its volume targets are the instance's; how it reaches volumes (connectors) is the server's own.
    """
    noted = dict(task.node.driver_internal_info)
    came_with_it = noted.pop(AUTOMATIC_LESSEE, False)
    return Next(
        lessee=None if came_with_it else task.node.lessee,
        driver_internal_info=noted,
        volume_targets=(),
        instance_info={},
        instance_uuid=None,
        instance_name=None,
        allocation_uuid=None,
        internal_info={part.uuid: without_vif(part) for part in task.parts if tenant_vif(part)},
    )


UNDEPLOY = Operation(
    "undeploy",
    check=check_undeploy,
    steps=(
        Step(power_off),
        Step(clean_up_ramdisk),
        Step(leave_rescuing_network),
        Step(leave_tenant_networks),
        Step(tear_down, within=deploy_timeout),
        Step(forget_instance),
    ),
)
