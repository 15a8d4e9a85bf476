"""A fault at every single call that a rescue and an unrescue make of a driver.

Each call in its turn fails: once and for all, or for a while; before it has acted, or after; or
the BMC is away from then on. All servers are rescued at the same time, each with its own fault.
What is compared is all that the fake hardware's record and the network know of a server.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from stbernard.drivers.base import Task
from stbernard.drivers.fake import FakeHardware
from stbernard.drivers.network.noop import NoopNetwork
from stbernard.errors import (
    AgentError,
    AgentUnreachable,
    BMCError,
    BMCRefused,
    BMCUnreachable,
    HardwareError,
    ImageError,
    NetworkError,
    NetworkRefused,
)
from stbernard.nodes import Node
from stbernard.settings import Settings
from tests.unit.operations.conftest import Engine

BMC = (
    *("get_power_state", "set_power_state", "get_boot_device", "set_boot_device"),
    *("get_boot_mode", "set_boot_mode"),
)
IMAGES = ("check_ramdisk", "prepare_ramdisk", "clean_up_ramdisk")
AGENT = ("meet", "open_login", "prove_login")
NETWORK = (
    *("leave_tenant_networks", "join_tenant_networks"),
    *("join_rescuing_network", "leave_rescuing_network"),
)

REFUSED = BMCRefused("it does not accept the password")
TIMEOUT = BMCUnreachable("it does not answer within 30 s")
ERROR_500 = BMCError("it answers 500")
FINAL = {
    **dict.fromkeys(BMC, REFUSED),
    **dict.fromkeys(IMAGES, ImageError("the image is gone")),
    **dict.fromkeys(AGENT, AgentError("it says no")),
    **dict.fromkeys(NETWORK, NetworkRefused("the network service says no")),
}
"""What may go wrong for good with a call."""
PASSING = {
    **dict.fromkeys(IMAGES, HardwareError("there is no space for it")),
    **dict.fromkeys(AGENT, AgentUnreachable("it does not answer")),
    **dict.fromkeys(NETWORK, NetworkError("the network service answers 500")),
}
"""What may go wrong for a while with a call that is not of the BMC."""


TOKEN = "t" * 43


@dataclass
class Fault:
    """Raise `error` at call number `at` of an operation, or from then on at each of the BMC's."""

    at: int
    error: HardwareError | None
    after: bool = False
    lasting: bool = False


@dataclass
class Servers:
    """Fake servers, the calls made of each, and what is to go wrong with which."""

    engine: Engine
    calls: dict[str, list[str]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    networks: dict[str, dict[str, bool]] = field(default_factory=dict)
    lies: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, state: str = "active") -> Node:
        node = self.engine.enroll(power_state="power on", provision_state=state)
        self.networks[node.uuid] = {"tenant": True, "rescuing": False}
        return node

    def seen(self, node: Node) -> Mapping[str, object]:
        record = self.engine.hardware(node).record(node)
        boot = [each for each in record.effects if each in IMAGES]
        return {
            "power": record.power,
            "boot device": record.boot,
            "boot mode": record.mode,
            "ramdisk offered": boot[-1:] == ["prepare_ramdisk"],
            **self.networks[node.uuid],
        }

    def run(self, verb: str, nodes: list[Node], faults: list[Fault]) -> list[Node]:
        """The operation on all of them at once, each with its fault; how they ended."""
        for node, fault in zip(nodes, faults, strict=True):
            self.calls[node.uuid], self.faults[node.uuid] = [], fault
        for node in nodes:
            self.engine.requests.provision(node.uuid, verb, rescue_password="secret")
        ended = [self.engine.wait(node) for node in nodes]
        self.faults.clear()
        return ended

    def count(self, verb: str) -> list[str]:
        """The calls that the operation makes when nothing fails."""
        node = self.add()
        if verb == "unrescue":
            self.run("rescue", [node], [NONE])
        (ended,) = self.run(verb, [node], [NONE])
        assert ended.last_error is None
        return self.calls[node.uuid]

    def ready(self, verb: str, count: int) -> list[Node]:
        """So many servers which the operation may begin with."""
        nodes = [self.add() for _ in range(count)]
        if verb == "unrescue":
            self.run("rescue", nodes, [NONE] * count)
        return nodes

    def wrap(self, original: Callable[..., Any], method: str) -> Callable[..., Any]:
        def call(driver: object, task: Task, *arguments: Any) -> Any:
            fault = self._fault(task.node, method)
            if fault and fault.error and not fault.after:
                raise fault.error
            result = original(driver, task, *arguments)
            self._net(task.node, method)
            if fault and fault.error:
                raise fault.error
            return result

        return call

    def _fault(self, node: Node, method: str) -> Fault | None:
        calls = self.calls.setdefault(node.uuid, [])
        calls.append(method)
        fault, number = self.faults.get(node.uuid), len(calls) - 1
        if not fault:
            return None
        if fault.lasting:
            return fault if number >= fault.at and method in BMC else None
        return fault if number == fault.at else None

    def _net(self, node: Node, method: str) -> None:
        known = self.networks.get(node.uuid, {})
        if method in NETWORK:
            way, network, _ = method.split("_")
            known[network] = way == "join"

    def saving(self, save: Callable[..., Future[Node]]) -> Callable[..., Future[Node]]:
        """After each step done, and at the end: is the power in the database the server's? (In
        between it is what the BMC said last.) And be the agent."""

        def saved(node: Node, *arguments: Any, **options: Any) -> Future[Node]:
            saving = save(node, *arguments, **options)
            after = saving.result()
            power = self.engine.hardware(after).record(after).power
            known = after.operation is None or (after.step != node.step and not after.undoing)
            if known and after.power_state not in (power, None):
                self.lies.append(f"{node.operation} {node.step}: {after.power_state}, is {power}")
            if after.provision_state == "rescue wait":
                self.engine.store.leases.give_token(node.uuid, TOKEN)
                agent = {"agent_url": "https://192.0.2.9:9999"}
                self.engine.store.leases.heartbeat(node.uuid, TOKEN, agent)
            return saving

        return saved


NONE = Fault(at=-1, error=None)


@pytest.fixture
def settings(settings: Settings, seconds: int) -> Settings:
    conductor = replace(settings.conductor, rescue_callback_timeout=20 * seconds)
    return replace(settings, conductor=conductor)


@pytest.fixture
def servers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    servers = Servers(engine)
    for kind, methods in ((FakeHardware, (*BMC, *IMAGES, *AGENT)), (NoopNetwork, NETWORK)):
        for method in methods:
            monkeypatch.setattr(kind, method, servers.wrap(getattr(kind, method), method))
    monkeypatch.setattr(FakeHardware, "needs_ramdisk", True)
    saving = servers.saving(engine.store.leases.save_soon)
    monkeypatch.setattr(engine.store.leases, "save_soon", saving)
    engine.reconciler.start()
    yield servers
    engine.reconciler.stop()


VERBS = pytest.mark.parametrize("verb", ["rescue", "unrescue"])
WHEN = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


def test_the_calls_are_those_of_every_interface(servers: Servers) -> None:
    made = set(servers.count("rescue")) | set(servers.count("unrescue"))
    assert made == {*BMC, *IMAGES, *AGENT, *NETWORK} - {"set_boot_mode"}  # it is as it was
    assert servers.lies == []


@VERBS
@WHEN
def test_what_fails_once_for_good_is_undone(servers: Servers, verb: str, after: bool) -> None:
    calls = servers.count(verb)
    nodes = servers.ready(verb, len(calls))
    instance = servers.seen(servers.add())
    faults = [Fault(i, FINAL[method], after) for i, method in enumerate(calls)]
    for number, node in enumerate(servers.run(verb, nodes, faults)):
        where = f"call {number}, {calls[number]}"
        assert servers.seen(node) == instance, where
        assert (node.provision_state, node.maintenance) == (f"{verb} failed", False), where
        assert str(faults[number].error) in (node.last_error or ""), where
        assert node.power_state == "power on", where
        assert (node.operation, node.arguments) == (None, {}), where
    assert servers.lies == []


@VERBS
@WHEN
@pytest.mark.parametrize("error", [TIMEOUT, ERROR_500, None], ids=["timeout", "500", "others"])
def test_what_fails_for_a_while_is_done_again(
    servers: Servers, verb: str, after: bool, error: HardwareError | None
) -> None:
    """Each call of the BMC, or (None) each other one, with what may be wrong with it."""
    calls = servers.count(verb)
    nodes = servers.ready(verb, len(calls))
    at = [i for i, method in enumerate(calls) if (method in BMC) == (error is not None)]
    done = {"rescue": "rescue", "unrescue": "active"}[verb]
    faults = [Fault(i, error or PASSING[calls[i]], after) for i in at]
    for node, fault in zip(servers.run(verb, nodes[: len(at)], faults), faults, strict=True):
        where = f"call {fault.at}, {calls[fault.at]}"
        assert (node.provision_state, node.last_error) == (done, None), where
        assert servers.seen(node)["power"] == node.power_state == "power on", where
        assert not servers.seen(node)["ramdisk offered"], where


@VERBS
@pytest.mark.parametrize("seconds", [1])
@pytest.mark.parametrize(
    "error", [REFUSED, TIMEOUT, ERROR_500], ids=["wrong credentials", "timeout", "500"]
)
def test_a_bmc_that_stays_away_leaves_nothing_untold(
    servers: Servers, verb: str, error: HardwareError
) -> None:
    """What is not as it was is named, the node is in maintenance, and an unrescue repairs it."""
    calls = servers.count(verb)
    at = [i for i, method in enumerate(calls) if method in BMC]
    nodes = servers.ready(verb, len(at))
    instance = servers.seen(servers.add())
    faults = [Fault(i, error, lasting=True) for i in at]
    ended = servers.run(verb, nodes, faults)
    for node, fault in zip(ended, faults, strict=True):
        where = f"from call {fault.at} on, {calls[fault.at]}"
        seen = servers.seen(node)
        assert node.provision_state == f"{verb} failed", where
        assert str(error) in (node.last_error or ""), where
        assert node.power_state in (seen["power"], None), where
        wrong = {name for name, value in seen.items() if value != instance[name]}
        assert wrong <= {"power", "boot device"}, where
        told = [
            step for name in wrong for step in UNDONE_BY[name] if step in (node.last_error or "")
        ]
        assert bool(told) == bool(wrong), where
        if wrong:
            assert (node.maintenance, node.fault) == (True, "rescue abort failure"), where
            assert "NOT restored" in (node.last_error or ""), where
            assert node.power_state is None, where
    assert any(node.maintenance for node in ended)
    assert servers.lies == []
    for node in ended:
        servers.engine.store.nodes.change(node.uuid, {"maintenance": False, "fault": None})
    for node in servers.run("unrescue", nodes, [NONE] * len(nodes)):
        assert (node.provision_state, node.power_state) == ("active", "power on")
        assert servers.seen(node) == instance


UNDONE_BY = {"power": ("power_off", "power_on"), "boot device": ("boot_ramdisk_next",)}
"""The steps whose undo brings this back."""
