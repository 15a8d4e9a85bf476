"""A task: one node with its ports, its driver and the settings."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from stbernard.drivers.base import Driver, Sign, Task
from stbernard.nodes import Node, Port
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.journal import Event

__all__ = ["Drivers", "Task", "Tasks"]


class Drivers(Protocol):
    """The hardware types, as the registry offers them to operations and the API."""

    def hardware_types(self) -> Sequence[str]:
        """The enabled ones."""

    def resolve(self, driver: str, given: Mapping[str, str | None]) -> dict[str, str]:
        """The interface of each kind for a new or changed node. Raises InvalidParameter."""

    def driver_for(self, node: Node) -> Driver:
        """Raises InvalidDriverInfo when an interface of the node is not enabled here."""

    def properties(self, driver: str) -> Mapping[str, str]:
        """driver_info keys with descriptions. Raises NotFound."""

    def supported(self, driver: str, kind: str) -> Sequence[str]:
        """The enabled interfaces of a kind that this hardware type supports."""

    def default(self, driver: str, kind: str) -> str | None:
        """The one a node gets that names none."""


class Tasks:
    """Makes tasks."""

    def __init__(self, store: Store, drivers: Drivers, settings: Settings) -> None:
        self._store = store
        self._drivers = drivers
        self._settings = settings

    def of(self, node: Node, ports: tuple[Port, ...] | None = None) -> Task:
        """With the node's secrets in clear. Raises InvalidDriverInfo when they cannot be read, or
        an interface of the node is not enabled here."""
        if ports is None:
            ports = self._store.ports.of_node(node.uuid)
        node = self._store.nodes.revealed(node)
        grouped = any(port.portgroup_uuid for port in ports)
        portgroups = self._store.portgroups.of_node(node.uuid) if grouped else ()
        signs = partial(self._signs, node.uuid, node.operation_id)
        return Task(node, ports, self._settings, self.driver_of(node), portgroups, signs)

    def driver_of(self, node: Node) -> Driver:
        """Raises InvalidDriverInfo when an interface of the node is not enabled here."""
        return self._drivers.driver_for(node)

    def _signs(self, node_uuid: str, run: str | None) -> tuple[Sign, ...]:
        lines = self._store.journal.timeline(node_uuid, run)
        return tuple(Sign(x.at, x.detail or "") for x in lines if x.event == Event.SEEN)
