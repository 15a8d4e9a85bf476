"""Compute is told of what happens to its instances."""

from stbernard.drivers.base import Task
from stbernard.nodes import Node
from stbernard.openstack.compute import tell_power
from stbernard.operations.outcome import Next, Outcome
from stbernard.settings import Settings


def tell_compute(task: Task) -> Outcome:
    """The new power state; the operation goes on whatever Compute says."""
    return Next(told_of_power(task.settings, task.node))


def told_of_power(settings: Settings, node: Node) -> str | None:
    """Tell it, if it is somebody's to be told; returns why it could not be."""
    options = settings.nova
    if not (options.auth_type and options.send_power_notifications and node.instance_uuid):
        return None
    return tell_power(options, node.instance_uuid, str(node.power_state))
