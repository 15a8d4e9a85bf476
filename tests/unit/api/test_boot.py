"""The folder that machines boot from, served by the service itself."""

import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from structlog.testing import capture_logs

from stbernard.api.app import make_app
from stbernard.api.parts import Parts
from stbernard.errors import Unavailable
from stbernard.nodes import Node
from tests.factories import a_node, a_port
from tests.unit.api.fakes import Client, client_of
from tests.unit.api.roles import with_roles

SCRIPT = "/boot/pxelinux.cfg/52-54-00-bb-00-01"
CONTENT = bytes(range(256)) * 5000


@pytest.fixture
def root(parts: Parts) -> Path:
    (parts.settings.http_root / "pxelinux.cfg").mkdir(parents=True)
    (parts.settings.http_root / "boot.ipxe").write_bytes(b"#!ipxe\n")
    return parts.settings.http_root


@pytest.fixture
def node(parts: Parts, root: Path) -> Node:
    """A node with its files, in a rescue."""
    node = parts.store.nodes.create(a_node())
    parts.store.ports.create(a_port(node, address="52:54:00:bb:00:01"))
    (root / "pxelinux.cfg/52-54-00-bb-00-01").write_bytes(b"#!ipxe\nboot\n")
    (root / node.uuid).mkdir()
    for name in ("script", "rescue_kernel", "rescue_ramdisk"):
        (root / node.uuid / name).write_bytes(CONTENT)
    values = {"operation": "rescue", "operation_id": "1", "step": "wait_for_agent"}
    return parts.store.nodes.change(node.uuid, values | {"provision_state": "rescue wait"})


def test_a_file_comes_whole_with_its_length(client: Client, node: Node) -> None:
    answer = client.get(f"/boot/{node.uuid}/rescue_ramdisk")
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-length"] == str(len(CONTENT))


def test_grub_finds_the_length(parts: Parts, node: Node) -> None:
    """It looks for it in just these letters, so this is about bytes."""
    server = uvicorn.Server(uvicorn.Config(make_app(parts), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    asked = (
        f"GET /boot/{node.uuid}/rescue_kernel HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(server.servers[0].sockets[0].getsockname()) as connection:
        connection.sendall(asked.encode())
        answer = connection.makefile("rb").read()
    server.should_exit = True
    thread.join()
    head, _, content = answer.partition(b"\r\n\r\n")
    assert content == CONTENT
    assert f"\r\nContent-Length: {len(CONTENT)}\r\n".encode() in head + b"\r\n"
    assert head.lower().count(b"content-length") == 1
    assert b"chunked" not in head.lower()


def test_head_tells_the_length_and_notes_nothing(client: Client, parts: Parts, node: Node) -> None:
    answer = client.head(f"/boot/{node.uuid}/rescue_kernel")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert parts.store.journal.timeline(node.uuid) == ()


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=2048-4095", slice(2048, 4096)),
        ("bytes=1279990-", slice(1279990, None)),
        ("bytes=1279990-9999999", slice(1279990, None)),
        ("bytes=-10", slice(-10, None)),
    ],
)
def test_a_bmc_reads_a_medium_piece_by_piece(
    client: Client, node: Node, header: str, wanted: slice
) -> None:
    path = f"/boot/{node.uuid}/rescue_ramdisk"
    answer = client.get(path, headers={"Range": header})
    assert (answer.status_code, answer.content) == (206, CONTENT[wanted])
    first, last, size = (
        answer.headers["content-range"].removeprefix("bytes ").replace("/", "-").split("-")
    )
    assert CONTENT[int(first) : int(last) + 1] == CONTENT[wanted]
    assert int(size) == len(CONTENT)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert client.head(path).headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("header", ["bytes=2000000-", "bytes=5-4", "bytes=0-1,4-5", "lines=1-2"])
def test_what_is_no_range_gets_the_whole_file(client: Client, node: Node, header: str) -> None:
    answer = client.get(f"/boot/{node.uuid}/rescue_ramdisk", headers={"Range": header})
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_the_timeline_tells_once_that_a_medium_is_read(
    client: Client, parts: Parts, node: Node, root: Path
) -> None:
    (root / "vmedia").mkdir()
    path = f"vmedia/{node.uuid}-{'x' * 43}.iso"
    (root / path).write_bytes(CONTENT)
    for header in ("bytes=0-2047", "bytes=2048-4095", "bytes=4096-"):
        assert client.get(f"/boot/{path}", headers={"Range": header}).status_code == 206
    lines = parts.store.journal.timeline(node.uuid, "1")
    assert [line.detail for line in lines] == ["rescue medium fetched"]
    assert client.get("/boot/vmedia/").status_code == 404  # and no list of what is there


def test_timeline_and_log_tell_what_the_machine_fetched(
    client: Client, parts: Parts, node: Node
) -> None:
    images = [f"/boot/{node.uuid}/{name}" for name in ("rescue_kernel", "rescue_ramdisk")]
    with capture_logs() as logs:
        for path in (SCRIPT, f"/boot/{node.uuid}/script", "/boot/boot.ipxe", *images):
            assert client.get(path).status_code == 200
    lines = parts.store.journal.timeline(node.uuid, "1")
    assert [line.detail for line in lines] == [
        *("boot script fetched", "kernel fetched", "ramdisk fetched")
    ]
    assert {line.event for line in lines} == {"seen"}
    assert [log["detail"] for log in logs] == [line.detail for line in lines]


def test_a_node_in_no_operation_has_no_lines(client: Client, parts: Parts, node: Node) -> None:
    parts.store.nodes.maintain(node.uuid, {"operation": None})
    assert client.get(SCRIPT).status_code == 200
    assert parts.store.journal.timeline(node.uuid) == ()


def test_a_machine_boots_although_the_database_is_away(
    client: Client, parts: Parts, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise Unavailable("The database does not answer.")

    monkeypatch.setattr(parts.store.journal, "note", away)
    with capture_logs() as logs:
        assert client.get(SCRIPT).content == b"#!ipxe\nboot\n"
    assert "does not answer" in logs[0]["error"]


def test_the_log_does_not_tell_where_a_medium_is(
    client: Client, parts: Parts, node: Node, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise Unavailable("The database does not answer.")

    monkeypatch.setattr(parts.store.journal, "note", away)
    (root / "vmedia").mkdir()
    (root / f"vmedia/{node.uuid}-{'x' * 43}.iso").write_bytes(CONTENT)
    with capture_logs() as logs:
        assert client.get(f"/boot/vmedia/{node.uuid}-{'x' * 43}.iso").content == CONTENT
    assert logs[0]["path"] == f"/vmedia/{node.uuid}-….iso"


def test_files_of_deleted_nodes_are_files_all_the_same(client: Client, root: Path) -> None:
    gone = "ffffffff-0000-4000-8000-00000000dead"
    (root / gone).mkdir()
    (root / gone / "rescue_kernel").write_bytes(b"k")
    assert client.get(f"/boot/{gone}/rescue_kernel").content == b"k"


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "pxelinux.cfg",
        "",
        "../secret",
        "%2e%2e/secret",
        "pxelinux.cfg/../../secret",
        "pxelinux.cfg/..%2f..%2fsecret",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "link",
        "a%00b",
        "x" * 5000,
    ],
)
def test_nothing_outside_the_folder_is_served(client: Client, root: Path, path: str) -> None:
    (root.parent / "secret").write_text("secret")
    (root / "link").symlink_to(root.parent / "secret")
    for method in ("GET", "HEAD"):
        answer = client.request(method, f"/boot/{path}")
        assert answer.status_code in (400, 404)
        assert "secret" not in answer.text


def test_servers_boot_without_a_token(parts: Parts, root: Path) -> None:
    """Where clients need one, firmware still has none."""
    client = client_of(with_roles(parts))
    for method in ("GET", "HEAD"):
        assert client.request(method, "/boot/boot.ipxe").status_code == 200
    assert client.get("/v1/nodes").status_code == 401
