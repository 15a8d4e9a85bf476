"""Transactions, group commit, the lock file, the schema's version."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from stbernard.errors import Conflict, SchemaError, SettingsError, Unavailable
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import NEWEST, check, upgrade
from stbernard.store.schema import metadata
from tests.factories import a_node
from tests.service import PATIENCE


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    first = Database(f"sqlite:///{tmp_path}/db.sqlite")
    with pytest.raises(SettingsError, match="in use by another process"):
        Database(f"sqlite:///{tmp_path}/db.sqlite")
    first.close()
    Database(f"sqlite:///{tmp_path}/db.sqlite").close()


def test_sqlite_in_memory_is_refused() -> None:
    with pytest.raises(SettingsError, match="SQLite needs a file"):
        Database("sqlite://")


def test_one_failed_write_of_a_group_spoils_no_other(store: Store) -> None:
    store.nodes.create(a_node(name="taken"))
    outcomes: dict[int, str] = {}

    def write(number: int) -> None:
        name = "taken" if number % 3 == 0 else f"node-{number}"
        try:
            store.nodes.create(a_node(name=name))
            outcomes[number] = "created"
        except Conflict as error:
            outcomes[number] = type(error).__name__

    threads = [threading.Thread(target=write, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {n: "created" if n % 3 else "Conflict" for n in range(60)}


def test_a_write_goes_on_after_one_whose_connection_failed(store: Store) -> None:
    def fail(connection: Connection) -> None:
        connection.execute(text("UPDATE nodes SET description = 'half'"))
        raise sqlite3.OperationalError("disk I/O error")

    store.nodes.create(a_node(name="n"))
    with pytest.raises(Unavailable, match="disk I/O error"):
        store.database.write(fail)
    assert store.nodes.get("n").description is None
    assert store.nodes.change("n", {"description": "whole"}).description == "whole"


def test_who_no_longer_waits_for_a_write_spoils_no_other(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/db.sqlite")
    go_on, done = threading.Event(), list[str]()

    def first(_: Connection) -> bool:
        done.append("first")
        return go_on.wait(PATIENCE)

    def later(name: str) -> Callable[[Connection], bool]:
        def write(_: Connection) -> bool:
            done.append(name)
            return True

        return write

    async def ask() -> None:
        writes = (first, later("cancelled"), later("last"))
        tasks = [asyncio.create_task(database.write_soon(write)) for write in writes]
        while not done:  # the writer is at the first, and the others are in its queue
            await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        go_on.set()
        assert await tasks[0]
        await tasks[2]

    asyncio.run(ask())
    database.close()
    assert done == ["first", "last"]


def test_a_fresh_database_says_what_to_run(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/db.sqlite")
    with pytest.raises(SchemaError, match="stbernard db upgrade"):
        check(database)
    upgrade(database)
    check(database)
    database.close()


def test_a_database_from_the_future_is_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/db.sqlite")
    upgrade(database)
    database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(SchemaError, match="newer than this release"):
        check(database)
    database.close()


def test_the_newest_migration_is_alembics_head(store: Store) -> None:
    head = store.database.read(lambda c: MigrationContext.configure(c).get_current_revision())
    assert head == NEWEST


def test_the_migrations_make_the_schema(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert store.database.read(differences) == []
