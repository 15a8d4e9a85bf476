"""`openstack` with a user and a password. (With tokens: tests/openstack/test_identity.py.)"""

from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from tests.client.conftest import CONFIG, Client
from tests.service import Service


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("guarded")
    hashed = bcrypt.hashpw(b"Sesame-1", bcrypt.gensalt(5)).decode()
    (folder / "htpasswd").write_text(f"ann:{hashed}\n")
    service = Service(folder, CONFIG + _strategy(folder / "htpasswd")).start()
    yield service
    service.stop()


def _strategy(users: Path) -> str:
    return f"auth_strategy = http_basic\nhttp_basic_auth_user_file = {users}\n"


def _client(service: Service, password: str) -> Client:
    who = ("--os-username", "ann", "--os-password", password)
    return Client(service, "--os-auth-type", "http_basic", "--os-endpoint", service.url, *who)


def test_the_client_with_user_and_password(guarded: Service) -> None:
    client = _client(guarded, "Sesame-1")
    client.do("node", "create", "--driver", "fake-hardware", "--name", "web-1")
    assert [node["name"] for node in client.json("node", "list")] == ["web-1"]
    client.close()


def test_the_client_with_a_wrong_password(guarded: Service) -> None:
    client = _client(guarded, "Sesame-2")
    assert "Unauthorized (HTTP 401)" in client.refused("node", "list")
    client.close()
    assert "Sesame" not in guarded.log.read_text()
