"""Each operation on fake hardware, its worker dead at each of its saves, before it and after it.

In this process, on both databases: a worker is a call that ends where kill -9 would end it, and
what it leaves is what the database and the hardware's record hold. One worker comes back and takes
its own lease back; of three the next one takes over and dies at once, and the third one ends it.
What the dead one was about to write is tried when all is over: nothing gets through.
(test_kill.py and chaos.py kill the real service.)
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from stbernard.drivers.fake import FakeHardware
from stbernard.drivers.registry import Registry
from stbernard.nodes import INTERFACES, Node
from stbernard.operations.accept import Requests
from stbernard.operations.reconciler import InHand, Reconciler
from stbernard.operations.rescue import wait_for_agent
from stbernard.operations.tasks import Tasks
from stbernard.settings import Default, Fake, Settings
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.leases import LeaseLost
from stbernard.store.pages import Page
from tests.factories import a_node

ERASE = {"interface": "deploy", "step": "erase_devices"}
FORGET_RAID = {"interface": "raid", "step": "delete_configuration"}
PASSWORD = {"rescue_password": "Tr0ub4dor&3"}
TOKEN = "t" * 43


@dataclass(frozen=True)
class Case:
    """`earlier`: what has happened to the node before, undisturbed."""

    verb: str
    start: str
    end: str
    given: dict[str, Any] = field(default_factory=dict)
    earlier: tuple[str, ...] = ()
    last_error: str | None = None


CASES = (
    Case("manage", "enroll", "manageable"),
    Case("inspect", "manageable", "manageable"),
    Case("clean", "manageable", "manageable", {"clean_steps": [ERASE, ERASE]}),
    Case("provide", "manageable", "available"),
    Case("adopt", "manageable", "active"),
    Case("active", "available", "active"),
    Case("deleted", "active", "available"),
    Case("service", "active", "active", {"service_steps": [FORGET_RAID]}),
    Case("rescue", "active", "rescue", PASSWORD),
    Case("unrescue", "active", "active", earlier=("rescue",)),
    Case(
        "abort",
        "active",
        "rescue failed",
        earlier=("rescue, until it waits",),
        last_error="By request, the rescue operation was aborted.",
    ),
)


class Killed(BaseException):
    """The worker dies here."""


@dataclass
class World:
    store: Store
    settings: Settings
    registry: Registry
    workers: tuple[str, ...]
    agents_call: bool = True
    late: Callable[[], Node] | None = None
    """The write of a worker that died before it."""

    def ask(self, node: Node, verb: str, given: dict[str, Any]) -> None:
        tasks = Tasks(self.store, self.registry, self.settings)
        Requests(self.store, tasks, self.settings).provision(node.uuid, verb, **given)

    def prepare(self, case: Case) -> Node:
        kinds = {f"{kind}_interface": "fake" for kind in INTERFACES if kind != "network"}
        node = self.store.nodes.create(
            a_node(provision_state=case.start, automated_clean=True, **kinds)
        )
        for what in case.earlier:
            self.agents_call = what == "rescue"
            self.ask(node, "rescue", PASSWORD)
            assert self.life(self.workers[0])
        self.agents_call = True
        return node

    def life(self, worker: str, die_at: int | None = None, *, before: bool = False) -> bool:
        """Work until nothing is due; False if the worker died on the way, at that save."""
        default = replace(self.settings.default, host=worker)
        settings = replace(self.settings, default=default)
        reconciler = Reconciler(self.store, Tasks(self.store, self.registry, settings), settings)
        save, saves = self.store.leases.save_soon, count(1)

        def dying(*args: Any, **kwargs: Any) -> Future[Node]:
            last = next(saves) == die_at
            if last and before:
                self.late = lambda: save(*args, **kwargs).result()
                raise Killed
            saved = save(*args, **kwargs)
            saved.exception()  # it is done, or will never be
            if last:
                raise Killed
            return saved

        with pytest.MonkeyPatch.context() as patch, suppress(Killed):
            patch.setattr(self.store.leases, "save_soon", dying)
            while (due := self.store.leases.claim(worker, 1)) or self._an_agent_calls():
                for node in due:
                    reconciler._has_ended(InHand(node))
            return True
        return False

    def after_a_death(self) -> None:
        """One worker comes back; of three the next two go on, the first of them dies at once."""
        if len(self.workers) == 1:
            self.store.leases.take_back(self.workers[0])
        else:
            self.life(self.workers[1], 1, before=True)
        assert self.life(self.workers[-1])

    def switched(self, node: Node) -> list[str]:
        hardware = self.registry.driver_for(node).power
        assert isinstance(hardware, FakeHardware)
        effects = hardware.record(node).effects
        return [effect for effect in effects if effect.startswith("set_power_state")]

    def _an_agent_calls(self) -> bool:
        """False if none is waited for."""
        waiting = {"step": wait_for_agent.__name__, "undoing": False}
        nodes = self.store.nodes.list(Page(filters=waiting)) if self.agents_call else ()
        for node in nodes:
            self.store.leases.give_token(node.uuid, TOKEN)
            assert self.store.leases.heartbeat(node.uuid, TOKEN, {"agent_version": "1"})
        return bool(nodes)


@pytest.fixture(params=[1, 3], ids=["one worker", "three workers"])
def world(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    monkeypatch.setattr(FakeHardware, "needs_ramdisk", True)
    kinds: dict[str, Any] = {
        f"enabled_{kind}_interfaces": ("fake", f"no-{kind}", "noop")
        for kind in INTERFACES
        if kind != "network"
    }
    default = Default(enabled_hardware_types=("fake-hardware",), **kinds)
    settings = Settings(default=default, fake=Fake(state_dir=str(tmp_path / "hardware")))
    database = Database(database_url)
    workers = tuple(f"worker-{number + 1}" for number in range(request.param))
    # of one worker nobody takes anything over; of three, what is dead is dead at once
    store = Store(database, lease=1000 if len(workers) == 1 else 0)
    yield World(store, settings, Registry(settings), workers)
    database.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_an_operation_goes_on_after_a_death(world: World, case: Case) -> None:
    node = world.prepare(case)
    world.ask(node, case.verb, case.given)
    assert world.life(world.workers[0])
    undisturbed = world.switched(node)
    world.store.nodes.delete(node.uuid)
    for number in count(1):
        for before in (True, False):
            node = world.prepare(case)
            world.ask(node, case.verb, case.given)
            died = not world.life(world.workers[0], number, before=before)
            world.after_a_death()
            after = world.store.nodes.get(node.uuid)
            assert (after.provision_state, after.last_error) == (case.end, case.last_error), number
            assert (after.operation, after.arguments, after.clean_step) == (None, {}, {})
            assert world.switched(node) == undisturbed, number
            if died and before:
                assert world.late
                with pytest.raises(LeaseLost):
                    world.late()
            assert world.store.nodes.get(node.uuid) == after
            world.store.nodes.delete(node.uuid)
        if not died:
            assert number > 1
            return
