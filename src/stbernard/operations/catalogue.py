"""Every operation by the name under which a node's row keeps it."""

from stbernard.operations.boot_device import BOOT_DEVICE
from stbernard.operations.manage import ADOPT, MANAGE
from stbernard.operations.power import POWER
from stbernard.operations.rescue import RESCUE
from stbernard.operations.unrescue import UNRESCUE

OPERATIONS = {
    operation.name: operation
    for operation in (MANAGE, ADOPT, RESCUE, UNRESCUE, BOOT_DEVICE, *POWER.values())
}
