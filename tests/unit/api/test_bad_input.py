"""Nothing a client sends is an error of the server, and no answer holds a secret."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from stbernard.api.parts import Parts
from stbernard.nodes import Node
from stbernard.store.nodes import Nodes
from tests.factories import a_node
from tests.unit.api.fakes import Client, client_of, fault

SECRET = "Sesame-öffne-dich"
DEEP = b"[" * 100_000
BODIES = {
    "truncated": b'{"target": "rescue", "rescue_password": "' + SECRET.encode(),
    "trailing": b'{"rescue_password": "' + SECRET.encode() + b'"} x',
    "not UTF-8": b'{"target": "\xff\xfe"}',
    "no UTF-8 at all": b"\xff\xfe\x00",
    "NUL in a string": b'{"target": "a\\u0000b", "driver": "\\u0000", "op": "\\u0000"}',
    "NUL in a key": b'{"a\\u0000b": 1}',
    "half a surrogate": b'{"target": "\\ud800"}',
    "deep": DEEP,
    "deep but right": DEEP[:500] + b"]" * 500,
    "huge number": b'{"target": 1e999999}',
    "huge integer": b'{"target": ' + b"9" * 5000 + b"}",
    "NaN": b'{"target": NaN}',
    "scalar": b"5",
    "null": b"null",
    "string": json.dumps(SECRET).encode(),
    "list": b"[[]]",
    "form": b"target=rescue&rescue_password=" + SECRET.encode(),
    "large": b'{"target": "' + b"x" * 1_000_001 + b'"}',
}
ROUTES = (
    ("POST", "/v1/nodes"),
    ("PATCH", "/v1/nodes/n"),
    ("PUT", "/v1/nodes/n/states/provision"),
    ("PUT", "/v1/nodes/n/states/power"),
    ("PUT", "/v1/nodes/n/maintenance"),
    ("PUT", "/v1/nodes/n/management/boot_device"),
    ("PUT", "/v1/nodes/n/management/indicators/led@system"),
    ("PUT", "/v1/nodes/n/states/secure_boot"),
    ("PUT", "/v1/nodes/n/states/raid"),
    ("POST", "/v1/ports"),
    ("POST", "/v1/heartbeat/n"),
    ("POST", "/v1/deploy_templates"),
    ("POST", "/v1/runbooks"),
    ("PUT", "/v1/runbooks/n/traits"),
    ("POST", "/v1/inspection_rules"),
)


@pytest.fixture
def node(parts: Parts) -> Node:
    return parts.store.nodes.create(a_node(name="n"))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_wrong_bodies(client: Client, parts: Parts, node: Node, body: bytes) -> None:
    for method, path in ROUTES:
        for content_type in ("application/json", "text/plain", "multipart/form-data", "x"):
            headers = {"Content-Type": content_type}
            answer = client.request(method, path, content=body, headers=headers)
            assert 400 <= answer.status_code < 500, (method, path, content_type, answer.text)
            assert "Sesame" not in answer.text
    assert parts.store.nodes.get("n") == node


def test_too_large_a_body_is_named_so(client: Client, node: Node) -> None:
    answer = client.post("/v1/nodes", content=BODIES["large"])
    assert answer.status_code == 413
    assert json.loads(answer.json()["error_message"])["code"] == 413


def test_json_of_any_content_type_is_read(client: Client) -> None:
    body = json.dumps({"driver": "fake-hardware", "name": "x1"})
    answer = client.post("/v1/nodes", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 201


def test_a_body_of_no_content_type_is_refused(client: Client) -> None:
    answer = client.post("/v1/nodes", content=b'{"driver": "fake-hardware"}')
    assert answer.status_code == 400
    assert "Content-Type" in fault(answer)


@pytest.mark.parametrize(
    "values",
    [
        {"extra": {"a": 10**400, "b": -(2**63), "c": 1.5e308, "ü": "\U0001f436"}},
        {"properties": {"": [None, True, {"x": {}}]}},
        {"name": "x" * 255, "description": "y" * 4096},
    ],
)
def test_odd_but_right_values_are_kept(client: Client, values: dict[str, Any]) -> None:
    created = client.post("/v1/nodes", json={"driver": "fake-hardware", **values}).json()
    shown = client.get(f"/v1/nodes/{created['uuid']}").json()
    assert {name: shown[name] for name in values} == values


def test_nesting_by_many_patches_ends(client: Client, node: Node) -> None:
    for depth in range(10):
        path = "/extra" + "/a" * (depth * 10 + 1)
        value: Any = {}
        for _ in range(9):
            value = {"a": value}
        answer = client.patch("/v1/nodes/n", json=[{"op": "add", "path": path, "value": value}])
        assert answer.status_code in (200, 400)
    assert answer.status_code == 400
    assert "nested more than" in fault(answer) or "no such place" in fault(answer)
    assert client.get("/v1/nodes/n").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nodes/%00",
        "/v1/nodes/%ff",
        "/v1/nodes/" + "x" * 10000,
        "/v1/nodes/n/states?x=%00",
        "/v1/nodes?fields=%00",
        "/v1/nodes?fields=" + "x," * 3000,
        "/v1/nodes?limit=٣",
        "/v1/nodes?limit=1e3",
        "/v1/ports?address=%00",
        "/v1/drivers/%00",
        "/v1/conductors/%00",
        "/v1/nodes/n/history/%00",
        "/v1/lookup?addresses=%00",
        "/v1/nodes/n/states/provision",
        "//v1//nodes//n//x",
        "/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_wrong_paths_and_queries(client: Client, node: Node, path: str) -> None:
    assert 400 <= client.get(path).status_code < 500


@pytest.mark.parametrize("number", ["9" * 5000, "-1", "1e400", str(2**63), "0x10", "1_0", " 1"])
def test_numbers_no_database_holds(client: Client, number: str) -> None:
    for path in ("/v1/nodes", "/v1/ports", "/v1/runbooks", "/v1/inspection_rules"):
        assert client.get(path, params={"limit": number}).status_code in (200, 400)
        assert client.get(path, params={"marker": number}).status_code == 400
        assert client.get(f"{path}/{number}").status_code in (400, 404)


@pytest.mark.parametrize(
    "path", ["/v1/nodes/..%2f..%2fv1", "/v1/nodes/%2e%2e", "/v1/%2e%2e/%2e%2e"]
)
def test_tricks_with_paths(client: Client, node: Node, path: str) -> None:
    assert 400 <= client.get(path).status_code < 500
    assert 400 <= client.delete(path).status_code < 500


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "BREW", "PROPFIND"])
def test_methods_there_are_not(client: Client, node: Node, method: str) -> None:
    for path in ("/", "/v1", "/v1/nodes", "/v1/nodes/n", "/nowhere"):
        assert client.request(method, path).status_code in (200, 204, 404, 405, 501)


def test_a_body_in_chunks_is_limited_too(client: Client, parts: Parts) -> None:
    def chunks(count: int) -> Iterator[bytes]:
        yield b'{"driver": "fake-hardware", "name": "'
        for _ in range(count):
            yield b"x" * 1000
        yield b'"}'

    for count, status in ((1001, 413), (1, 400)):  # a name may have 255 characters
        headers = {"Content-Type": "application/json"}
        answer = client.post("/v1/nodes", content=chunks(count), headers=headers)
        assert answer.status_code == status


def test_headers_twice(client: Client) -> None:
    twice = [
        (b"X-OpenStack-Ironic-API-Version", b"1.50"),
        (b"X-OpenStack-Ironic-API-Version", b"x"),
    ]
    assert client.get("/v1/nodes", headers=twice).status_code in (200, 406)
    hosts = [(b"Host", b"a.example"), (b"Host", b"<script>")]
    assert "<script>" not in client.get("/v1", headers=hosts).text


def test_secrets_are_masked_at_any_depth(client: Client, parts: Parts) -> None:
    secrets = {
        "redfish_password": SECRET,
        "ipmi_PASSWORD": SECRET,
        "agent_secret_token": SECRET,
        "snmp_auth_key": SECRET,
        "deep": {"list": [{"private_key": SECRET}]},
    }
    info = {"configdrive": SECRET, "image_url": SECRET, "display_name": "web"}
    parts.store.nodes.create(
        a_node(
            name="n",
            driver_info=secrets,
            driver_internal_info=secrets,
            instance_info=secrets | info,
            arguments={"password_hash": "$5$" + SECRET},
        )
    )
    for path in ("/v1/nodes/n", "/v1/nodes/detail", "/v1/nodes?fields=driver_info,instance_info"):
        answer = client.get(path)
        assert SECRET not in json.dumps(answer.json(), ensure_ascii=False)
        assert "arguments" not in answer.text
    shown = client.get("/v1/nodes/n").json()
    assert shown["driver_info"]["deep"] == {"list": [{"private_key": "******"}]}
    assert shown["instance_info"]["display_name"] == "web"


def test_an_unexpected_error_is_in_the_log_and_not_in_the_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("internals")

    monkeypatch.setattr(Nodes, "row", broken)
    with capture_logs() as logs:
        answer = client.get("/v1/nodes/n")
    assert answer.status_code == 500
    assert "internals" not in answer.text
    ident = answer.headers["openstack-request-id"]
    assert ident in fault(answer)
    assert logs[0]["request_id"] == ident
    assert "ZeroDivisionError: internals" in logs[0]["traceback"]


def test_a_password_is_in_no_log(
    client: Client, parts: Parts, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"target": "rescue", "rescue_password": SECRET}
    path = "/v1/nodes/n/states/provision"
    with caplog.at_level(logging.DEBUG), capture_logs() as logs:
        client_of(parts, "1.37").put(path, json=body)
        client.put(path, json=body | {"bogus": 1})
        client.put(path, json=body | {"rescue_password": [SECRET]})
        client.put(path, content=BODIES["truncated"])
        assert client.put(path, json=body).status_code == 202
        assert client.put(path, json=body).status_code == 409
    assert SECRET not in caplog.text
    assert SECRET not in str(logs)
