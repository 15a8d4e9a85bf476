"""The service with tokens of the real Keystone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from tools.openstack import catalogue
from tools.openstack.cloud import Cloud
from tools.openstack.config import IDENTITY, credentials

from tests.client.conftest import Client
from tests.openstack.people import PASSWORD as THEIR_PASSWORD
from tests.openstack.people import People, Person
from tests.service import HEADERS, PATIENCE, Service
from tests.unit.identity.keystone import KEYSTONE

CACHE_TIME = 2  # seconds
SHORT = 3  # seconds that a token lasts
CONFIG = f"""auth_strategy = keystone
rbac_service_role_elevated_access = true
enabled_hardware_types = fake-hardware
enabled_boot_interfaces = fake
[keystone_authtoken]
token_cache_time = {CACHE_TIME}
http_request_max_retries = 0
{{credentials}}
"""


@pytest.fixture(scope="module")
def service(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    known = "\n".join(f"{name} = {value}" for name, value in credentials("ironic").items())
    config = CONFIG.format(credentials=known)
    service = Service(tmp_path_factory.mktemp("service"), config).start()
    yield service
    assert service.stop() == 0, service.log.read_text()


@pytest.fixture(scope="module")
def people(cloud: Cloud) -> People:
    return People()


def ask(service: Service, token: str | None, path: str, **more: Any) -> requests.Response:
    headers = dict(HEADERS) | more.pop("headers", {})
    if token:
        headers["X-Auth-Token"] = token
    method = more.pop("method", "GET")
    return requests.request(method, service.url + path, headers=headers, timeout=PATIENCE, **more)


def names(answer: requests.Response) -> set[str]:
    assert answer.ok, answer.text
    return {node["name"] for node in answer.json()["nodes"]}


@pytest.fixture(scope="module")
def owner(service: Service, people: People) -> Person:
    """A project's administrator, who has made a node there."""
    owner = people.person("owner", "admin", "red")
    body = {"driver": "fake-hardware", "name": "of-red"}
    made = ask(service, owner.token(), "/v1/nodes", method="POST", json=body)
    assert made.json()["owner"] == people.project("red"), made.text
    return owner


def test_a_node_is_its_projects_and_the_systems(
    service: Service, people: People, owner: Person
) -> None:
    assert names(ask(service, owner.token(), "/v1/nodes")) == {"of-red"}
    reader = people.person("reader", "reader").token()
    assert names(ask(service, reader, "/v1/nodes")) == {"of-red"}
    off = {"method": "PUT", "json": {"target": "power off"}}
    assert ask(service, reader, "/v1/nodes/of-red/states/power", **off).status_code == 403
    other = people.person("other", "admin", "blue").token()
    assert names(ask(service, other, "/v1/nodes")) == set()
    assert ask(service, other, "/v1/nodes/of-red").status_code == 404


def test_the_service_user_sees_all(service: Service, people: People, owner: Person) -> None:
    compute = people.person("compute", "service", "service").token()
    assert names(ask(service, compute, "/v1/nodes")) == {"of-red"}


def test_the_openstack_client_finds_its_way(
    service: Service, people: People, owner: Person
) -> None:
    catalogue.Identity().register(service.url)
    for person, seen in ((owner, ["of-red"]), (people.person("other", "admin", "blue"), [])):
        client = Client(service, *person.login())
        assert [node["name"] for node in client.json("node", "list")] == seen
        client.close()
    system = Client(service, *people.person("reader", "reader").login())
    assert [node["name"] for node in system.json("node", "list")] == ["of-red"]
    refused = system.refused("node", "power", "off", "of-red")
    assert "baremetal:node:set_power_state" in refused
    system.close()


def test_a_service_speaks_for_a_user(service: Service, people: People, owner: Person) -> None:
    compute = people.person("compute", "service", "service").token()
    user = owner.token()
    spoken = ask(service, user, "/v1/nodes", headers={"X-Service-Token": compute})
    assert names(spoken) == {"of-red"}
    no_service = ask(service, user, "/v1/nodes", headers={"X-Service-Token": user})
    assert no_service.status_code == 401


def test_without_a_right_token(service: Service) -> None:
    for token in (None, "nonsense", "gAAAAABnonsense"):
        answer = ask(service, token, "/v1/nodes")
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == 401
        assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")
    for path in ("/", "/v1", "/healthz"):
        assert ask(service, None, path).status_code == 200


def test_a_revoked_token_ends_with_the_cache_time(
    service: Service, people: People, owner: Person
) -> None:
    token = owner.token()
    assert ask(service, token, "/v1/nodes").status_code == 200
    people.revoke(token)

    def ended() -> bool:
        return ask(service, token, "/v1/nodes").status_code == 401

    service.wait(ended, "the revoked token has ended")


def test_without_keystone_nobodys_token_is_wrong(
    service: Service, people: People, owner: Person, cloud: Cloud
) -> None:
    token = owner.token()
    cloud.stop("keystone")
    try:
        answer = ask(service, token, "/v1/nodes")
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"]
        assert ask(service, None, "/v1").status_code == 200
    finally:
        cloud.start("keystone")
    assert names(ask(service, token, "/v1/nodes")) == {"of-red"}


@contextmanager
def short_tokens(cloud: Cloud) -> Iterator[None]:
    """Tokens that are made meanwhile end after a few seconds."""
    file = cloud.folder / "etc/keystone/keystone.conf"
    usual = file.read_text()
    try:
        file.write_text(usual.replace("[token]", f"[token]\nexpiration = {SHORT}"))
        cloud.stop("keystone")
        cloud.start("keystone")
        yield
    finally:
        file.write_text(usual)
        cloud.stop("keystone")
        cloud.start("keystone")


@pytest.fixture(scope="module")
def ended_token(cloud: Cloud, people: People, owner: Person) -> str:
    """A token of a user's that was right, and has ended. (`owner` has made a node there.)"""
    with short_tokens(cloud):
        token = people.person("reader", "reader", str(owner.project)).token()
    end = time.monotonic() + PATIENCE
    while identity(people.token(), token).status_code != 404:
        assert time.monotonic() < end
        time.sleep(0.2)
    return token


def identity(own: str, subject: str, query: str = "nocatalog") -> requests.Response:
    """What Keystone says of a token."""
    tokens = {"X-Auth-Token": own, "X-Subject-Token": subject}
    return requests.get(f"{IDENTITY}/auth/tokens?{query}", headers=tokens, timeout=PATIENCE)


def test_a_service_speaks_for_a_user_whose_token_has_ended(
    service: Service, people: People, owner: Person, ended_token: str
) -> None:
    assert ask(service, ended_token, "/v1/nodes").status_code == 401
    compute = people.person("compute", "service", "service").token()
    spoken = ask(service, ended_token, "/v1/nodes", headers={"X-Service-Token": compute})
    assert names(spoken) == {"of-red"}
    for no_service in (owner.token(), "nonsense"):
        headers = {"X-Service-Token": no_service}
        assert ask(service, ended_token, "/v1/nodes", headers=headers).status_code == 401


def test_keystone_still_answers_as_recorded(cloud: Cloud, people: People, ended_token: str) -> None:
    people.project("recorded")
    in_project = people.person("recorded", "reader", "recorded").token()
    of_system = people.person("recorded", "reader").token()
    own, root = people.token(), IDENTITY.removesuffix("/v3")

    def log_in(password: str) -> requests.Response:
        user = {"name": "recorded", "password": password, "domain": {"id": "default"}}
        who = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "recorded", "domain": {"id": "default"}}}
        body = {"auth": {"identity": who, "scope": scope}}
        return requests.post(f"{IDENTITY}/auth/tokens", json=body, timeout=PATIENCE)

    KEYSTONE.check(
        {
            "the versions": requests.get(root, timeout=PATIENCE),
            "version 3": requests.get(IDENTITY, timeout=PATIENCE),
            "log in": log_in(THEIR_PASSWORD),
            "log in with a wrong password": log_in("wrong"),
            "a token of a project": identity(own, in_project),
            "a token of the system": identity(own, of_system),
            "no such token": identity(own, "nonsense"),
            "a token that has ended": identity(own, ended_token),
            "a token that has ended, for a service": identity(
                own, ended_token, "nocatalog&allow_expired=1"
            ),
            "asked by nobody": identity("nonsense", in_project),
        }
    )


def test_the_log_holds_no_token(service: Service, owner: Person) -> None:
    token = owner.token()
    ask(service, token, "/v1/nodes")
    ask(service, "nonsense-token", "/v1/nodes")
    log = Path(service.log).read_text()
    assert token not in log
    assert "nonsense-token" not in log
