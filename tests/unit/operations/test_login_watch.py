"""The watch over rescued servers, and the search for their instances, on fake hardware.

What ssh shows is set by the test; that ssh shows it is proven in drivers/test_ssh_look.py, and the
whole on a real machine in tests/machine/test_leaving.py.
"""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from stbernard import clock
from stbernard.drivers.base import Answer, Seen
from stbernard.drivers.fake import FakeHardware
from stbernard.errors import BMCUnreachable
from stbernard.nodes import HowItWas, Login, Node, Power
from stbernard.operations import instance_back, login_watch
from stbernard.operations.login_watch import LoginWatch
from stbernard.operations.power_sync import PowerSync
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store.journal import Entry, Event
from tests.unit.operations.conftest import Engine

HERE = "192.0.2.7"
ELSEWHERE = "192.0.2.8"
RESCUE = Seen(Answer.RESCUE, "SSH-2.0-OpenSSH stbernard-1")
OTHER = Seen(Answer.OTHER, "host key SHA256:abc")
NOBODY = Seen(Answer.NOBODY)
REFUSED = Seen(Answer.REFUSED)
STRANGER = Seen(Answer.STRANGER, "SSH-2.0-OpenSSH stbernard-2")


class World:
    """A rescued node, what its ssh shows, and the watch."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
        seen_at: Sequence[str],
    ) -> None:
        self.engine = engine
        self.monkeypatch = monkeypatch
        engine.store.conductors.register("worker-1", "", ("fake-hardware",))
        engine.reconciler.start()
        self.seen_at = tuple(seen_at)
        self.node = engine.enroll(name="rack1-u7", power_state="power on")
        self.rescue()
        self.shown: Mapping[str, Seen] = {HERE: RESCUE, ELSEWHERE: NOBODY}
        monkeypatch.setattr(
            FakeHardware, "look", lambda _, logins: [dict(self.shown) for _ in logins]
        )
        tasks = Tasks(engine.store, engine.registry, settings)
        self.watch = LoginWatch(engine.store, tasks, settings)
        self.power_sync = PowerSync(engine.store, tasks, settings)
        self._now = 0.0
        monkeypatch.setattr(login_watch, "ROUNDS", 1)
        for module in (login_watch, instance_back):
            monkeypatch.setattr(module, "clock", SimpleNamespace(now=self.clock))

    def clock(self) -> float:
        """The watch's; nothing else looks at it."""
        return clock.now() + self._now

    def rescue(self) -> None:
        self.engine.requests.provision(self.node.uuid, "rescue", rescue_password="secret")
        self.engine.wait(self.node)
        proven = self.now().login
        assert proven
        assert proven.started_at == self.engine.hardware(self.node).record(self.node).started_at
        login = structs.replace(
            proven, addresses=(HERE, ELSEWHERE), ssh_host_key="key", seen_at=self.seen_at
        )
        self.engine.store.nodes.change(self.node.uuid, {"login": login})

    def pass_by(self, seconds: float, every: float = 10, *, at_once: bool = True) -> None:
        """What the watch sees in that time: a look every ten seconds, and the BMC."""
        end = self._now + seconds
        if not at_once:
            self._now = end
        while True:
            self.watch.look()
            while not self.watch.doubts.empty():
                doubt = self.watch.doubts.get()
                assert doubt
                self.watch.ask(*doubt)
            if self._now >= end:
                return
            self._now += every

    def look_twice(self) -> None:
        """As often as it takes to be sure."""
        self.pass_by(login_watch.EVERY, login_watch.EVERY)

    def now(self) -> Node:
        return self.engine.store.nodes.get(self.node.uuid)

    def told(self) -> list[str]:
        """What the watch has written into the timeline."""
        lines = self.engine.store.journal.last_rescue(self.node.uuid)
        end = next(i for i, line in enumerate(lines) if line.event == Event.SUCCEEDED)
        return [line.detail or "" for line in lines[end + 1 :] if line.operation == "rescue"]

    def reset(self, later: float) -> None:
        """So many seconds after its start."""
        record = self.engine.hardware(self.node).record(self.node)
        assert record.started_at
        record.started_at += later

    def press(self, power: Power) -> None:
        self.engine.hardware(self.node).record(self.node).power = power


@pytest.fixture
def seen_at() -> Sequence[str]:
    return (HERE,)


@pytest.fixture
def world(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, seen_at: Sequence[str]
) -> World:
    return World(engine, settings, monkeypatch, seen_at)


def certain(world: World) -> tuple[Any, ...]:
    """A doubt that needs no word of the BMC's."""
    world.watch.look()
    world.watch.look()
    doubts = [world.watch.doubts.get() for _ in range(world.watch.doubts.qsize())]
    doubt = doubts[-1]
    assert doubt
    assert doubt[-1]
    return doubt


def test_who_answers_is_left_alone(world: World) -> None:
    before = world.now()
    world.pass_by(3600, every=300)
    assert world.now() == before
    assert world.told() == []


def test_another_system_at_its_address_ends_the_rescue(world: World) -> None:
    world.shown = {HERE: OTHER, ELSEWHERE: NOBODY}
    world.look_twice()
    left = world.now()
    assert (left.provision_state, left.target_provision_state) == ("rescue failed", "rescue")
    assert left.operation is None
    assert left.power_state == Power.ON
    assert left.before_rescue == HowItWas(
        power_state="power on", boot_device="disk", persistent=True, boot_mode="uefi"
    )
    (text,) = world.told()
    assert left.last_error == text
    assert "another system answers ssh at 192.0.2.7 (host key SHA256:abc)" in text
    assert "openstack baremetal node rescue rack1-u7" in text
    assert "openstack baremetal node unrescue rack1-u7" in text
    ended = world.engine.store.journal.history(left)[-1]
    assert (ended.event, ended.detail, ended.provision_state) == ("failed", text, "rescue failed")


@pytest.mark.parametrize("way", ["rescue", "unrescue"])
def test_both_ways_out_are_open(world: World, way: str) -> None:
    world.shown = {HERE: OTHER}
    world.look_twice()
    world.engine.requests.provision(world.node.uuid, way, rescue_password="secret")
    after = world.engine.wait(world.node)
    assert after.provision_state == {"rescue": "rescue", "unrescue": "active"}[way]
    assert after.last_error is None


def test_a_server_that_is_off_is_not_rescued(world: World) -> None:
    world.press(Power.OFF)
    world.shown = {HERE: NOBODY, ELSEWHERE: NOBODY}
    world.look_twice()
    left = world.now()
    assert (left.provision_state, left.power_state) == ("rescue failed", Power.OFF)
    assert "it is switched off" in (left.last_error or "")


@pytest.mark.parametrize("seen_at", [()])
def test_the_power_is_looked_at_where_ssh_cannot_be_reached(world: World) -> None:
    world.shown = {HERE: NOBODY, ELSEWHERE: NOBODY}
    world.pass_by(60)
    assert world.now().provision_state == "rescue"
    assert world.told() == []
    world.press(Power.OFF)
    world.pass_by(login_watch.ASK_AGAIN)
    assert world.now().provision_state == "rescue failed"


def test_silence_in_an_earlier_rescue_says_nothing_of_this_one(world: World) -> None:
    world.shown = {HERE: REFUSED}
    world.pass_by(0)
    unrescued(world)
    world.rescue()
    world.pass_by(login_watch.REFUSED_FOR, at_once=False)
    after = world.now()
    assert (after.provision_state, after.last_error) == ("rescue", None)


def test_a_doubt_in_an_earlier_rescue_says_nothing_of_this_one(world: World) -> None:
    """Its BMC was asked late: many had to be."""
    world.shown = {HERE: OTHER}
    doubt = certain(world)
    unrescued(world)
    world.rescue()
    world.watch.ask(*doubt)
    assert world.now().provision_state == "rescue"


def while_it_is_looked_at(world: World, act: Callable[[], None]) -> None:
    """Thousands of nodes in one look take their time."""
    shown = dict(world.shown)

    def look(_: FakeHardware, logins: Sequence[Login]) -> Sequence[Mapping[str, Seen]]:
        act()
        return [dict(shown) for _ in logins]

    with world.monkeypatch.context() as patched:
        patched.setattr(FakeHardware, "look", look)
        world.watch.look()


def again(world: World) -> None:
    unrescued(world)
    world.rescue()


def test_where_an_earlier_rescue_answered_is_not_noted_of_this_one(world: World) -> None:
    world.shown = {HERE: NOBODY, ELSEWHERE: RESCUE}
    while_it_is_looked_at(world, lambda: again(world))
    login = world.now().login
    assert login
    assert login.started_at == world.engine.hardware(world.node).record(world.node).started_at
    assert login.seen_at == (HERE,)


def test_the_silence_of_an_earlier_rescue_is_not_said_of_this_one(world: World) -> None:
    world.shown = {HERE: NOBODY}
    world.watch.look()
    world._now += login_watch.SILENT_FOR
    while_it_is_looked_at(world, lambda: again(world))
    assert (world.now().last_error, world.told()) == (None, [])


def test_an_instance_that_answered_before_the_next_rescue_does_not_end_it(world: World) -> None:
    unrescued(world)
    world.shown = {HERE: OTHER}
    while_it_is_looked_at(world, world.rescue)
    after = world.now()
    assert (after.provision_state, after.login is not None) == ("rescue", True)


@pytest.mark.parametrize("answer", [OTHER, NOBODY])
def test_who_answers_again_while_a_doubt_waits_has_not_left(world: World, answer: Seen) -> None:
    """Many BMCs had to be asked before, or its own takes its time."""
    world.reset(3600)
    world.shown = {HERE: answer}
    world.watch.look()
    world.watch.look()
    doubt = [world.watch.doubts.get() for _ in range(world.watch.doubts.qsize())][-1]
    assert doubt
    world.shown = {HERE: RESCUE}
    world.watch.look()
    world.watch.ask(*doubt)
    assert world.now().provision_state == "rescue"


def test_why_it_has_left_is_not_written_over(world: World) -> None:
    """By its silence, which is said at the moment when its BMC says why."""
    world.shown = {HERE: NOBODY}
    world.reset(60)
    world.watch.look()
    world.watch.look()
    doubt = world.watch.doubts.get()
    journal = world.engine.store.journal
    read = journal.last_rescue

    def left_first(node_uuid: str) -> tuple[Entry, ...]:
        world.monkeypatch.setattr(journal, "last_rescue", read)
        assert doubt
        world.watch.ask(*doubt)
        return read(node_uuid)

    world.monkeypatch.setattr(journal, "last_rescue", left_first)
    world._now += login_watch.SILENT_FOR
    world.watch.look()
    left = world.now()
    assert left.provision_state == "rescue failed"
    assert "it was started anew" in (left.last_error or "")


def test_the_power_sync_knows_it_too(world: World) -> None:
    world.press(Power.OFF)
    world.power_sync.sync()
    left = world.now()
    assert (left.provision_state, left.power_state) == ("rescue failed", Power.OFF)
    assert left.operation is None  # it is not switched on: it would boot its instance


def test_silence_is_said_and_leaves_the_state(world: World) -> None:
    """However long: the network in between may be away."""
    world.shown = {HERE: NOBODY, ELSEWHERE: NOBODY}
    world.pass_by(login_watch.SILENT_FOR)
    silent = world.now()
    (text,) = world.told()
    assert text.startswith("ssh does not answer any more at 192.0.2.7; its BMC says 'power on'.")
    assert "openstack baremetal node unrescue rack1-u7" in text
    assert (silent.provision_state, silent.last_error) == ("rescue", text)
    assert silent.login
    assert silent.login.silent_since
    world.pass_by(24 * 3600, every=3600)
    assert world.now() == silent
    world.shown = {HERE: RESCUE}
    world.pass_by(0)
    back = world.now()
    assert back.login
    assert back.login.silent_since is None
    assert world.told() == [text, "ssh answers at 192.0.2.7."]
    assert (back.provision_state, back.last_error) == ("rescue", None)


def test_the_end_of_silence_leaves_what_else_was_wrong(world: World) -> None:
    world.shown = {HERE: NOBODY}
    world.pass_by(login_watch.SILENT_FOR)
    world.engine.store.nodes.change(world.node.uuid, {"last_error": "It was not switched off."})
    world.shown = {HERE: RESCUE}
    world.pass_by(0)
    assert world.now().last_error == "It was not switched off."


@pytest.mark.parametrize("answer", [NOBODY, REFUSED, OTHER])
def test_one_look_in_vain_says_nothing(world: World, answer: Seen) -> None:
    """Nor with a BMC of another clock, or of another zone: an odd answer comes by itself."""
    before = world.now()
    world.reset(3600)
    for _ in range(3):
        world.shown = {HERE: answer}
        world.pass_by(0)
        world.shown = {HERE: RESCUE}
        world.pass_by(login_watch.SILENT_FOR)
    assert (world.now(), world.told()) == (before, [])


def test_odd_answers_that_do_not_follow_each_other_say_nothing(world: World) -> None:
    """Of a load balancer, while the network is away."""
    for answer in (NOBODY, OTHER, NOBODY, OTHER, NOBODY):
        world.shown = {HERE: answer}
        world.pass_by(0)
    assert world.now().provision_state == "rescue"
    world.shown = {HERE: OTHER}
    world.look_twice()
    assert "another system answers ssh" in (world.now().last_error or "")


def test_what_is_not_sure_yet_is_looked_at_in_each_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a look of its turn it is: the promise is half a minute for all."""
    monkeypatch.setattr(login_watch, "ROUNDS", 5)
    world.shown = {HERE: NOBODY}
    world.reset(60)
    world.pass_by(10 + login_watch.EVERY, login_watch.EVERY)
    assert "started anew" in (world.now().last_error or "")


def test_another_system_after_silence_is_looked_at_in_each_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.shown = {HERE: NOBODY}
    world.pass_by(login_watch.SILENT_FOR)
    monkeypatch.setattr(login_watch, "ROUNDS", 5)
    world.shown = {HERE: OTHER}
    world.pass_by(10 + login_watch.EVERY, login_watch.EVERY)
    assert "another system answers ssh" in (world.now().last_error or "")


@pytest.mark.parametrize("seen_at", [(HERE,), ()])
def test_a_bmc_whose_clock_was_put_forward(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reckons the start from a running time, and ssh is away for a while, or out of reach."""
    monkeypatch.setattr(FakeHardware, "clock", lambda *_: world.clock() + 3600)
    world.reset(3600 - 10)  # ten seconds for the boot
    world.shown = {HERE: NOBODY, ELSEWHERE: NOBODY}
    world.pass_by(300)
    assert world.now().provision_state == "rescue"
    record = world.engine.hardware(world.node).record(world.node)
    record.started_at = world.clock() + 3600 - 5  # and now it is started anew
    world.pass_by(login_watch.ASK_AGAIN)
    assert world.now().provision_state == "rescue failed"


def test_a_reset_just_after_the_login_by_a_bmc_that_tells_whole_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the start seems to be older than the rescue, and stays so however often it asks."""
    rescued = world.now()
    assert rescued.login and rescued.provision_updated_at
    record = world.engine.hardware(world.node).record(world.node)
    known = structs.replace(rescued.login, started_at=rescued.provision_updated_at - 20)
    world.engine.store.nodes.change(world.node.uuid, {"login": known})
    record.started_at = rescued.provision_updated_at - 0.9
    monkeypatch.setattr(FakeHardware, "clock", lambda *_: world.clock())
    world.shown = {HERE: NOBODY, ELSEWHERE: NOBODY}
    world.pass_by(login_watch.ASK_AGAIN)
    assert world.now().provision_state == "rescue failed"


def test_who_has_just_fallen_silent_is_looked_at_in_each_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within so many seconds after a reset it is said: ten until its turn, then these."""
    monkeypatch.setattr(login_watch, "ROUNDS", 5)
    world.shown = {HERE: NOBODY}
    world.pass_by(10, every=2)
    world.pass_by(login_watch.SILENT_FOR, every=2)
    assert world.now().last_error == world.told()[0]


def test_a_bmc_that_tells_of_another_start(world: World) -> None:
    world.shown = {HERE: NOBODY, ELSEWHERE: NOBODY}
    world.reset(login_watch.LATER)  # as exact as BMCs are
    world.pass_by(0)
    assert world.now().provision_state == "rescue"
    world.reset(60)
    world.pass_by(login_watch.ASK_AGAIN)
    left = world.now()
    assert (left.provision_state, left.power_state) == ("rescue failed", Power.ON)
    assert "its BMC says that it was started anew (" in (left.last_error or "")


@pytest.mark.parametrize("seen_at", [()])
def test_a_bmc_that_tells_of_another_start_where_ssh_cannot_be_reached(world: World) -> None:
    world.shown = {HERE: NOBODY, ELSEWHERE: NOBODY}
    world.pass_by(60)
    assert (world.now().provision_state, world.told()) == ("rescue", [])
    world.reset(60)
    world.pass_by(login_watch.ASK_AGAIN)
    assert world.now().provision_state == "rescue failed"


def test_who_answers_has_not_left_whatever_its_bmc_says(world: World) -> None:
    world.reset(60)
    world.pass_by(60)
    assert world.now().provision_state == "rescue"


def test_a_bmc_that_does_not_tell_when_the_login_is_proven(world: World) -> None:
    """The rescue goes on all the same, and nothing is compared."""
    world.engine.requests.provision(world.node.uuid, "unrescue")
    world.engine.wait(world.node)
    hardware = world.engine.hardware(world.node)
    hardware.fail(world.node, "last_start", BMCUnreachable("away"))
    world.engine.requests.provision(world.node.uuid, "rescue", rescue_password="secret")
    rescued = world.engine.wait(world.node)
    assert (rescued.provision_state, rescued.last_error) == ("rescue", None)
    assert rescued.login
    assert rescued.login.started_at is None
    world.reset(60)
    world.shown = {HERE: NOBODY}
    world.pass_by(60)
    assert world.now().provision_state == "rescue"


def test_silence_of_the_bmc_as_well(world: World) -> None:
    world.engine.hardware(world.node).fail(
        world.node, "get_power_state", BMCUnreachable("away"), times=1000
    )
    world.shown = {HERE: NOBODY, ELSEWHERE: NOBODY}
    world.pass_by(3600, every=300)
    assert "its BMC does not answer either" in world.told()[0]
    assert (world.now().provision_state, world.now().power_state) == ("rescue", Power.ON)


def test_a_bmc_that_takes_its_time_holds_up_nothing(world: World) -> None:
    """Silence is said without it."""
    world.shown = {HERE: NOBODY}
    world.watch.look()
    world._now += login_watch.SILENT_FOR
    world.watch.look()
    assert "its BMC has not said anything so far" in world.told()[0]


@pytest.mark.parametrize("answer", [OTHER, REFUSED, STRANGER])
@pytest.mark.parametrize("seen_at", [()])
def test_an_address_where_the_rescue_was_never_seen_tells_nothing(
    world: World, answer: Seen
) -> None:
    """It may be somebody else's in the network that this host reaches."""
    world.shown = {HERE: answer, ELSEWHERE: answer}
    before = world.now()
    world.pass_by(3600, every=300)
    assert world.now() == before


def test_the_rescue_of_another_server_at_its_address_tells_nothing(world: World) -> None:
    """The server has moved to its own network, and the address to somebody else."""
    world.shown = {HERE: STRANGER, ELSEWHERE: RESCUE}
    world.pass_by(600)
    assert world.now().provision_state == "rescue"
    world.shown = {HERE: STRANGER, ELSEWHERE: NOBODY}
    world.pass_by(600)
    assert world.now().provision_state == "rescue"


def test_an_address_found_later_counts_from_then_on(world: World) -> None:
    world.shown = {HERE: NOBODY, ELSEWHERE: RESCUE}
    world.pass_by(0)
    login = world.now().login
    assert login
    assert login.seen_at == (HERE, ELSEWHERE)
    world.shown = {HERE: NOBODY, ELSEWHERE: OTHER}
    world.look_twice()
    assert world.now().provision_state == "rescue failed"


def test_ssh_refused_for_longer_than_the_agent_needs(world: World) -> None:
    world.shown = {HERE: REFUSED, ELSEWHERE: NOBODY}
    world.pass_by(60)
    assert world.now().provision_state == "rescue"
    world.shown = {HERE: RESCUE}
    world.pass_by(10)
    world.shown = {HERE: REFUSED}
    world.pass_by(60)  # it counts anew
    assert world.now().provision_state == "rescue"
    world.pass_by(60)
    assert "ssh at 192.0.2.7 has been refused for 90 s" in (world.now().last_error or "")
    assert world.now().provision_state == "rescue failed"


def test_what_began_meanwhile_is_not_written_over(world: World) -> None:
    """An unrescue under way is nobody's finding."""
    world.shown = {HERE: OTHER}
    doubt = certain(world)
    world.engine.requests.provision(world.node.uuid, "unrescue")
    world.watch.ask(*doubt)
    assert world.engine.wait(world.node).provision_state == "active"
    assert world.told() == []


def test_another_worker_looks_after_it(world: World) -> None:
    world.engine.store.conductors.register("worker-0", "", ("fake-hardware",))
    world.engine.store.conductors.beat("worker-1", alive=False)
    world.shown = {HERE: OTHER}
    world.pass_by(60)
    assert world.now().provision_state == "rescue"


def test_each_node_has_its_turn_once_in_ten_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def look(_: FakeHardware, logins: Sequence[Login]) -> Sequence[Mapping[str, Seen]]:
        looked.append(len(logins))
        return [{HERE: RESCUE} for _ in logins]

    monkeypatch.setattr(FakeHardware, "look", look)
    for _ in range(9):
        node = world.engine.enroll(provision_state="rescue", login=Login(addresses=(HERE,)))
        assert node.login
    monkeypatch.setattr(login_watch, "ROUNDS", 5)
    for _ in range(5):
        world.watch.look()
    assert looked == [2] * 5


def test_a_driver_that_is_not_enabled_any_more_keeps_nobody_else_from_being_looked_at(
    world: World,
) -> None:
    world.engine.enroll(
        provision_state="rescue", rescue_interface="gone", login=Login(addresses=(HERE,))
    )
    world.shown = {HERE: OTHER}
    world.look_twice()
    assert world.now().provision_state == "rescue failed"


# After the unrescue.


def unrescued(world: World) -> None:
    world.engine.requests.provision(world.node.uuid, "unrescue")
    world.engine.wait(world.node)


def end(world: World) -> tuple[str | None, str | None, float | None]:
    line = world.engine.store.journal.last_rescue(world.node.uuid)[-1]
    assert (line.operation, line.event) == ("unrescue", "seen")
    return line.step, line.detail, line.seconds


def test_the_instance_answers_again(world: World) -> None:
    unrescued(world)
    world.shown = {HERE: NOBODY, ELSEWHERE: NOBODY}
    world.pass_by(20)
    assert world.now().login
    world.shown = {HERE: REFUSED}
    world.pass_by(10)
    assert world.now().login
    world.shown = {HERE: OTHER}
    world.pass_by(0)
    step, text, seconds = end(world)
    assert step == "instance_answers"
    assert text == "The instance answers ssh at 192.0.2.7 (host key SHA256:abc)."
    assert 30 <= (seconds or 0) < 60
    after = world.now()
    assert (after.provision_state, after.login, after.last_error) == ("active", None, None)


def test_what_an_earlier_search_saw_says_nothing_of_this_one(world: World) -> None:
    """Left in the middle by another rescue, with ssh refused."""
    unrescued(world)
    world.shown = {HERE: REFUSED}
    world.pass_by(0)
    world.rescue()
    unrescued(world)
    world.pass_by(instance_back.WITHOUT_SSH, at_once=False)
    assert world.now().login
    world.shown = {HERE: OTHER}
    world.pass_by(0)
    assert (end(world)[1] or "").startswith("The instance answers ssh at 192.0.2.7")


def test_an_instance_that_is_gone_for_a_while(world: World) -> None:
    """It is started again while it boots: what was refused before is long ago."""
    unrescued(world)
    for shown in (REFUSED, NOBODY):
        world.shown = {HERE: shown}
        world.pass_by(instance_back.WITHOUT_SSH - 20)
    world.shown = {HERE: REFUSED}
    world.pass_by(instance_back.WITHOUT_SSH - 20)
    assert world.now().login


def test_an_instance_without_ssh(world: World) -> None:
    unrescued(world)
    world.shown = {HERE: REFUSED}
    world.pass_by(instance_back.WITHOUT_SSH)
    assert end(world)[:2] == ("instance_answers", "The instance is at 192.0.2.7, without ssh.")


@pytest.mark.parametrize("answer", [NOBODY, RESCUE, STRANGER])
def test_an_instance_that_does_not_answer(world: World, answer: Seen) -> None:
    unrescued(world)
    world.shown = {HERE: answer}
    world.pass_by(instance_back.ANSWERS_WITHIN - 60, every=60)
    assert world.now().login
    world.pass_by(120)
    step, text, _ = end(world)
    assert step == "instance_does_not_answer"
    assert "has not answered at 192.0.2.7, 192.0.2.8 within 900 s" in (text or "")
    assert (world.now().provision_state, world.now().login) == ("active", None)


@pytest.mark.parametrize("seen_at", [()])
def test_where_nothing_can_be_seen_that_is_said(world: World) -> None:
    unrescued(world)
    world.shown = {HERE: NOBODY}
    world.pass_by(instance_back.ANSWERS_WITHIN + 60, every=60)
    assert "this host has not reached the rescue there either" in (end(world)[1] or "")


def test_the_instance_is_looked_for_after_a_rescue_that_was_left(world: World) -> None:
    world.shown = {HERE: OTHER}
    world.look_twice()
    assert world.now().provision_state == "rescue failed"
    unrescued(world)
    world.pass_by(0)
    assert end(world)[0] == "instance_answers"


def test_the_next_rescue_ends_the_search(world: World) -> None:
    unrescued(world)
    world.engine.requests.provision(world.node.uuid, "rescue", rescue_password="secret")
    world.engine.wait(world.node)
    world.shown = {HERE: OTHER}
    world.pass_by(60)
    assert world.now().provision_state == "rescue"
    assert world.told() == []
