"""The promises, checked after each of many random steps (Hypothesis).

Two workers, a few servers of fake hardware, clients, agents, deaths at any save, a clock that jumps
forwards. After each step: no node without an owner or a time at which somebody looks at it, no
transition that is not in the table, no secret at rest, and the power in the database is the
power of the server. At the end every operation comes to its own.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from stbernard.api.parts import Parts
from stbernard.drivers.fake import FakeHardware
from stbernard.drivers.registry import Registry
from stbernard.errors import BMCRefused, BMCUnreachable
from stbernard.nodes import Agent as NodeAgent
from stbernard.nodes import Node, Power
from stbernard.operations.accept import Requests
from stbernard.operations.machine import HOLDING, PASSING, TABLE, following
from stbernard.operations.reconciler import InHand, Reconciler
from stbernard.operations.tasks import Tasks
from stbernard.settings import Agent, Conductor, Default, Settings
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.journal import Event
from stbernard.store.migrations import upgrade
from stbernard.store.pages import Page
from tests.unit.api.fakes import client_of

PASSWORD = "Tr0ub4dor&3"
SETTINGS = Settings(
    default=Default(
        host="worker-1",
        my_ip="127.0.0.1",
        enabled_hardware_types=("fake-hardware",),
        enabled_management_interfaces=("fake",),
        enabled_power_interfaces=("fake",),
        enabled_boot_interfaces=("fake",),
        enabled_rescue_interfaces=("fake", "no-rescue"),
        default_rescue_interface="fake",
    ),
    agent=Agent(command_timeout=5),
    conductor=Conductor(
        power_state_change_timeout=5,
        rescue_callback_timeout=60,
        node_locked_retry_attempts=1,  # nobody works meanwhile: do not wait for a held node
    ),
)
METHODS = ("get_power_state", "set_power_state", "set_boot_device", "open_login", "prove_login")
VERBS = sorted({transition.verb for transition in TABLE} | {"abort", "unhold"})
STEPS = [
    {"interface": "power", "step": "power_off", "args": {}},
    {"interface": "power", "step": "hold", "args": {}},
    {"interface": "power", "step": "wait", "args": {"seconds": 5}},
]
SLOW = settings(
    max_examples=int(os.environ.get("EXAMPLES", "25")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
)


class Killed(BaseException):
    """The worker dies here: nothing after this line happens."""


@cache
def _template() -> Path:
    """A database with the newest schema; to make one takes longer than to copy it."""
    path = Path(tempfile.mkdtemp()) / "template.sqlite"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


def _waited_for(save: Callable[..., Future[Node]], *args: Any, **kwargs: Any) -> Future[Node]:
    """So that a worker does all of its work in the thread of the test."""
    saving = save(*args, **kwargs)
    saving.exception()
    return saving


def _edges() -> set[tuple[str | None, str | None]]:
    """Every change of state that the table knows."""
    edges: set[tuple[str | None, str | None]] = set()
    for row in TABLE:
        inside = [state for state in (row.during, row.waiting, row.holding) if state]
        after = following(row.then).during if row.then else None
        ends = [state for state in (row.failed, row.aborted, row.if_retired) if state]
        ends.append(after or row.done)
        edges |= {(start, state) for start in row.accepted_in for state in (*inside[:1], *ends)}
        edges |= {(one, other) for one in inside for other in (*inside, *ends)}
        edges |= {(start, state) for start in row.accepted_in for state in inside}
    return edges


EDGES = _edges()


class Promises(RuleBasedStateMachine):
    nodes = Bundle("nodes")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(_template(), self.folder / "db.sqlite")
        self.ahead = 0.0
        real = time.time
        self.clocks = [
            mock.patch(clock, lambda: real() + self.ahead)
            for clock in ("time.time", "stbernard.clock.now")
        ]
        for clock in self.clocks:
            clock.start()
        self.ramdisk = mock.patch.object(FakeHardware, "needs_ramdisk", True)
        self.ramdisk.start()  # fake hardware waits for an agent, too
        self.store = Store(Database(f"sqlite:///{self.folder}/db.sqlite"))
        save = self.store.leases.save_soon
        self.store.leases.save_soon = partial(_waited_for, save)  # type: ignore[method-assign]
        self.registry = Registry(SETTINGS)
        tasks = Tasks(self.store, self.registry, SETTINGS)
        requests = Requests(self.store, tasks, SETTINGS)
        self.client = client_of(Parts(SETTINGS, self.store, requests, tasks, self.registry))
        self.workers = {
            name: Reconciler(
                self.store, tasks, replace(SETTINGS, default=replace(SETTINGS.default, host=name))
            )
            for name in ("worker-1", "worker-2")
        }
        self.states: dict[str, str] = {}
        self.tokens: dict[str, str] = {}

    def teardown(self) -> None:
        try:
            self._everything_ends()
        finally:
            for clock in self.clocks:
                clock.stop()
            self.ramdisk.stop()
            self.store.database.close()
            shutil.rmtree(self.folder)

    # What clients do.

    @rule(target=nodes, state=st.sampled_from(["enroll", "active"]), off=st.booleans())
    def enroll(self, state: str, off: bool) -> str:
        body = {"driver": "fake-hardware", "rescue_interface": "fake"}
        uuid = str(self._ask("POST", "/v1/nodes", body).json()["uuid"])
        if state == "active":
            power = Power.OFF if off else Power.ON
            self.store.nodes.change(uuid, {"provision_state": state, "power_state": power})
        self.states[uuid] = state
        return uuid

    @rule(node=nodes, verb=st.sampled_from(VERBS))
    def provision(self, node: str, verb: str) -> None:
        body: dict[str, Any] = {"target": verb}
        if verb == "rescue":
            body["rescue_password"] = PASSWORD
        if verb in ("clean", "service"):
            body[f"{verb}_steps"] = STEPS
        self._ask("PUT", f"/v1/nodes/{node}/states/provision", body)

    @rule(node=nodes)
    def rescue(self, node: str) -> None:
        """Again: it is what all this is about."""
        self.provision(node, "rescue")

    @rule(node=nodes, wanted=st.sampled_from(["power on", "power off", "rebooting"]))
    def power(self, node: str, wanted: str) -> None:
        self._ask("PUT", f"/v1/nodes/{node}/states/power", {"target": wanted})

    @rule(node=nodes, on=st.booleans())
    def maintenance(self, node: str, on: bool) -> None:
        self._ask("PUT" if on else "DELETE", f"/v1/nodes/{node}/maintenance", {} if on else None)

    @rule(node=nodes, value=st.text(max_size=3))
    def patch(self, node: str, value: str) -> None:
        step = {"op": "add", "path": "/extra/note", "value": value.replace("\0", "")}
        self._ask("PATCH", f"/v1/nodes/{node}", [step])

    @rule(node=consumes(nodes))
    def delete(self, node: str) -> None:
        if self._ask("DELETE", f"/v1/nodes/{node}").status_code == 204:
            del self.states[node]

    # What agents do.

    @rule(node=nodes)
    def lookup(self, node: str) -> None:
        answer = self._ask("GET", f"/v1/lookup?node_uuid={node}")
        token = answer.json().get("config", {}).get("agent_token")
        if token and "*" not in token:
            self.tokens[node] = token

    @rule(node=nodes, right=st.booleans())
    def heartbeat(self, node: str, right: bool) -> None:
        token = self.tokens.get(node, "w" * 43) if right else "w" * 43
        body = {"callback_url": "https://10.0.0.9:9999", "agent_token": token, "agent_version": "1"}
        self._ask("POST", f"/v1/heartbeat/{node}", body)

    # What workers, and their machines, do.

    @rule(worker=st.sampled_from(["worker-1", "worker-2"]))
    def work(self, worker: str) -> None:
        for node in self.store.leases.claim(worker, 1):
            self.workers[worker]._has_ended(InHand(node))

    @rule(
        worker=st.sampled_from(["worker-1", "worker-2"]),
        save=st.integers(0, 4),
        after=st.booleans(),
    )
    def die(self, worker: str, save: int, after: bool) -> None:
        """A worker dies before or after one of its next saves; what it had is left lying."""
        saves = self.store.leases.save_soon
        count = 0

        def dying(*args: Any, **kwargs: Any) -> Future[Node]:
            nonlocal count
            count += 1
            if count > save and not after:
                raise Killed
            saved = saves(*args, **kwargs)
            if count > save:
                raise Killed
            return saved

        with mock.patch.object(self.store.leases, "save_soon", dying), suppress(Killed):
            self.work(worker)

    @rule(worker=st.sampled_from(["worker-1", "worker-2"]))
    def come_back(self, worker: str) -> None:
        self.store.leases.take_back(worker)

    @rule(seconds=st.sampled_from([0.6, 6.0, 31.0, 61.0, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.ahead += seconds

    @rule(
        node=nodes,
        method=st.sampled_from(METHODS),
        refused=st.booleans(),
        times=st.integers(1, 3),
    )
    def hardware_fails(self, node: str, method: str, refused: bool, times: int) -> None:
        error = BMCRefused("wrong password") if refused else BMCUnreachable("no answer")
        known = self.store.nodes.list(Page(filters={"uuid": node}))
        for one in known:
            self._hardware(one).fail(one, method, error, times)

    # The promises.

    @invariant()
    def nobody_is_forgotten(self) -> None:
        for node in self._all():
            if node.provision_state in PASSING:
                assert node.operation, node
            if node.operation:
                held = node.provision_state in HOLDING
                assert held or node.due_at or node.lease_until, node
            else:
                assert (node.lease_owner, node.step, node.arguments) == (None, None, {}), node

    @invariant()
    def states_change_as_the_table_says(self) -> None:
        for node in self._all():
            before, now = self.states.get(node.uuid), node.provision_state
            # several changes may lie between two looks: each state on the way is one of the table's
            assert before == now or _reachable(before, now), (before, now)
            self.states[node.uuid] = now

    @invariant()
    def no_secret_is_at_rest(self) -> None:
        for path in self.folder.iterdir():
            assert PASSWORD.encode() not in path.read_bytes(), path
        for node in self._all():
            if node.operation is None:
                assert node.agent.token is None, node

    @invariant()
    def power_is_what_it_is(self) -> None:
        for node in self._all():
            if node.operation is None and node.power_state and node.last_error is None:
                assert node.power_state == self._hardware(node).record(node).power, node

    def _everything_ends(self) -> None:
        for _ in range(400):
            if not any(node.operation for node in self._all()):
                break
            self.ahead += 5
            for worker in self.workers:
                self.work(worker)
            for node in self._all():
                if node.provision_state in HOLDING:
                    self.provision(node.uuid, "abort")
        for node in self._all():
            assert node.operation is None, node
            assert node.provision_state not in PASSING, node
            if "failed" in node.provision_state:
                assert node.last_error or self._is_explained(node), node
            assert node.agent.url is None or node.agent == NodeAgent(url=node.agent.url), node

    def _is_explained(self, node: Node) -> bool:
        """A later request, as for power, takes the last_error as in Ironic, but not the history."""
        history = self.store.journal.history(node)
        return any(line.event != Event.SUCCEEDED and line.detail for line in history)

    def _all(self) -> tuple[Node, ...]:
        return self.store.nodes.list(Page())

    def _hardware(self, node: Node) -> FakeHardware:
        hardware = self.registry.driver_for(node).power
        assert isinstance(hardware, FakeHardware)
        return hardware

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        send = partial(self.client.request, method, path)
        answer = send() if body is None else send(json=body)
        assert answer.status_code < 500, (method, path, answer.text)
        return answer


@cache
def _reachable(start: str | None, end: str | None) -> bool:
    seen, edge = {start}, {start}
    while edge:
        edge = {after for before, after in EDGES if before in edge} - seen
        seen |= edge
    return end in seen


Promises.TestCase.settings = SLOW
TestPromises = Promises.TestCase
