"""Do no harm: whatever fails in a rescue or an unrescue, the server is where it was before.

Fake power and management, the real boot files, a network and an agent that keep a record. A failure
is put into each step in turn, before it has done anything and after it has done everything; what
is then compared is all that can be known of a server from outside.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stbernard.drivers.agent import AgentRescue
from stbernard.drivers.base import InternalInfo, Task
from stbernard.drivers.network.noop import NoopNetwork
from stbernard.drivers.registry import Registry
from stbernard.errors import AgentError, BMCRefused, BMCUnreachable, ImageError
from stbernard.nodes import Agent, Login, Node
from stbernard.operations.accept import Requests
from stbernard.operations.boot_signs import DHCP_REQUEST
from stbernard.operations.catalogue import OPERATIONS
from stbernard.operations.dhcp_requests import note_request
from stbernard.operations.operation import Action, Operation, Step
from stbernard.operations.outcome import Outcome
from stbernard.operations.reconciler import Reconciler
from stbernard.operations.rescue import RESCUE
from stbernard.operations.tasks import Tasks
from stbernard.operations.unrescue import UNRESCUE
from stbernard.settings import Deploy, Dhcp, Dnsmasq, Pxe, Settings
from stbernard.store import Store
from tests.factories import a_port
from tests.unit.operations.conftest import Engine

TOKEN = "t" * 43
PORT = "52:54:00:77:00:01"
FINAL = BMCRefused("it does not accept the password")
PASSING = BMCUnreachable("it does not answer")
AGENT = 10  # seconds more than a step that an agent has to call


@dataclass
class Networks:
    """What ports the server has, as the network knows it."""

    tenant: bool = True
    rescuing: bool = False

    def plug(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def setter(name: str, value: bool) -> Callable[..., InternalInfo]:
            def plug(_: object, task: Task) -> InternalInfo:
                setattr(self, name, value)
                return {}

            return plug

        monkeypatch.setattr(NoopNetwork, "leave_tenant_networks", setter("tenant", False))
        monkeypatch.setattr(NoopNetwork, "join_tenant_networks", setter("tenant", True))
        monkeypatch.setattr(NoopNetwork, "join_rescuing_network", setter("rescuing", True))
        monkeypatch.setattr(NoopNetwork, "leave_rescuing_network", setter("rescuing", False))


@dataclass
class World:
    """One server, its engine, and how it can be looked at."""

    engine: Engine
    settings: Settings
    networks: Networks
    node: Node
    monkeypatch: pytest.MonkeyPatch

    def seen(self) -> Mapping[str, object]:
        """All that can be known of the server from outside."""
        record = self.engine.hardware(self.node).record(self.node)
        root = self.settings.http_root
        return {
            "power": record.power,
            "boot device": record.boot,
            "boot mode": record.mode,
            "DHCP options": [path.read_text() for path in self._dhcp("options")],
            "DHCP hosts": [path.read_text() for path in self._dhcp("hosts")],
            "tenant networks": self.networks.tenant,
            "rescuing network": self.networks.rescuing,
            "boot files": sorted(
                str(path.relative_to(root))
                for path in root.rglob("*")
                if path.is_file() and path.name != "boot.ipxe"
            ),
        }

    def _dhcp(self, kind: str) -> list[Path]:
        """dnsmasq's files that say something."""
        folder = Path(self.settings.default.state_path) / "dnsmasq" / kind
        files = folder.iterdir() if folder.is_dir() else ()
        return sorted(path for path in files if path.read_text() != f"{PORT}\n")

    def fail(
        self, operation: Operation, step: str, error: Exception, *, after: bool = False
    ) -> None:
        """Have the step raise the error, always; `after` it has done its work."""
        self._replace(operation, step, action=lambda action: _failing(action, error, after=after))

    def fail_undo(self, operation: Operation, step: str, error: Exception) -> None:
        self._replace(operation, step, undo=lambda undo: _failing(undo, error, after=False))

    def _replace(
        self, operation: Operation, name: str, **wrappers: Callable[[Action], Action]
    ) -> None:
        operation = OPERATIONS[operation.name]
        steps = tuple(_wrapped(step, wrappers, step.name == name) for step in operation.steps)
        self.monkeypatch.setitem(OPERATIONS, operation.name, replace(operation, steps=steps))

    def rescue(self) -> Node:
        """Ask for it, be the agent if the service waits for one, and return how it ended."""
        self.engine.requests.provision(self.node.uuid, "rescue", rescue_password="secret")
        return self.play_agent()

    def play_agent(self) -> Node:
        store = self.engine.store

        def waits_or_ended() -> bool:
            now = store.nodes.get(self.node.uuid)
            return now.operation is None or now.provision_state == "rescue wait"

        assert store.news.wait_until(waits_or_ended, 60)
        if store.nodes.get(self.node.uuid).operation:
            store.leases.give_token(self.node.uuid, TOKEN)
            token = str(store.nodes.get(self.node.uuid).agent.token)  # perhaps from the medium
            store.leases.heartbeat(self.node.uuid, token, {"agent_url": "https://10.0.0.9:9999"})
        return self.engine.wait(self.node)

    def unrescue(self) -> Node:
        self.engine.requests.provision(self.node.uuid, "unrescue")
        return self.engine.wait(self.node)


def _wrapped(step: Step, wrappers: Mapping[str, Callable[[Action], Action]], meant: bool) -> Step:
    if not meant:
        return step
    changes: dict[str, Any] = {name: wrap(getattr(step, name)) for name, wrap in wrappers.items()}
    return replace(step, **changes)


def _failing(action: Action, error: Exception, *, after: bool) -> Action:
    @functools.wraps(action)
    def fail(task: Task) -> Outcome:
        if after:
            action(task)
        raise error

    return fail


def play_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does what it is told."""
    monkeypatch.setattr(AgentRescue, "meet", lambda _, task: Login(addresses=("10.0.0.9",)))
    monkeypatch.setattr(AgentRescue, "open_login", lambda _, task, password_hash: None)
    monkeypatch.setattr(AgentRescue, "prove_login", lambda _, task: (Login(), "seen"))


@pytest.fixture
def seconds() -> int:
    """What a step may take; tests that wait for its end name less."""
    return 600


@pytest.fixture
def dhcp() -> str:
    """The DHCP provider."""
    return "none"


@pytest.fixture
def configured(settings: Settings, tmp_path: Path, seconds: int, dhcp: str) -> Settings:
    """With images."""
    images: dict[str, Any] = {}
    for name in ("rescue_kernel", "rescue_ramdisk"):
        (tmp_path / name).write_bytes(name.encode())
        images[name] = f"file://{tmp_path / name}"
    (tmp_path / "tftp").mkdir()
    (tmp_path / "tftp/snponly.efi").write_text("what firmware loads first")
    return replace(
        settings,
        dhcp=Dhcp(dhcp_provider=dhcp),
        dnsmasq=Dnsmasq(interface="eth1" if dhcp == "dnsmasq" else None),
        pxe=Pxe(tftp_root=str(tmp_path / "tftp")),
        default=replace(
            settings.default, enabled_boot_interfaces=("ipxe",), state_path=str(tmp_path / "state")
        ),
        conductor=replace(
            settings.conductor,
            rescue_callback_timeout=seconds + AGENT,
            power_state_change_timeout=seconds,
            file_url_allowed_paths=(str(tmp_path),),
            **images,
        ),
        agent=replace(settings.agent, command_timeout=seconds),
        deploy=Deploy(http_root=str(tmp_path / "httpboot")),
    )


@pytest.fixture
def world(store: Store, configured: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    networks = Networks()
    networks.plug(monkeypatch)
    play_the_agent(monkeypatch)
    registry = Registry(configured)
    tasks = Tasks(store, registry, configured)
    reconciler = Reconciler(store, tasks, configured)
    engine = Engine(store, Requests(store, tasks, configured), registry, reconciler)
    node = engine.enroll(
        boot_interface="ipxe", rescue_interface="agent", power_state="power on", boot_mode="uefi"
    )
    store.ports.create(a_port(node, address=PORT))
    reconciler.start()
    yield World(engine, configured, networks, node, monkeypatch)
    reconciler.stop()


RESCUE_STEPS = [step.name for step in RESCUE.steps]
UNRESCUE_STEPS = [step.name for step in UNRESCUE.steps]


def _kept(node: Node) -> Mapping[str, Any]:
    """What the database knows of a server, without what an operation may change."""
    values = msgspec.structs.asdict(node)
    changing = ("updated_at", "provision_updated_at", "provision_state", "target_provision_state")
    for name in (*changing, "last_error", "fence", "wakeups", "attempt", "power_state"):
        del values[name]
    return values


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", RESCUE_STEPS)
def test_a_rescue_whose_step_fails_changes_nothing(world: World, step: str, after: bool) -> None:
    before, known = world.seen(), _kept(world.engine.store.nodes.get(world.node.uuid))
    world.fail(RESCUE, step, FINAL, after=after)
    failed = world.rescue()
    assert world.seen() == before
    assert (failed.provision_state, failed.maintenance) == ("rescue failed", False)
    assert failed.power_state == "power on"
    assert str(FINAL) in (failed.last_error or "")
    assert _kept(failed) == known


@pytest.mark.parametrize("seconds", [2])
@pytest.mark.parametrize("step", RESCUE_STEPS)
def test_a_rescue_whose_step_never_gets_through_changes_nothing(world: World, step: str) -> None:
    before = world.seen()
    world.fail(RESCUE, step, PASSING, after=True)
    failed = world.rescue()
    assert world.seen() == before
    assert (failed.provision_state, failed.maintenance) == ("rescue failed", False)
    assert str(PASSING) in (failed.last_error or "")


@pytest.mark.parametrize("step", RESCUE_STEPS)
def test_a_server_that_was_off_is_off_again(world: World, step: str) -> None:
    world.engine.hardware(world.node).record(world.node).power = "power off"
    world.engine.store.nodes.change(world.node.uuid, {"power_state": "power off"})
    before = world.seen()
    world.fail(RESCUE, step, FINAL, after=True)
    failed = world.rescue()
    assert world.seen() == before
    assert (failed.provision_state, failed.power_state) == ("rescue failed", "power off")


def test_an_agent_that_never_calls_changes_nothing(world: World, seconds: int) -> None:
    before = world.seen()
    world.engine.requests.provision(world.node.uuid, "rescue", rescue_password="secret")
    world.engine.wait(world.node, "rescue wait")
    world.engine.pass_by(seconds + AGENT, world.monkeypatch)
    failed = world.engine.wait(world.node)
    assert world.seen() == before
    assert failed.provision_state == "rescue failed"
    assert "[conductor]rescue_callback_timeout" in (failed.last_error or "")


@pytest.mark.parametrize("dhcp", ["dnsmasq"])
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((), "No DHCP request of it was seen on eth1: does it boot from the network"),
        ((PORT,), "It has asked for an address by DHCP, but fetched no boot script"),
    ],
    ids=["never", "and nothing more"],
)
def test_dhcp_never_changes_nothing_and_is_named(
    world: World, seconds: int, asked: Sequence[str], told: str
) -> None:
    """The service's own DHCP server, which knows who asks."""
    before = world.seen()
    store = world.engine.store
    world.engine.requests.provision(world.node.uuid, "rescue", rescue_password="secret")
    world.engine.wait(world.node, "rescue wait")
    assert world.seen()["DHCP options"] != before["DHCP options"] == []
    for mac in (*asked, *asked, "52:54:00:77:00:99"):  # firmware, loader; another server
        note_request(store, mac)
    world.engine.pass_by(seconds + AGENT, world.monkeypatch)
    failed = world.engine.wait(world.node)
    assert world.seen() == before
    assert (failed.provision_state, failed.maintenance) == ("rescue failed", False)
    assert told in (failed.last_error or "")
    assert f"it is known by {PORT}: are these its cards?" in (failed.last_error or "")
    lines = store.journal.last_rescue(failed.uuid)
    assert [line.detail for line in lines].count(DHCP_REQUEST) == len(asked)
    note_request(store, PORT)  # of the instance, later
    assert store.journal.last_rescue(failed.uuid) == lines


def test_a_rescue_that_is_aborted_changes_nothing(world: World) -> None:
    before = world.seen()
    world.engine.requests.provision(world.node.uuid, "rescue", rescue_password="secret")
    world.engine.wait(world.node, "rescue wait")
    world.engine.requests.provision(world.node.uuid, "abort")
    aborted = world.engine.wait(world.node)
    assert world.seen() == before
    assert (aborted.provision_state, aborted.maintenance) == ("rescue failed", False)


def test_an_image_that_is_gone_is_noticed_before_the_server_is_touched(world: World) -> None:
    before = world.seen()
    effects = list(world.engine.hardware(world.node).record(world.node).effects)
    world.fail(RESCUE, "check_everything", ImageError("it is not there"))
    world.rescue()
    assert world.seen() == before
    assert world.engine.hardware(world.node).record(world.node).effects == effects


@pytest.mark.parametrize("step", [step.name for step in RESCUE.steps if step.undo])
def test_what_cannot_be_undone_is_named_and_the_rest_is_undone(world: World, step: str) -> None:
    """The failure comes late, so that everything is to be undone."""
    before = world.seen()
    world.fail(RESCUE, "open_login", AgentError("it says no"))
    world.fail_undo(RESCUE, step, FINAL)
    failed = world.rescue()
    assert (failed.provision_state, failed.maintenance) == ("rescue failed", True)
    assert failed.fault == "rescue abort failure"
    assert f"{step}: {FINAL}" in (failed.last_error or "")
    assert failed.maintenance_reason == failed.last_error
    wrong = {name for name, value in world.seen().items() if value != before[name]}
    assert wrong == LEFT[step]


LEFT = {
    "remember_how_it_was": set[str](),
    "power_off": {"power"},
    "leave_tenant_networks": {"tenant networks"},
    "join_rescuing_network": {"rescuing network"},
    "boot_ramdisk_next": {"boot device", "boot files"},
    "power_on": set[str](),
}
"""What is not restored when the undo of this step fails for good; nothing else may be wrong."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", UNRESCUE_STEPS)
def test_an_unrescue_that_fails_leads_to_the_instance(world: World, step: str, after: bool) -> None:
    """The ramdisk is gone with its power: there is only one way to lead, forwards."""
    before = world.seen()
    assert world.rescue().provision_state == "rescue"
    world.fail(UNRESCUE, step, FINAL, after=after)
    failed = world.unrescue()
    assert world.seen() == before
    assert (failed.provision_state, failed.maintenance) == ("unrescue failed", False)
    assert failed.power_state == "power on"
    world.monkeypatch.setitem(OPERATIONS, UNRESCUE.name, UNRESCUE)
    again = world.unrescue()
    assert (again.provision_state, again.last_error) == ("active", None)
    assert again.agent == Agent()
    assert world.seen() == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seconds", [1])
@pytest.mark.parametrize("step", UNRESCUE_STEPS)
def test_an_unrescue_whose_step_never_gets_through_leads_to_the_instance(
    world: World, step: str
) -> None:
    before = world.seen()
    assert world.rescue().provision_state == "rescue"
    world.fail(UNRESCUE, step, PASSING, after=True)
    failed = world.unrescue()
    assert world.seen() == before
    assert (failed.provision_state, failed.maintenance) == ("unrescue failed", False)
    assert failed.power_state == "power on"
    assert str(PASSING) in (failed.last_error or "")
