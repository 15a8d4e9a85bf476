"""Tokens: what is asked of the Identity service, how often, and what its trouble looks like."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from stbernard.errors import SettingsError, Unauthorized, Unavailable
from stbernard.identity.caller import Caller
from stbernard.identity.keystone import Keystone
from stbernard.openstack.settings import KeystoneAuthtoken
from tests.unit.identity.keystone import FakeKeystone, a_token


@pytest.fixture
def fake() -> Iterator[FakeKeystone]:
    fake = FakeKeystone()
    fake.tokens["good"] = a_token("member", "reader")
    yield fake
    fake.stop()


def ask(keystone: Keystone, **headers: str) -> Caller:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(keystone.caller(named))


def test_a_token_tells_who_calls_and_where(fake: FakeKeystone) -> None:
    caller = ask(Keystone(fake.options()), x_auth_token="good")
    assert (caller.user_id, caller.project_id, caller.project_name) == ("u1", "p1", "red")
    assert caller.roles == ("member", "reader")
    assert caller.system_scope is None
    assert caller.credentials()["roles"] == ["member", "reader"]


@pytest.mark.parametrize(
    ("scope", "field", "value"),
    [
        ({"system": {"all": True}}, "system_scope", "all"),
        ({"domain": {"id": "d1", "name": "d"}}, "domain_id", "d1"),
    ],
)
def test_other_scopes(fake: FakeKeystone, scope: Mapping[str, Any], field: str, value: str) -> None:
    fake.tokens["other"] = a_token("admin", **scope)
    caller = ask(Keystone(fake.options()), x_auth_token="other")
    assert getattr(caller, field) == value
    assert caller.project_id is None


def test_a_token_is_asked_about_once(fake: FakeKeystone) -> None:
    keystone = Keystone(fake.options())
    for _ in range(3):
        ask(keystone, x_auth_token="good")
    assert fake.asked == ["good"]


def test_a_wrong_token_is_asked_about_once_too(fake: FakeKeystone) -> None:
    keystone = Keystone(fake.options())
    for _ in range(3):
        with pytest.raises(Unauthorized) as caught:
            ask(keystone, x_auth_token="bad")
    assert fake.asked == ["bad"]
    assert caught.value.challenge == f'Keystone uri="{fake.url}"'


def test_no_token_is_refused_without_a_question(fake: FakeKeystone) -> None:
    with pytest.raises(Unauthorized):
        ask(Keystone(fake.options()))
    assert fake.asked == []


def test_requests_that_come_together_ask_once(fake: FakeKeystone) -> None:
    fake.hold = threading.Event()
    keystone = Keystone(fake.options())

    async def many() -> list[Caller]:
        asked = [asyncio.create_task(keystone.caller({"x-auth-token": "good"})) for _ in range(20)]
        while not fake.asked:
            await asyncio.sleep(0.01)
        asked[0].cancel()  # its client went away; the others' answer comes all the same
        assert fake.hold
        fake.hold.set()
        return await asyncio.gather(*asked[1:])

    assert {caller.user_id for caller in asyncio.run(many())} == {"u1"}
    assert fake.asked == ["good"]


def test_a_revoked_token_ends_with_the_cache_time(
    fake: FakeKeystone, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("stbernard.identity.keystone.time.monotonic", lambda: now[0])
    keystone = Keystone(fake.options(token_cache_time=60))
    ask(keystone, x_auth_token="good")
    del fake.tokens["good"]
    now[0] += 59
    ask(keystone, x_auth_token="good")
    now[0] += 1
    with pytest.raises(Unauthorized):
        ask(keystone, x_auth_token="good")


def test_without_a_cache_a_revoked_token_ends_at_once(fake: FakeKeystone) -> None:
    keystone = Keystone(fake.options(token_cache_time=-1))
    ask(keystone, x_auth_token="good")
    del fake.tokens["good"]
    with pytest.raises(Unauthorized):
        ask(keystone, x_auth_token="good")


def test_a_remembered_token_ends_with_itself(
    fake: FakeKeystone, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.tokens["short"] = a_token("member", ends_in=1000)
    keystone = Keystone(fake.options())
    caller = ask(keystone, x_auth_token="short")
    monkeypatch.setattr("stbernard.identity.keystone.time.time", lambda: 4e9)
    with pytest.raises(Unauthorized):
        ask(keystone, x_auth_token="short")
    assert caller.roles == ("member",)


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_trouble_of_the_identity_service_is_nobodys_fault(fake: FakeKeystone, status: int) -> None:
    keystone = Keystone(fake.options())
    fake.odd = status
    with pytest.raises(Unavailable):
        ask(keystone, x_auth_token="good")
    fake.odd = None
    assert ask(keystone, x_auth_token="good").user_id == "u1"


def test_an_identity_service_that_is_away(fake: FakeKeystone) -> None:
    keystone = Keystone(fake.options())
    fake.tokens["other"] = a_token("reader")
    ask(keystone, x_auth_token="good")
    fake.stop()
    with pytest.raises(Unavailable):
        ask(keystone, x_auth_token="other")
    assert ask(keystone, x_auth_token="good").user_id == "u1"  # it is remembered


def test_a_service_speaks_for_a_user_whose_token_has_ended(fake: FakeKeystone) -> None:
    fake.tokens["ended"] = a_token("member", ends_in=-60)
    fake.tokens["nova"] = a_token("service", "admin")
    keystone = Keystone(fake.options())
    with pytest.raises(Unauthorized):
        ask(keystone, x_auth_token="ended")
    caller = ask(keystone, x_auth_token="ended", x_service_token="nova")
    assert (caller.roles, caller.service_roles) == (("member",), ("service", "admin"))


def test_a_service_token_needs_the_role(fake: FakeKeystone) -> None:
    fake.tokens["ended"] = a_token("member", ends_in=-60)
    fake.tokens["user"] = a_token("admin")
    with pytest.raises(Unauthorized):
        ask(Keystone(fake.options()), x_auth_token="good", x_service_token="user")
    with pytest.raises(Unauthorized):
        ask(Keystone(fake.options()), x_auth_token="good", x_service_token="nosuch")
    lax = Keystone(fake.options(service_token_roles_required=False))
    assert ask(lax, x_auth_token="good", x_service_token="user").service_roles == ("admin",)
    with pytest.raises(Unauthorized):
        ask(lax, x_auth_token="ended", x_service_token="user")


def test_without_credentials_nobody_could_be_asked() -> None:
    with pytest.raises(SettingsError, match=r"\[keystone_authtoken\]auth_type"):
        Keystone(KeystoneAuthtoken())
