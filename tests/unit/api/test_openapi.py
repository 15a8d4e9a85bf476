"""The API's description is valid OpenAPI, whole, and served. (That it is current: test_docs.py.)"""

from openapi_spec_validator import OpenAPIV31SpecValidator
from tools.docs.openapi import document
from tools.docs.openapi.routes import routes

from tests.unit.api.fakes import Client

DOCUMENT = document()


def operation(method: str, path: str) -> dict[str, object]:
    found: dict[str, object] = DOCUMENT["paths"][path][method]
    return found


def test_it_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_each_route_is_in_it() -> None:
    for route in routes():
        assert operation(route.method.lower(), route.path)


def test_a_handler_says_what_its_query_holds() -> None:
    parameters = DOCUMENT["paths"]["/v1/nodes/{ident}/ports"]["get"]["parameters"]
    words = [each["name"] for each in parameters if each.get("in") == "query"]
    own = ["address", "description_contains"]
    assert words == [*own, "limit", "marker", "sort_key", "sort_dir", "fields", "detail"]


def test_a_handler_says_which_version_it_came_with() -> None:
    assert operation("get", "/v1/conductors")["x-openstack"] == {"min-ver": "1.49"}
    assert "x-openstack" not in operation("get", "/v1/nodes")


def test_fields_have_types_and_versions() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["port"]["properties"]["pxe_enabled"] == {
        "type": "boolean",
        "x-openstack": {"min-ver": "1.19"},
    }
    assert schemas["new_port"]["required"] == ["address"]
    assert schemas["port_patch"]["items"]["properties"]["path"]["pattern"].startswith("^/(address|")
    assert schemas["node"]["properties"]["reservation"]["anyOf"] == [
        {"type": "string"},
        {"type": "null"},
    ]


def test_it_is_served(client: Client) -> None:
    answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == DOCUMENT
    old = {"X-OpenStack-Ironic-API-Version": "1.1"}  # which strips `.json` elsewhere
    assert client.get("/openapi.json", headers=old).status_code == 200
    assert client.head("/openapi.json").status_code == 200
    assert client.get("/v1/openapi.json").status_code == 404
