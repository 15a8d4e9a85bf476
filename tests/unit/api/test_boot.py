"""The folder that machines boot from, served by the service itself."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from stbernard.api.parts import Parts
from stbernard.errors import Unavailable
from stbernard.nodes import Node
from tests.factories import a_node, a_port
from tests.unit.api.fakes import Client

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


def test_head_tells_the_length_and_notes_nothing(client: Client, parts: Parts, node: Node) -> None:
    answer = client.head(f"/boot/{node.uuid}/rescue_kernel")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert parts.store.journal.timeline(node.uuid) == ()


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
