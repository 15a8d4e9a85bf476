"""Shards, and the children of a node."""

from stbernard.api.parts import Parts
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of

NOBODY = "ffffffff-0000-4000-8000-00000000dead"


def test_shards(client: Client, parts: Parts) -> None:
    assert client.get("/v1/shards").json() == {"shards": []}
    for shard in ("a", "b", "b", None, None, None):
        parts.store.nodes.create(a_node(shard=shard))
    counted = [{"name": name, "count": count} for name, count in (("None", 3), ("b", 2), ("a", 1))]
    assert client.get("/v1/shards").json() == {"shards": counted}
    assert client.get("/v1/shards/a").status_code == 404
    assert client.get("/v1/shards?x=1").status_code == 400
    assert client_of(parts, "1.81").get("/v1/shards").status_code == 404


def test_children(client: Client, parts: Parts) -> None:
    parent = parts.store.nodes.create(a_node(name="n"))
    children = [parts.store.nodes.create(a_node(parent_node=parent.uuid)).uuid for _ in range(2)]
    answer = client.get("/v1/nodes/n/children").json()
    assert answer["children"] == children
    assert answer["links"]["rel"] == "children"
    listed = client.get(answer["links"]["href"]).json()["nodes"]
    assert [node["uuid"] for node in listed] == children
    assert client.get(f"/v1/nodes/{children[0]}/children").json()["children"] == []
    assert client.get(f"/v1/nodes/{NOBODY}/children").status_code == 404
    assert client_of(parts, "1.82").get("/v1/nodes/n/children").status_code == 404
