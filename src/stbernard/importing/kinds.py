"""What is carried over: the kinds of records, in the order in which they are written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stbernard.nodes import Node, Port, Portgroup, Record, VolumeConnector, VolumeTarget
from stbernard.records import Allocation, Chassis


@dataclass(frozen=True)
class Kind:
    """`table` is its name in Ironic's database and in ours, `path` where Ironic's API lists it
    in full from microversion 1.`since` on."""

    label: str
    struct: type[Record]
    table: str
    path: str
    since: int = 1


KINDS = (
    Kind("chassis", Chassis, "chassis", "chassis/detail"),
    Kind("node", Node, "nodes", "nodes/detail"),
    Kind("portgroup", Portgroup, "portgroups", "portgroups/detail", 23),
    Kind("port", Port, "ports", "ports/detail"),
    Kind(
        "volume connector",
        VolumeConnector,
        "volume_connectors",
        "volume/connectors?detail=True",
        32,
    ),
    Kind("volume target", VolumeTarget, "volume_targets", "volume/targets?detail=True", 32),
    Kind("allocation", Allocation, "allocations", "allocations", 52),
)


class Source(Protocol):
    """An Ironic. Raises SourceError where it cannot be read."""

    def rows(self, kind: Kind) -> Iterable[Mapping[str, Any]]:
        """All records of a kind, oldest first, under the API's field names."""

    def close(self) -> None: ...
