"""`make bench-api`: server CPU of each resource's list and show, with 1,000 records of each.

Milliseconds of the service's CPU for a request (medians of rounds). A list is one page of 1,000;
those of nodes and ports are there in detail, too.
"""

import argparse
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.contenders import measured, median, st_bernard
from bench.loader import Request, again_and_again
from stbernard.nodes import INTERFACES, Node, Port, Portgroup, VolumeConnector, VolumeTarget
from stbernard.records import Allocation, Chassis, DeployTemplate, InspectionRule, Runbook
from stbernard.store import Store
from stbernard.store.engine import Database

CONNECTIONS = 16
SHOWN = 100  # records whose show is asked for in turn
LISTS = {
    "nodes": ("nodes", "nodes/detail"),
    "ports": ("ports", "ports/detail"),
    "portgroups": ("portgroups",),
    "volume_connectors": ("volume/connectors",),
    "volume_targets": ("volume/targets",),
    "chassis": ("chassis",),
    "allocations": ("allocations",),
    "deploy_templates": ("deploy_templates",),
    "runbooks": ("runbooks",),
    "inspection_rules": ("inspection_rules",),
}
"""The store's name of each resource → its lists."""

FIXED = ("", "v1", "v1/conductors", "v1/drivers", "v1/shards")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each round")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    table = Table("GET", "ms of CPU", "per second", box=None)
    table.title = f"{given.records} records each; load average before: {load:.1f}"
    with tempfile.TemporaryDirectory() as folder:
        service = st_bernard(Path(folder) / "ours")
        uuids = fill(service.database, given.records)
        service.start()
        try:
            for name, requests, connections in loads(uuids):
                if not service.server.call("GET", requests[0].path).ok:
                    table.add_row(name, "-", "not served")
                    continue
                cost = median(
                    measured(service, again_and_again(*requests), connections, given.seconds)
                    for _ in range(given.rounds)
                )
                table.add_row(name, f"{cost.cpu_ms:.2f}", f"{cost.per_second:.0f}")
        finally:
            service.server.stop()
    Console().print(table)


def fill(database: str, count: int) -> dict[str, list[str]]:
    """So many records of each resource; their UUIDs."""
    opened = Database(database)
    try:
        store = Store(opened)
        nodes = [_node(number) for number in range(count)]
        records: dict[str, list[Any]] = {
            "nodes": nodes,
            **{name: [] for name in LISTS if name != "nodes"},
        }
        for number, node in enumerate(nodes):
            for name, record in _parts_and_others(number, node):
                records[name].append(record)
        for name, listed in records.items():
            getattr(store, name).add(listed)
    finally:
        opened.close()
    return {name: [record.uuid for record in listed] for name, listed in records.items()}


def loads(uuids: dict[str, list[str]]) -> Iterator[tuple[str, list[Request], int]]:
    """What is measured: a name, the requests, and over how many connections they go."""
    for path in FIXED:
        yield f"/{path}", [Request("GET", f"/{path}")], CONNECTIONS
    for name, lists in LISTS.items():
        for path in lists:
            yield f"/v1/{path}", [Request("GET", f"/v1/{path}")], 1
        where = f"/v1/{lists[0]}"
        shown = [Request("GET", f"{where}/{ident}") for ident in uuids[name][:SHOWN]]
        yield f"{where}/{{uuid}}", shown, CONNECTIONS


def _new(**values: Any) -> dict[str, Any]:
    return {"uuid": str(uuid.uuid4()), "created_at": time.time(), **values}


def _node(number: int) -> Node:
    interfaces: dict[str, Any] = {f"{kind}_interface": "fake" for kind in INTERFACES}
    return Node(
        **_new(name=f"node-{number}", driver="fake-hardware", **interfaces),
        driver_info={"redfish_address": "https://192.0.2.1", "redfish_username": "admin"},
        properties={"cpus": 32, "memory_mb": 131072, "local_gb": 960, "cpu_arch": "x86_64"},
        extra={"rack": "r17", "unit": 7},
        resource_class="baremetal",
        provision_state="active",
        power_state="power on",
        shard="shard-1",
    )


def _parts_and_others(number: int, node: Node) -> Iterator[tuple[str, Any]]:
    part = {"node_uuid": node.uuid}
    address = f"52:54:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    yield "ports", Port(**_new(**part, address=address))
    yield "portgroups", Portgroup(**_new(**part, name=f"bond-{number}"))
    yield "volume_connectors", VolumeConnector(**_new(**part, type="iqn", connector_id=address))
    target = {"volume_type": "iscsi", "volume_id": f"volume-{number}", "boot_index": 0}
    yield "volume_targets", VolumeTarget(**_new(**part, **target))
    yield "chassis", Chassis(**_new(description="Row 3"))
    yield "allocations", Allocation(**_new(**part, name=f"job-{number}", state="active"))
    steps = ({"interface": "deploy", "step": "one", "args": {}, "priority": 50},)
    yield "deploy_templates", DeployTemplate(**_new(name=f"CUSTOM_{number}", steps=steps))
    yield "runbooks", Runbook(**_new(name=f"CUSTOM_{number}", steps=steps))
    yield "inspection_rules", InspectionRule(**_new(description=f"rule {number}"))


if __name__ == "__main__":
    main()
