"""Discovery, negotiation of the version, and the headers of every answer."""

import json
import re

import pytest

from stbernard.api.microversions import SINCE, Version
from stbernard.api.parts import Parts
from stbernard.settings import Api as ApiSettings
from tests.unit.api.fakes import Client, client_of, with_settings

OWN = "X-OpenStack-Ironic-API-Version"


@pytest.fixture
def plain(parts: Parts) -> Client:
    """A client that names no version."""
    client = client_of(parts)
    del client.headers[OWN]
    return client


def test_discovery_is_the_version_document(plain: Client) -> None:
    root = plain.get("/").json()
    assert root["default_version"] == root["versions"][0]
    assert root["versions"][0] == {
        "id": "v1",
        "links": [{"href": "http://bmaas.example/v1/", "rel": "self"}],
        "status": "CURRENT",
        "min_version": "1.1",
        "version": "1.115",
    }
    for path in ("/v1", "/v1/"):
        v1 = plain.get(path).json()
        assert v1["version"] == root["default_version"]
        assert v1["nodes"][0] == {"href": "http://bmaas.example/v1/nodes/", "rel": "self"}
        assert "conductors" not in v1


def test_discovery_names_the_resources_of_the_version(client: Client) -> None:
    v1 = client.get("/v1").json()
    assert v1["lookup"][1] == {"href": "http://bmaas.example/lookup/", "rel": "bookmark"}
    assert v1.keys() >= SINCE["resource"].keys()


def test_links_start_with_the_public_endpoint(parts: Parts) -> None:
    api = ApiSettings(public_endpoint="https://metal.example/baremetal/")
    client = client_of(with_settings(parts, api=api))
    assert client.get("/v1").json()["links"][0]["href"] == "https://metal.example/baremetal/v1/"


@pytest.mark.parametrize("host", ["x:y", "x:99999999", "[::1", ""])
def test_links_do_not_start_with_what_is_no_address(client: Client, host: str) -> None:
    links = client.get("/v1", headers={"Host": host}).json()["links"]
    assert links[0]["href"] == "http://127.0.0.1:6385/v1/"


def test_links_start_with_the_address_the_client_used(client: Client) -> None:
    links = client.get("/v1", headers={"Host": "[fd00::7]:6385"}).json()["links"]
    assert links[0]["href"] == "http://[fd00::7]:6385/v1/"


@pytest.mark.parametrize(
    ("headers", "served"),
    [
        ({}, "1.1"),
        ({OWN: "1.50"}, "1.50"),
        ({OWN: "latest"}, "1.115"),
        ({"OpenStack-API-Version": "baremetal 1.50"}, "1.50"),
        ({"OpenStack-API-Version": "compute 2.1, baremetal latest"}, "1.115"),
        ({"OpenStack-API-Version": "compute 2.1"}, "1.1"),
        ({"OpenStack-API-Version": "baremetal 1.60", OWN: "1.50"}, "1.60"),
    ],
)
def test_negotiation(plain: Client, headers: dict[str, str], served: str) -> None:
    answer = plain.get("/v1/nodes", headers=headers)
    assert (answer.status_code, answer.headers[OWN]) == (200, served)


@pytest.mark.parametrize(
    "headers",
    [
        *({OWN: text} for text in ("1.999", "1.0", "0.9", "2.0", "abc", "1", "1.1.1", "", "1.٣")),
        {"OpenStack-API-Version": "baremetal 1.999"},
        {"OpenStack-API-Version": "baremetal"},
    ],
)
def test_a_version_that_is_not_served(plain: Client, headers: dict[str, str]) -> None:
    encoded = [(name.encode(), text.encode()) for name, text in headers.items()]
    answer = plain.get("/v1/nodes", headers=encoded)
    assert answer.status_code == 406
    inner = json.loads(answer.json()["error_message"])
    assert (inner["code"], inner["title"]) == (406, "Not Acceptable")
    assert OWN not in answer.headers
    assert answer.headers["X-OpenStack-Ironic-API-Maximum-Version"] == "1.115"


def test_every_answer_carries_versions_and_a_request_id(client: Client) -> None:
    for path in ("/", "/v1/nodes", "/v1/nodes/nobody", "/nowhere", "/v1/nodes?limit=x"):
        headers = client.get(path).headers
        assert headers["X-OpenStack-Ironic-API-Minimum-Version"] == "1.1"
        assert headers["X-OpenStack-Ironic-API-Maximum-Version"] == "1.115"
        assert re.fullmatch("req-[0-9a-f-]{36}", headers["x-openstack-request-id"])
        assert headers["openstack-request-id"] == headers["x-openstack-request-id"]
        assert headers["content-type"] == "application/json"


def test_errors_of_routing_have_their_own_shape(client: Client) -> None:
    for method, path, status, title in (
        ("GET", "/v2", 404, "Not Found"),
        ("GET", "/v1/nosuch", 404, "Not Found"),
        ("GET", "/healthcheck", 404, "Not Found"),
        ("PUT", "/v1/nodes/n", 405, "Method Not Allowed"),
        ("GET", "/v1/nodes/not%20a%20name", 400, "Bad Request"),
    ):
        answer = client.request(method, path)
        assert answer.status_code == status
        inner = json.loads(answer.json()["error_message"])
        assert (inner["code"], inner["title"]) == (status, title)
        assert OWN not in answer.headers
    assert inner["description"] == "Expected UUID or name for node: not a name"


def test_head_answers_as_get(client: Client) -> None:
    assert client.head("/v1/nodes").status_code == 200
    assert client.head("/v1/nodes/nobody").status_code == 404


def test_the_table_is_in_the_order_of_the_versions() -> None:
    for kind in ("node field", "port field", "verb", "node filter"):
        numbers = list(SINCE[kind].values())
        assert numbers == sorted(numbers), kind


def test_what_is_not_in_the_table_is_as_old_as_the_api() -> None:
    assert Version(1).allows("node field", "driver")
    assert not Version(37).allows("verb", "rescue")
    assert Version(38).allows("verb", "rescue")
