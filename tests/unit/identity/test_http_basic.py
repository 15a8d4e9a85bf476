"""User and password from an htpasswd file, as curl and openstackclient send them."""

import base64
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from stbernard.api.parts import Parts
from stbernard.errors import SettingsError
from stbernard.identity.http_basic import HttpBasic
from tests.unit.api.conftest import parts, settings  # noqa: F401 (fixtures)
from tests.unit.api.fakes import client_of


def entry(user: str, password: str) -> str:
    return f"{user}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n"


def basic(user: str, password: str) -> dict[str, str]:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "htpasswd"
    path.write_text("# people\n" + entry("ann", "sésame:1") + entry("bob", "b"))
    return path


@pytest.fixture
def guarded(parts: Parts, users: Path) -> Parts:  # noqa: F811
    return replace(parts, identity=HttpBasic(str(users)))


def test_who_knows_a_password_may_do_everything(guarded: Parts) -> None:
    with client_of(guarded) as client:
        for _ in range(2):
            assert client.get("/v1/nodes", headers=basic("ann", "sésame:1")).status_code == 200
        made = client.post("/v1/nodes", json={"driver": "fake-hardware"}, headers=basic("bob", "b"))
        assert made.status_code == 201


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({}, 401, "Authorization required"),
        (basic("ann", "wrong"), 401, "Incorrect username or password"),
        (basic("nobody", "b"), 401, "Incorrect username or password"),
        ({"Authorization": "Bearer x"}, 400, 'Unsupported authorization type "Bearer"'),
        ({"Authorization": "Basic %%%"}, 400, "Could not decode authorization token"),
        ({"Authorization": "Basic YW5u"}, 400, "Could not decode authorization token"),
        ({"Authorization": "Basic"}, 400, "Could not decode authorization token"),
    ],
)
def test_the_others_are_told_why(
    guarded: Parts, headers: dict[str, str], status: int, text: str
) -> None:
    with client_of(guarded) as client:
        answer = client.get("/v1/nodes", headers=headers)
    assert answer.status_code == status
    assert answer.json() == {"error": {"message": text, "code": status}}
    challenge = 'Basic realm="Baremetal API"' if status == 401 else None
    assert answer.headers.get("WWW-Authenticate") == challenge
    assert answer.headers["openstack-request-id"].startswith("req-")
    assert answer.headers["x-openstack-ironic-api-maximum-version"] == "1.115"


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/", "/v1/lookup", "/v1/heartbeat/x", "/healthz", "/metrics", "/openapi.json"],
)
def test_what_is_public_needs_nobody(guarded: Parts, path: str) -> None:
    with client_of(guarded) as client:
        assert client.get(path).status_code != 401


@pytest.mark.parametrize("path", ["/nodes", "/v1/nosuch", "/v1/lookups", "/v1/heartbeat", "/boots"])
def test_all_else_does(guarded: Parts, path: str) -> None:
    with client_of(guarded) as client:
        assert client.get(path).status_code == 401


def test_a_changed_file_holds_at_once(guarded: Parts, users: Path) -> None:
    with client_of(guarded) as client:
        assert client.get("/v1/nodes", headers=basic("bob", "b")).status_code == 200
        replaced(users, entry("bob", "new"))
        assert client.get("/v1/nodes", headers=basic("bob", "b")).status_code == 401
        assert client.get("/v1/nodes", headers=basic("bob", "new")).status_code == 200
        users.unlink()
        assert client.get("/v1/nodes", headers=basic("bob", "new")).status_code == 200


def replaced(path: Path, text: str) -> Any:
    path.write_text(text)
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


@pytest.mark.parametrize("text", ["ann:{SHA}xyz\n", "ann:plain\n", "ann:$apr1$x$y\n"])
def test_another_hash_than_bcrypt_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "htpasswd").write_text("\n" + text)
    with pytest.raises(SettingsError, match=r"line 2 .*bcrypt"):
        HttpBasic(str(tmp_path / "htpasswd"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"http_basic_auth_user_file: .*nosuch"):
        HttpBasic(str(tmp_path / "nosuch"))
