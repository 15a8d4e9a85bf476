"""Every operation by the name under which a node's row keeps it."""

from stbernard.operations.clean import CLEAN, PROVIDE
from stbernard.operations.deploy import DEPLOY, REBUILD
from stbernard.operations.inspect import INSPECT
from stbernard.operations.manage import ADOPT, MANAGE
from stbernard.operations.management import MANAGEMENT
from stbernard.operations.power import POWER
from stbernard.operations.rescue import RESCUE
from stbernard.operations.service import SERVICE
from stbernard.operations.undeploy import UNDEPLOY
from stbernard.operations.unrescue import UNRESCUE
from stbernard.operations.vifs import VIFS

OPERATIONS = {
    operation.name: operation
    for operation in (
        *(MANAGE, INSPECT, CLEAN, PROVIDE, ADOPT, DEPLOY, REBUILD, UNDEPLOY, RESCUE, UNRESCUE),
        *(SERVICE, *MANAGEMENT, *VIFS, *POWER.values()),
    )
}
