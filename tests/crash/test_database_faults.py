"""The database killed, cut off, full: requests get 503, nothing is lost, work goes on by itself."""

import os
import secrets
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from stbernard.errors import Unavailable
from stbernard.store import Store
from stbernard.store.engine import Database
from tests.factories import a_node
from tests.postgresql import RECOVERY, PostgreSQL
from tests.service import FAKE_INTERFACES, Service

pytestmark = pytest.mark.timeout(600)  # services are started, on a machine that does other things
CONFIG = (
    FAKE_INTERFACES
    + """
[database]
connection = {database}
[fake]
state_dir = {folder}/hardware
power_delay = 2
[conductor]
heartbeat_interval = 1
heartbeat_timeout = 5
power_state_change_timeout = 600
"""
)
MANY = 6
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a small file system is mounted by root")


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """One of the test's own, which keeps what it has committed."""
    server = PostgreSQL(quick=False)
    yield server
    server.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB."""
    folder = Path(tempfile.mkdtemp(prefix="stbernard-small-", dir="/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@contextmanager
def serving(folder: Path, database: str) -> Iterator[Service]:
    service = Service(
        folder, CONFIG.format(database=database, folder=folder), upgrade="sqlite" in database
    )
    try:
        yield service.start()
    finally:
        service.kill()


def create(service: Service, made: list[str]) -> int:
    """A node that takes some space, also where the database packs what it keeps."""
    node = str(uuid.uuid4())
    body = {"uuid": node, "driver": "fake-hardware", "extra": {"pad": secrets.token_hex(20_000)}}
    status = refused_or(service, "POST", "/v1/nodes", body)
    made += [node] if status == 201 else []
    return status


def refused_or(service: Service, method: str, path: str, body: object = None) -> int:
    """The status; 503 is told as the contract says it."""
    answer = service.call(method, path, body)
    if answer.status_code == 503:
        assert answer.headers["Retry-After"] == "1"
        assert "The database does not answer" in answer.text
    else:
        assert answer.status_code < 500, answer.text
    return answer.status_code


def begin_rescues(service: Service) -> list[str]:
    """Of active nodes; each goes on for some seconds of hardware time."""
    nodes = [str(uuid.uuid4()) for _ in range(MANY)]
    for node in nodes:
        assert service.call("POST", "/v1/nodes", {"uuid": node, "driver": "fake-hardware"}).ok
        for verb, state in (("manage", "manageable"), ("adopt", "active")):
            assert service.provision(node, verb).status_code == 202
            service.wait_for_state(node, state)
    for node in nodes:
        given = {"rescue_password": "Tr0ub4dor&3"}
        assert service.provision(node, "rescue", **given).status_code == 202
    return nodes


def all_are_rescued(service: Service, nodes: list[str]) -> None:
    service.wait(lambda: refused_or(service, "GET", "/v1/nodes") == 200, "the database is back")
    for node in nodes:
        assert service.wait_for_state(node, "rescue", "rescue failed")["last_error"] is None


def test_the_database_is_killed_and_starts_again(server: PostgreSQL, tmp_path: Path) -> None:
    with serving(tmp_path, server.database()) as service:
        nodes = begin_rescues(service)
        server.stop("immediate")
        path = f"/v1/nodes/{nodes[0]}"
        for _ in range(3):
            assert refused_or(service, "GET", path) == 503
            assert refused_or(service, "PUT", f"{path}/states/power", {"target": "power on"}) == 503
        assert service.call("GET", "/readyz").status_code == 503
        server.start()
        all_are_rescued(service, nodes)


def test_connections_are_cut_again_and_again(server: PostgreSQL, tmp_path: Path) -> None:
    """Whatever they were doing, transactions among it."""
    url = server.database()
    with serving(tmp_path, url) as service:
        nodes = begin_rescues(service)

        def over() -> bool:
            server.cut(str(make_url(url).database))
            answer = service.call("GET", "/v1/nodes?provision_state=rescue")
            assert answer.status_code in (200, 503), answer.text
            return answer.ok and len(answer.json()["nodes"]) >= MANY // 2

        service.wait(over, "half of the rescues are through")
        all_are_rescued(service, nodes)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_is_cut_in_a_transaction_writes_nothing(
    store: Store, postgresql: PostgreSQL
) -> None:
    node = store.nodes.create(a_node())

    def work(connection: object) -> None:
        connection.execute(text("UPDATE nodes SET description = 'half'"))  # type: ignore[attr-defined]
        postgresql.cut(str(store.database.url.database))
        connection.execute(text("UPDATE nodes SET owner = 'half'"))  # type: ignore[attr-defined]

    with pytest.raises(Unavailable):
        store.database.write(work)
    assert store.nodes.get(node.uuid) == node


def fill(folder: Path) -> Path:
    file = folder / "filler"
    with file.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            return file


def full_disk(
    service: Service,
    small: Path,
    full: Callable[[], bool],
    revive: Callable[[], None] = lambda: None,
) -> None:
    """Rescues are under way, the disk gets full and is so until `full`, and there is room again.

    `revive`: what an operator's systemd does meanwhile."""
    nodes = begin_rescues(service)
    made: list[str] = []
    filler = fill(small)
    service.wait(lambda: create(service, made) == 503 and full(), "the database finds no space")
    filler.unlink()

    def writes_again() -> bool:
        revive()
        return create(service, made) == 201

    service.wait(writes_again, "the database writes again", float(RECOVERY))
    all_are_rescued(service, nodes)
    kept = service.get("/v1/nodes?fields=uuid")["nodes"]
    assert {*nodes, *made} <= {node["uuid"] for node in kept}


def can_be_read(service: Service) -> bool:
    return refused_or(service, "GET", "/v1/nodes") == 200


@needs_root
def test_a_full_disk_under_sqlite(small: Path, tmp_path: Path) -> None:
    with serving(tmp_path, f"sqlite:///{small}/db.sqlite") as service:
        full_disk(service, small, lambda: can_be_read(service))


@needs_root
def test_a_full_disk_under_postgresql(server: PostgreSQL, small: Path, tmp_path: Path) -> None:
    """Under its tables: it refuses what it has no space for (SQLSTATE 53100)."""
    with serving(tmp_path, server.database(tablespace=small)) as service:
        full_disk(service, small, lambda: can_be_read(service))


@needs_root
def test_a_full_disk_under_the_log_of_postgresql(small: Path, tmp_path: Path) -> None:
    """It panics, tries to recover, and ends if it finds no space for that either."""
    with (
        closing(PostgreSQL(quick=False, log=small / "wal")) as server,
        serving(tmp_path, server.database()) as service,
    ):

        def panics() -> bool:
            refused_or(service, "GET", "/v1/nodes")
            return "PANIC" in server.told()

        full_disk(service, small, panics, server.start_again)


def test_the_writer_of_sqlite_goes_on_after_any_error(tmp_path: Path) -> None:
    """Also if no connection could be opened at all."""
    database = Database(f"sqlite:///{tmp_path}/db.sqlite")
    assert database._writer
    engine, database._writer._engine = database._writer._engine, None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        database.write(lambda connection: connection.execute(text("SELECT 1")))
    database._writer._engine = engine
    assert database.write(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    database.close()
