"""The network interface `flat`: servers stay in one network, in which the ramdisk boots, too.

The Network service only gives the addresses; no switch is told anything.
"""

from stbernard.drivers.base import InternalInfo, NetworkInterface, Task
from stbernard.drivers.network.vifs import VIFs


class FlatNetwork(VIFs):
    with_profile = False

    def join_rescuing_network(self, task: Task) -> InternalInfo:
        self.join_tenant_networks(task)
        return {}

    def leave_rescuing_network(self, task: Task) -> InternalInfo:
        self.leave_tenant_networks(task)
        return {}


_IS_ONE: type[NetworkInterface] = FlatNetwork
