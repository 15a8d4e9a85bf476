"""The DHCP provider `none`: a server that others look after, always sent to the same boot file."""

from collections.abc import Sequence

from stbernard.drivers.base import BootOption, Task
from stbernard.settings import Settings


class NoDHCP:
    tells = False

    def __init__(self, settings: Settings) -> None:
        pass

    def send(self, task: Task, options: Sequence[BootOption]) -> None:
        pass

    def forget(self, task: Task) -> None:
        pass
