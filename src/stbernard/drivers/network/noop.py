"""The network interface `noop`: a server stays in the network it is in."""

from stbernard.drivers.base import InternalInfo, NetworkInterface, Task
from stbernard.drivers.none import Noop


class NoopNetwork(Noop):
    moves = False

    def leave_tenant_networks(self, task: Task) -> None:
        pass

    def join_tenant_networks(self, task: Task) -> None:
        pass

    def join_rescuing_network(self, task: Task) -> InternalInfo:
        return {}

    def leave_rescuing_network(self, task: Task) -> InternalInfo:
        return {}


_IS_ONE: type[NetworkInterface] = NoopNetwork
