"""Each operation on fake hardware, its worker dead at each of its saves, before it and after it.

In this process: the worker is a call that ends where kill -9 would end it, and what it leaves is
what the database and the hardware's record hold. (test_kill.py kills the real service.)
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from stbernard.drivers.registry import Registry
from stbernard.nodes import INTERFACES, Node
from stbernard.operations.accept import Requests
from stbernard.operations.reconciler import Reconciler
from stbernard.operations.tasks import Tasks
from stbernard.settings import Default, Fake, Settings
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade
from tests.factories import a_node

ERASE = {"interface": "deploy", "step": "erase_devices"}
FORGET_RAID = {"interface": "raid", "step": "delete_configuration"}
WORKER = "worker-1"


@dataclass(frozen=True)
class Case:
    verb: str
    start: str
    end: str
    given: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("manage", "enroll", "manageable"),
    Case("inspect", "manageable", "manageable"),
    Case("clean", "manageable", "manageable", {"clean_steps": [ERASE, ERASE]}),
    Case("provide", "manageable", "available"),
    Case("adopt", "manageable", "active"),
    Case("active", "available", "active"),
    Case("deleted", "active", "available"),
    Case("service", "active", "active", {"service_steps": [FORGET_RAID]}),
)


class Killed(BaseException):
    """The worker dies here."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    kinds: dict[str, Any] = {
        f"enabled_{kind}_interfaces": ("fake", f"no-{kind}", "noop")
        for kind in INTERFACES
        if kind != "network"
    }
    default = Default(host=WORKER, enabled_hardware_types=("fake-hardware",), **kinds)
    return Settings(default=default, fake=Fake(state_dir=str(tmp_path / "hardware")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = Database(f"sqlite:///{tmp_path}/db.sqlite")
    upgrade(database)
    yield Store(database)
    database.close()


def a_life(store: Store, settings: Settings, die_at: int | None, *, before: bool) -> bool:
    """Work until nothing is due; False if the worker died on the way."""
    worker = Reconciler(store, Tasks(store, Registry(settings), settings), settings)
    save, saves = store.leases.save, count(1)

    def dying(*args: Any, **kwargs: Any) -> Node:
        last = next(saves) == die_at
        if last and before:
            raise Killed
        saved = save(*args, **kwargs)
        if last:
            raise Killed
        return saved

    with pytest.MonkeyPatch.context() as patch, suppress(Killed):
        patch.setattr(store.leases, "save", dying)
        while any_due := store.leases.claim(WORKER, 1):
            for node in any_due:
                worker._work(node)
        return True
    return False


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_an_operation_goes_on_after_a_death(store: Store, settings: Settings, case: Case) -> None:
    requests = Requests(store, Tasks(store, Registry(settings), settings), settings)
    kinds = {f"{kind}_interface": "fake" for kind in INTERFACES if kind != "network"}
    for number in count(1):
        for before in (True, False):
            node = store.nodes.create(
                a_node(provision_state=case.start, automated_clean=True, **kinds)
            )
            requests.provision(node.uuid, case.verb, **case.given)
            died = not a_life(store, settings, number, before=before)
            store.leases.take_back(WORKER)
            assert a_life(store, settings, None, before=before)
            after = store.nodes.get(node.uuid)
            assert (after.provision_state, after.last_error) == (case.end, None), number
            assert (after.operation, after.arguments, after.clean_step) == (None, {}, {})
            store.nodes.delete(node.uuid)
        if not died:
            assert number > 1
            return
