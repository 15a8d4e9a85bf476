"""What is not offered is refused as Ironic does it with the interface disabled."""

import pytest

from stbernard.api.parts import Parts
from stbernard.api.refused import ROUTES
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault

CALLS = sorted(
    (str(method), path) for route in ROUTES for path in route.paths for method in route.http_methods
)


@pytest.mark.parametrize(("method", "typed"), CALLS)
def test_refused(client: Client, parts: Parts, method: str, typed: str) -> None:
    parts.store.nodes.create(a_node(name="n", driver="fake-hardware"))
    path = typed.replace("{indicator:str}", "led@chassis")
    there = path.replace("{ident:str}", "n")
    answer = client.request(method, there)
    assert answer.status_code == 400
    assert fault(answer).startswith("Driver fake-hardware does not support ")
    gone = path.replace("{ident:str}", "nobody")
    assert client.request(method, gone).status_code == 404


def test_in_a_version_without_it(parts: Parts) -> None:
    parts.store.nodes.create(a_node(name="n"))
    assert client_of(parts, "1.62").get("/v1/nodes/n/management/indicators").status_code == 404
    assert client_of(parts, "1.88").get("/v1/nodes/n/vmedia").status_code == 404
