"""BIOS settings, firmware components and inventory of a node: none."""

import pytest

from stbernard.api.parts import Parts
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault


@pytest.mark.parametrize(
    ("path", "since", "answer"),
    [("bios", 40, {"bios": []}), ("firmware", 86, {"firmware": []}), ("inventory", 81, None)],
)
def test_nothing_is_recorded(
    client: Client, parts: Parts, path: str, since: int, answer: object
) -> None:
    node = parts.store.nodes.create(a_node(name="n"))
    given = client.get(f"/v1/nodes/n/{path}")
    if answer is None:
        assert given.status_code == 404
        missing = f"Node inventory record for node {node.uuid} could not be found."
        assert fault(given) == missing
    else:
        assert given.json() == answer
    assert client.get(f"/v1/nodes/n/{path}?bogus=1").status_code == 400
    assert client.get(f"/v1/nodes/nope/{path}").status_code == 404
    assert client_of(parts, f"1.{since - 1}").get(f"/v1/nodes/n/{path}").status_code == 404


def test_fields_and_details(client: Client, parts: Parts) -> None:
    node = parts.store.nodes.create(a_node(name="n"))
    for path in ("bios?detail=true", "bios?fields=name,value", "firmware?fields=component,vendor"):
        assert client.get(f"/v1/nodes/n/{path}").status_code == 200
    for path in ("bios?fields=bogus", "bios?fields=name&detail=1", "firmware?fields=bogus"):
        assert client.get(f"/v1/nodes/n/{path}").status_code == 400
    assert client_of(parts, "1.73").get("/v1/nodes/n/bios?detail=true").status_code == 400
    assert client_of(parts, "1.113").get("/v1/nodes/n/firmware?fields=model").status_code == 400
    setting = client.get("/v1/nodes/n/bios/boot")
    assert fault(setting) == f"Node {node.uuid} doesn't have a BIOS setting 'boot'"
    assert client.get("/v1/nodes/n/firmware/bmc").status_code == 404
