"""BMC passwords in the database: what is stored, who reads it, and new keys."""

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from stbernard.errors import InvalidDriverInfo, SettingsError
from stbernard.store import Store, schema
from stbernard.store.pages import Page
from stbernard.store.secrets import Secrets, add_key, keep_first_key
from tests.factories import a_node

INFO = {
    "redfish_address": "https://bmc.example",
    "redfish_password": "hunter2",
    "more": {"snmp_auth_key": "k3y", "list": [{"ipmi_password": "x"}]},
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


def stored(store: Store) -> Any:
    query = select(schema.nodes.c.driver_info)
    return store.database.read(lambda connection: connection.scalar(query))


def changed(path: Path) -> None:
    """As if it had been written later: file systems count in large steps."""
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def test_the_database_has_no_secret_in_clear(sealing: Store) -> None:
    node = sealing.nodes.create(a_node(driver_info=INFO))
    text = str(stored(sealing))
    assert not any(secret in text for secret in ("hunter2", "k3y", "'x'"))
    assert "https://bmc.example" in text
    assert sealing.nodes.revealed(sealing.nodes.get(node.uuid)) == INFO


def test_a_change_seals_what_is_new_and_keeps_the_rest(sealing: Store) -> None:
    node = sealing.nodes.create(a_node(driver_info=INFO))
    kept = sealing.nodes.get(node.uuid).driver_info
    sealing.nodes.change(node.uuid, {"driver_info": kept | {"ipmi_password": "other"}})
    assert "other" not in str(stored(sealing))
    revealed = sealing.nodes.revealed(sealing.nodes.get(node.uuid))
    assert revealed == INFO | {"ipmi_password": "other"}


def test_many_at_once_are_sealed_too(sealing: Store) -> None:
    sealing.nodes.add([a_node(driver_info=INFO)])
    assert "hunter2" not in str(stored(sealing))


def test_a_password_that_looks_sealed_is_sealed(sealing: Store) -> None:
    info = {"redfish_password": "sealed:gAAAA"}
    node = sealing.nodes.create(a_node(driver_info=info))
    assert stored(sealing) != info
    assert sealing.nodes.revealed(sealing.nodes.get(node.uuid)) == info


def test_without_a_file_it_is_as_it_was(store: Store) -> None:
    node = store.nodes.create(a_node(driver_info=INFO))
    assert stored(store) == INFO
    assert store.nodes.revealed(node) == INFO


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
    assert sealing.nodes.revealed(node) == INFO


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
    assert sealing.nodes.revealed(sealing.nodes.get(node.uuid)) == INFO
