"""`stbernard db rotate-keys`, and what a service and an import make of the keys."""

import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stbernard.cli import app
from stbernard.drivers.registry import Registry
from stbernard.importing.run import Import
from stbernard.nodes import VolumeTarget
from stbernard.operations.tasks import Tasks
from stbernard.settings import Default, Settings
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.pages import Page
from stbernard.store.secrets import Secrets, add_key
from tests.factories import a_node
from tests.service import Service
from tests.unit.api.fakes import FakeDrivers

INFO = {"redfish_address": "https://bmc.example", "redfish_password": "hunter2"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "stbernard.conf"
    path.write_text(
        f"[DEFAULT]\nstate_path = {tmp_path}\n[database]\nencryption_key_file = {tmp_path}/keys\n"
    )
    return path


def run(config: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--config-file", str(config)])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_from_plain_text_to_the_second_key(config: Path, tmp_path: Path) -> None:
    run(config, "db", "upgrade")
    path = tmp_path / "stbernard.sqlite"
    database = Database(f"sqlite:///{path}")
    store = Store(database)
    drive = {"configdrive": "hunter2"}
    node = store.nodes.create(a_node(driver_info=INFO, instance_info=drive))
    store.leases.give_token(node.uuid, "hunter2")
    store.volume_targets.create(
        VolumeTarget(
            uuid=str(uuid.uuid4()),
            created_at=1.0,
            node_uuid=node.uuid,
            volume_type="iscsi",
            volume_id="v",
            boot_index=0,
            properties={"auth_password": "hunter2"},
        )
    )
    database.close()
    keys = []
    for options in ((), (), ("--no-new-key",)):
        assert "The secrets of 1 nodes are encrypted" in run(config, "db", "rotate-keys", *options)
        keys.append((tmp_path / "keys").read_text())
        assert b"hunter2" not in _whole(path)
    assert keys[0] != keys[1] == keys[2]
    database = Database(f"sqlite:///{path}")
    sealing = Store(database, Secrets(str(tmp_path / "keys")))
    task = Tasks(sealing, FakeDrivers(), Settings()).of(sealing.nodes.get(node.uuid))
    given = task.node
    assert (given.driver_info, given.instance_info) == (INFO, drive), "as a driver needs it"
    assert given.agent.token == "hunter2"
    database.close()


def _whole(path: Path) -> bytes:
    """What a backup would hold."""
    with sqlite3.connect(path) as connection:
        return "\n".join(connection.iterdump()).encode()


def test_without_a_place_for_the_keys(tmp_path: Path) -> None:
    (tmp_path / "stbernard.conf").write_text(f"[DEFAULT]\nstate_path = {tmp_path}\n")
    arguments = ["db", "rotate-keys", "--config-file", str(tmp_path / "stbernard.conf")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "Set [database]encryption_key_file" in result.output


def test_a_service_says_what_is_not_safe(tmp_path: Path) -> None:
    service = Service(tmp_path, "enabled_hardware_types = fake-hardware\n").start()
    service.stop()
    log = service.log.read_text()
    assert "auth_strategy is noauth" in log
    assert "agent tokens and config drives are in plain text in the database" in log


def test_a_service_with_a_wrong_user_file_does_not_start(tmp_path: Path) -> None:
    strategy = f"auth_strategy = http_basic\nhttp_basic_auth_user_file = {tmp_path}/nosuch\n"
    service = Service(tmp_path, strategy).start()
    assert service.is_dead()
    assert "http_basic_auth_user_file" in service.log.read_text()


class _Source:
    """An Ironic with one node."""

    def rows(self, kind: Any) -> Any:
        row = {"uuid": "5b7a9c1e-0000-4000-8000-000000000001", "driver": "fake-hardware"}
        if kind.label == "node":
            yield row | {
                "driver_info": INFO,
                "provision_state": "active",
                "created_at": "2026-01-01T00:00:00+00:00",
            }

    def close(self) -> None:
        pass


def test_what_is_imported_is_encrypted_and_found_unchanged(
    store: Store, config: Path, tmp_path: Path
) -> None:
    add_key(tmp_path / "keys")
    sealing = Store(store.database, Secrets(str(tmp_path / "keys")))
    default = Default(enabled_hardware_types=("fake-hardware",), enabled_boot_interfaces=("fake",))
    registry = Registry(Settings(default=default))
    for outcome in ("carried over", "there already"):
        report = Import(_Source(), sealing, registry).run()
        assert report.counts["node"] == {outcome: 1}, report.lines
    [node] = sealing.nodes.list(Page())
    assert "hunter2" not in str(node.driver_info)
    assert sealing.nodes.revealed(node).driver_info == INFO
