import re
from pathlib import Path

import pytest

from stbernard_agent import __version__
from stbernard_agent.api import ApiError, BareMetalApi
from stbernard_agent.certificate import Certificate

from .fakes import NOT_FOUND, TOKEN, TOKEN_REFUSED, UUID, FakeService, fake_settings, found

MACS = ["52:54:00:77:00:01", "52:54:00:77:00:02"]


@pytest.fixture
def api(service: FakeService, tmp_path: Path) -> BareMetalApi:
    return BareMetalApi(fake_settings(tmp_path, service.url))


def test_lookup(api: BareMetalApi, service: FakeService) -> None:
    service.lookup_answers = [found(timeout=120)]
    node = api.lookup(MACS)
    assert (node.uuid, node.name, node.token, node.heartbeat_timeout) == (UUID, None, TOKEN, 120)
    path, headers = service.lookups.get_nowait()
    assert path == "/v1/lookup?addresses=52:54:00:77:00:01,52:54:00:77:00:02"
    assert headers["X-OpenStack-Ironic-API-Version"] == "1.68"
    assert api.own_address == "127.0.0.1"
    assert api.clock is not None


def test_heartbeat_has_the_fields_of_ironic(api: BareMetalApi, service: FakeService) -> None:
    api.lookup(MACS)
    api.heartbeat(UUID, TOKEN, "PEM")
    heartbeat = service.heartbeats.get_nowait()
    assert heartbeat["path"] == f"/v1/heartbeat/{UUID}"
    url = heartbeat["body"].pop("callback_url")
    assert re.fullmatch(r"https://127\.0\.0\.1:\d+", url)
    assert heartbeat["body"] == {
        "agent_version": __version__,
        "agent_token": TOKEN,
        "agent_verify_ca": "PEM",
    }


def test_a_path_before_v1_is_kept(service: FakeService, tmp_path: Path) -> None:
    BareMetalApi(fake_settings(tmp_path, service.url + "/baremetal/")).lookup(MACS)
    assert service.lookups.get_nowait()[0].startswith("/baremetal/v1/lookup?")


def test_the_next_service_is_asked_when_one_is_down(service: FakeService, tmp_path: Path) -> None:
    api = BareMetalApi(fake_settings(tmp_path, "http://127.0.0.1:1", service.url))
    assert api.lookup(MACS).uuid == UUID


def test_nobody_answers(tmp_path: Path) -> None:
    api = BareMetalApi(fake_settings(tmp_path, "http://127.0.0.1:1"))
    with pytest.raises(ApiError, match=r"127\.0\.0\.1:1 does not answer \(.*refused.*check"):
        api.lookup(MACS)


def test_an_unknown_node(api: BareMetalApi, service: FakeService) -> None:
    service.lookup_answers = [NOT_FOUND]
    with pytest.raises(ApiError, match=r"no node with 52:54:00:77:00:01.*check that a port"):
        api.lookup(MACS)


def test_an_ironic_that_is_too_old(api: BareMetalApi, service: FakeService) -> None:
    description = "The supported version range is: [1.1, 1.58]."
    service.lookup_answers = [
        (406, {"error_message": f'{{"code": 406, "description": "{description}"}}'})
    ]
    with pytest.raises(ApiError, match=r"refuses the lookup: 406 The supported .*1\.58"):
        api.lookup(MACS)


@pytest.mark.parametrize("answer", [None, [], {"node": {}}, {"node": {"uuid": UUID}}, "hello"])
def test_something_else_answers(api: BareMetalApi, service: FakeService, answer: object) -> None:
    service.lookup_answers = [(200, answer)]
    with pytest.raises(ApiError, match="check ipa-api-url"):
        api.lookup(MACS)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (TOKEN_REFUSED, "400 Invalid or missing agent token received."),
        ((409, {"error_message": {"faultstring": "Node is locked"}}), "409 Node is locked"),
        ((503, {"error_message": "not JSON"}), "503 not JSON"),
        ((502, None), "502 Bad Gateway"),
    ],
)
def test_a_refused_heartbeat(
    api: BareMetalApi, service: FakeService, answer: tuple[int, object], reason: str
) -> None:
    service.heartbeat_answers = [answer]
    with pytest.raises(ApiError) as refused:
        api.heartbeat(UUID, TOKEN, "PEM")
    assert str(refused.value) == f"the service refuses the heartbeat: {reason}"


@pytest.mark.parametrize("insecure", [False, True])
def test_https_is_verified_unless_told_otherwise(
    service: FakeService, tmp_path: Path, insecure: bool
) -> None:
    context = Certificate(tmp_path, "127.0.0.1").context()
    service.socket = context.wrap_socket(service.socket, server_side=True)
    url = service.url.replace("http:", "https:")
    api = BareMetalApi(fake_settings(tmp_path, url, arguments=f"ipa-insecure={insecure}"))
    if insecure:
        assert api.lookup(MACS).uuid == UUID
    else:
        with pytest.raises(ApiError, match="certificate verify failed: self-signed"):
            api.lookup(MACS)
