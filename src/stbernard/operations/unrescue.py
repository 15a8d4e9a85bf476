"""The unrescue: the server leaves the ramdisk and boots its instance again."""

from stbernard.operations.operation import Operation, Step
from stbernard.operations.steps import (
    boot_instance_next,
    forget_the_rescue,
    join_tenant_networks,
    leave_rescuing_network,
    power_off,
    power_on,
)

UNRESCUE = Operation(
    name="unrescue",
    fault="rescue abort failure",
    steps=(
        Step(power_off, undo=power_on),
        Step(boot_instance_next),
        Step(leave_rescuing_network),
        Step(join_tenant_networks),
        Step(power_on),
        Step(forget_the_rescue),
    ),
)
