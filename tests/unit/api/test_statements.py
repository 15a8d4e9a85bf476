"""What lists cost: the same few statements, however many entries they have."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from stbernard.api.parts import Parts
from tests.factories import a_node, a_port, a_portgroup
from tests.unit.api.fakes import Client, uuids

CHASSIS = "cccccccc-0000-4000-8000-000000000001"
GROUP = "99999999-0000-4000-8000-0000000000a1"


@pytest.fixture
def statements(client: Client, parts: Parts) -> Iterator[list[str]]:
    """Those that were executed; with three of everything in the database."""
    client.post("/v1/chassis", json={"uuid": CHASSIS})
    for number in range(3):
        client.post("/v1/chassis", json={})
        node = a_node(name=f"n{number}", chassis_uuid=CHASSIS, shard="s")
        parts.store.nodes.create(node)
        given = {"node_uuid": node.uuid}
        connector = {"type": "iqn", "connector_id": str(number)}
        client.post("/v1/volume/connectors", json=given | connector)
        target = {"volume_type": "iscsi", "volume_id": "v", "boot_index": 0}
        client.post("/v1/volume/targets", json=given | target)
    first = parts.store.nodes.get("n0")
    for number in range(3):
        group = a_portgroup(first, name=f"g{number}", **({} if number else {"uuid": GROUP}))
        parts.store.portgroups.create(group)
        address = f"52:54:00:77:00:0{number}"
        parts.store.ports.create(a_port(first, address=address, portgroup_uuid=GROUP))
    executed: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement != "BEGIN":
            executed.append(statement)

    engine = parts.store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield executed
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        *(("/v1/ports?", 1), ("/v1/ports/detail?", 1), ("/v1/portgroups/detail?", 1)),
        *(("/v1/chassis?", 1), ("/v1/volume/connectors?detail=1&", 1), ("/v1/volume/targets?", 1)),
        *(("/v1/ports?shard=s&detail=1&", 1), ("/v1/portgroups?node=n0&", 2)),
        *(("/v1/nodes/n0/ports/detail?", 2), (f"/v1/portgroups/{GROUP}/ports?", 2)),
        (f"/v1/chassis/{CHASSIS}/nodes/detail?", 2),
    ],
)
def test_a_list_takes_few(client: Client, statements: list[str], path: str, most: int) -> None:
    assert len(uuids(client, f"{path}limit=1")) == 1
    few = len(statements)
    assert len(uuids(client, path)) >= 3
    assert len(statements) - few == few <= most
