"""The host's clock jumps by an hour, forwards and back, under the real service (libfaketime)."""

import email.utils
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.test_database_faults import CONFIG
from tests.postgresql import PostgreSQL
from tests.service import Service

pytestmark = pytest.mark.timeout(600)  # a service is started, on a machine that does other things

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
HOUR = 3600  # twice [conductor]rescue_callback_timeout
Jump = Callable[[int], None]

needs_faketime = pytest.mark.skipif(
    not Path(LIBRARY).exists(), reason="Debian's package faketime is for this processor not there"
)


@pytest.fixture
def jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jump:
    """Has the clock of what is started next differ by so many seconds; all of them know it then."""
    file = tmp_path / "faketime"
    file.write_text("+0\n")
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(file))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")  # it does not jump

    def jump(seconds: int) -> None:
        file.write_text(f"{seconds:+}\n")

    return jump


@pytest.fixture(params=["sqlite", "postgresql"])
def service(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    postgresql: PostgreSQL,
    jump: Jump,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Service]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/db" if is_sqlite else postgresql.database()
    config = CONFIG.format(database=url, folder=tmp_path) + "[agent]\nrequire_tls = False\n"
    service = Service(tmp_path, config, upgrade=is_sqlite)
    monkeypatch.setenv("LD_PRELOAD", LIBRARY)
    service.start("tests.crash.waiting_service")
    monkeypatch.delenv("LD_PRELOAD")
    yield service
    service.kill()
    if not is_sqlite:
        postgresql.drop(url)


def ahead(service: Service) -> float:
    """Seconds by which its clock differs from ours, as its answers say."""
    date = service.call("GET", "/v1").headers["Date"]
    return email.utils.parsedate_to_datetime(date).timestamp() - time.time()


def has_jumped(service: Service, by: int) -> None:
    service.wait(lambda: abs(ahead(service) - by) < HOUR / 4, "its clock has jumped")


@needs_faketime
def test_nothing_runs_out_and_nothing_waits_for_an_hour(service: Service, jump: Jump) -> None:
    node = str(uuid.uuid4())
    assert service.call("POST", "/v1/nodes", {"uuid": node, "driver": "fake-hardware"}).ok
    for verb, state in (("manage", "manageable"), ("adopt", "active")):
        assert service.provision(node, verb).status_code == 202
        service.wait_for_state(node, state)
    assert service.provision(node, "rescue", rescue_password="Tr0ub4dor&3").status_code == 202
    service.wait_for_state(node, "rescue wait")
    jump(HOUR)
    has_jumped(service, HOUR)
    left = service.get(f"/v1/nodes/{node}/rescue")["seconds_left"]
    assert HOUR / 4 < left < HOUR / 2
    token = service.get(f"/v1/lookup?node_uuid={node}")["config"]["agent_token"]
    body = {"callback_url": "http://127.0.0.1:1", "agent_token": token, "agent_version": "1"}
    assert service.call("POST", f"/v1/heartbeat/{node}", body).status_code == 202
    assert service.wait_for_state(node, "rescue", "rescue failed")["last_error"] is None
    assert service.provision(node, "unrescue").status_code == 202
    jump(-HOUR)  # its power takes two seconds
    has_jumped(service, -HOUR)
    assert service.wait_for_state(node, "active", "unrescue failed")["last_error"] is None
    assert service.call("GET", "/readyz").status_code == 200
