"""Which of the living workers looks after a node that no operation holds."""

from collections.abc import Sequence
from typing import Protocol

from stbernard.store.conductors import Conductor


class Housed(Protocol):
    """As much of a node as says who can work on it."""

    @property
    def id(self) -> int: ...
    @property
    def driver(self) -> str: ...
    @property
    def conductor_group(self) -> str: ...


def is_for(host: str, node: Housed, workers: Sequence[Conductor]) -> bool:
    """Each node has one among the workers (alive or not) that can work on it and are alive."""
    able = [
        each.hostname
        for each in workers
        if each.alive
        and each.conductor_group == node.conductor_group
        and node.driver in each.drivers
    ]
    return bool(able) and able[node.id % len(able)] == host
