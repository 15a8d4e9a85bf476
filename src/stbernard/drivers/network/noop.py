"""The network interface `noop`: a server stays in the network it is in."""

from stbernard.drivers.base import Task
from stbernard.drivers.none import Noop


class NoopNetwork(Noop):
    def leave_tenant_networks(self, task: Task) -> None:
        pass

    def join_tenant_networks(self, task: Task) -> None:
        pass

    def join_rescuing_network(self, task: Task) -> None:
        pass

    def leave_rescuing_network(self, task: Task) -> None:
        pass
