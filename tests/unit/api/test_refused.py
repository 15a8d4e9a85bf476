"""What is not offered is refused as Ironic does it with the interface disabled."""

from stbernard.api.parts import Parts
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault


def test_to_see_virtual_media(client: Client, parts: Parts) -> None:
    parts.store.nodes.create(a_node(name="n", driver="fake-hardware"))
    answer = client.get("/v1/nodes/n/vmedia")
    assert answer.status_code == 400
    assert fault(answer).startswith("Driver fake-hardware does not support get_virtual_media")
    assert client.get("/v1/nodes/nobody/vmedia").status_code == 404
    assert client_of(parts, "1.88").get("/v1/nodes/n/vmedia").status_code == 404
