"""Secrets in the database: what is stored, who reads it, and new keys."""

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, select, text

from stbernard.errors import InvalidDriverInfo, SettingsError
from stbernard.nodes import VolumeTarget
from stbernard.store import Store, schema
from stbernard.store.migrations import upgrade
from stbernard.store.pages import Page
from stbernard.store.secrets import Secrets, add_key, keep_first_key
from tests.factories import a_node

TOKEN = "t" * 43
UUID = "5b7a9c1e-0000-4000-8000-000000000001"
INFO = {
    "redfish_address": "https://bmc.example",
    "redfish_password": "hunter2",
    "more": {"snmp_auth_key": "k3y", "list": [{"ipmi_password": "x"}]},
    "tokens": {"of": ["f1rst", {"next": "s3cond"}]},
    "empty_password": "",
    "number_password": 7,
}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    add_key(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def sealing(store: Store, keys: Path) -> Store:
    return Store(store.database, Secrets(str(keys)))


def stored(store: Store, column: ColumnElement[Any] = schema.nodes.c.driver_info) -> Any:
    query = select(column)
    return store.database.read(lambda connection: connection.scalar(query))


def changed(path: Path) -> None:
    """As if it had been written later: file systems count in large steps."""
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def test_the_database_has_no_secret_in_clear(sealing: Store) -> None:
    node = sealing.nodes.create(a_node(driver_info=INFO))
    text = str(stored(sealing))
    assert not any(secret in text for secret in ("hunter2", "k3y", "'x'", "f1rst", "s3cond"))
    assert "https://bmc.example" in text
    assert sealing.nodes.revealed(sealing.nodes.get(node.uuid)).driver_info == INFO


def test_a_change_seals_what_is_new_and_keeps_the_rest(sealing: Store) -> None:
    node = sealing.nodes.create(a_node(driver_info=INFO))
    kept = sealing.nodes.get(node.uuid).driver_info
    sealing.nodes.change(node.uuid, {"driver_info": kept | {"ipmi_password": "other"}})
    assert "other" not in str(stored(sealing))
    revealed = sealing.nodes.revealed(sealing.nodes.get(node.uuid))
    assert revealed.driver_info == INFO | {"ipmi_password": "other"}


def test_many_at_once_are_sealed_too(sealing: Store) -> None:
    sealing.nodes.add([a_node(driver_info=INFO)])
    assert "hunter2" not in str(stored(sealing))


def test_a_password_that_looks_sealed_is_sealed(sealing: Store) -> None:
    info = {"redfish_password": "sealed:gAAAA"}
    node = sealing.nodes.create(a_node(driver_info=info))
    assert stored(sealing) != info
    assert sealing.nodes.revealed(sealing.nodes.get(node.uuid)).driver_info == info


def test_without_a_file_it_is_as_it_was(store: Store) -> None:
    node = store.nodes.create(a_node(driver_info=INFO))
    assert stored(store) == INFO
    assert store.nodes.revealed(node).driver_info == INFO


def test_a_lost_key_is_told(store: Store, sealing: Store, tmp_path: Path) -> None:
    node = sealing.nodes.get(sealing.nodes.create(a_node(driver_info=INFO)).uuid)
    add_key(tmp_path / "others")
    for secrets in (Secrets(), Secrets(str(tmp_path / "others"))):
        with pytest.raises(InvalidDriverInfo, match="encryption_key_file"):
            Store(store.database, secrets).nodes.revealed(node)


def test_new_keys_while_a_service_runs(store: Store, sealing: Store, keys: Path) -> None:
    store.nodes.create(a_node(driver_info=INFO))  # before there were keys
    assert stored(store) == INFO
    old = keys.read_text()
    add_key(keys)
    changed(keys)
    assert Store(store.database, Secrets(str(keys))).nodes.seal() == 1
    keep_first_key(keys)
    changed(keys)
    [key] = keys.read_text().split()
    assert key not in old
    assert keys.stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in str(stored(store))
    [node] = sealing.nodes.list(Page())  # this store began with the old key
    assert sealing.nodes.revealed(node).driver_info == INFO


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"keys cannot be read.*rotate-keys"):
        Secrets(str(tmp_path / "keys"))
    (tmp_path / "keys").write_text("not a key\n")
    with pytest.raises(SettingsError, match="something else than keys"):
        Secrets(str(tmp_path / "keys"))


def test_a_file_that_went_away_later_is_no_end(sealing: Store, keys: Path) -> None:
    keys.unlink()
    node = sealing.nodes.create(a_node(driver_info=INFO))
    assert "hunter2" not in str(stored(sealing))
    assert sealing.nodes.revealed(sealing.nodes.get(node.uuid)).driver_info == INFO


DRIVE = {"user_data": {"users": [{"passwd": "h4sh"}]}, "meta_data": {"uuid": "1", "keys": ["k3y"]}}
INSTANCE = {"image_source": "image", "image_url": "https://store/?sig=s1g", "configdrive": DRIVE}


def test_of_an_instance_what_is_never_shown(sealing: Store) -> None:
    node = sealing.nodes.create(a_node(instance_info=INSTANCE))
    held = str(stored(sealing, schema.nodes.c.instance_info))
    assert not any(secret in held for secret in ("h4sh", "k3y", "s1g"))
    assert "'image_source': 'image'" in held
    assert sealing.nodes.revealed(sealing.nodes.get(node.uuid)).instance_info == INSTANCE


def test_of_a_volume_how_to_log_in(store: Store, sealing: Store) -> None:
    node = store.nodes.create(a_node())
    properties = {"target_iqn": "iqn", "auth_password": "hunter2"}
    target = VolumeTarget(
        uuid=UUID,
        created_at=1.0,
        node_uuid=node.uuid,
        volume_type="iscsi",
        volume_id="v",
        boot_index=0,
        properties=properties,
    )
    sealing.volume_targets.create(target)
    assert _password_at_rest(store).startswith("sealed:")
    sealing.volume_targets.change(UUID, {"properties": properties})
    assert _password_at_rest(store).startswith("sealed:")
    kept = sealing.volume_targets.get(UUID)
    assert sealing.volume_targets.revealed(kept).properties == properties
    store.volume_targets.change(UUID, {"properties": properties})
    assert _password_at_rest(store) == "hunter2"
    assert sealing.volume_targets.seal() == 1
    assert _password_at_rest(store).startswith("sealed:")


def _password_at_rest(store: Store) -> str:
    return str(stored(store, schema.volume_targets.c.properties)["auth_password"])


def test_a_token_is_compared_without_a_key(store: Store, sealing: Store) -> None:
    node = sealing.nodes.create(a_node())
    assert sealing.leases.give_token(node.uuid, TOKEN)
    assert not sealing.leases.give_token(node.uuid, "another")
    held = sealing.nodes.get(node.uuid).agent
    assert str(held.token).startswith("sealed:")
    assert sealing.nodes.revealed(sealing.nodes.get(node.uuid)).agent.token == TOKEN
    without_keys = store.leases
    assert without_keys.heartbeat(node.uuid, TOKEN, {"agent_url": "https://192.0.2.7"})
    for wrong in ("another", "", str(held.token), str(held.token_hash)):
        assert not without_keys.heartbeat(node.uuid, wrong, {})


def test_a_token_of_the_release_before(store: Store, keys: Path) -> None:
    """An agent that was given it goes on after the upgrade; new keys encrypt it."""
    node = store.nodes.create(a_node())
    store.leases.give_token(node.uuid, TOKEN)
    _as_before_the_hashes(store)
    upgrade(store.database)
    assert stored(store, schema.nodes.c.agent_token) == TOKEN
    assert store.leases.heartbeat(node.uuid, TOKEN, {})
    sealing = Store(store.database, Secrets(str(keys)))
    assert sealing.nodes.revealed(sealing.nodes.get(node.uuid)).agent.token == TOKEN
    sealing.nodes.seal()
    assert TOKEN not in stored(store, schema.nodes.c.agent_token)
    assert store.leases.heartbeat(node.uuid, TOKEN, {})


def _as_before_the_hashes(store: Store) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE nodes DROP COLUMN agent_token_hash"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))

    store.database.write(work)
