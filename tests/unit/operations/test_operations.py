"""Whole operations on fake hardware: what they do, and that they undo it when a step fails."""

import pytest
from structlog.contextvars import get_contextvars

from stbernard.errors import (
    BMCError,
    BMCRefused,
    BMCUnreachable,
    HardwareError,
    InvalidParameter,
    InvalidState,
    NodeLocked,
)
from stbernard.nodes import BootDevice, Node, Power
from stbernard.operations.reconciler import InHand
from tests.unit.operations.conftest import Engine


def as_it_is(engine: Engine, node: Node) -> tuple[object, ...]:
    record = engine.hardware(node).record(node)
    return record.power, record.boot, record.mode, record.login_open


def test_a_rescue_and_an_unrescue(engine: Engine) -> None:
    node = engine.enroll()
    before = as_it_is(engine, node)
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    rescued = engine.wait(node)
    assert (rescued.provision_state, rescued.last_error) == ("rescue", None)
    assert rescued.power_state == Power.ON
    assert engine.hardware(node).record(node).login_open
    assert rescued.before_rescue is not None
    engine.requests.provision(node.uuid, "unrescue")
    back = engine.wait(node)
    assert (back.provision_state, back.power_state) == ("active", Power.ON)
    assert (back.before_rescue, back.login, back.arguments) == (None, None, {})
    assert as_it_is(engine, node)[:3] == before[:3]


def test_two_rescues_in_a_row(engine: Engine) -> None:
    node = engine.enroll()
    engine.reconciler.start()
    for _ in range(2):
        engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
        assert engine.wait(node).provision_state == "rescue"
    engine.requests.provision(node.uuid, "unrescue")
    assert engine.wait(node).provision_state == "active"


def test_the_journal_tells_the_whole_story(engine: Engine) -> None:
    node = engine.enroll()
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    engine.wait(node)
    done = [event.removesuffix(" done") for event in engine.events(node) if event.endswith("done")]
    assert done == [
        "check_everything",
        "remember_how_it_was",
        "power_off",
        "leave_tenant_networks",
        "join_rescuing_network",
        "boot_ramdisk_next",
        "power_on",
        "wait_for_agent",
        "meet_agent",
        "open_login",
        "leave_rescuing_network",
        "join_tenant_networks",
        "boot_instance_next",
        "prove_login",
    ]
    (ended,) = engine.store.journal.history(node)
    assert (ended.event, ended.operation, ended.provision_state) == (
        "succeeded",
        "rescue",
        "rescue",
    )


@pytest.mark.parametrize("seconds", [2])
@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("get_power_state", BMCRefused("the BMC does not accept the password")),
        ("set_power_state", BMCRefused("the BMC does not accept the password")),
        ("meet", HardwareError("the agent does not answer")),
        ("open_login", HardwareError("the agent does not answer")),
        ("prove_login", HardwareError("another host key")),
    ],
)
def test_a_rescue_that_fails_leaves_the_server_as_it_was(
    engine: Engine, method: str, error: HardwareError
) -> None:
    node = engine.enroll()
    before = as_it_is(engine, node)
    times = 1 if error.final else 1000
    engine.hardware(node).fail(node, method, error, times=times)
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    failed = engine.wait(node)
    assert failed.provision_state == "rescue failed"
    assert str(error) in (failed.last_error or "")
    assert as_it_is(engine, node)[:3] == before[:3]
    assert not failed.maintenance
    assert failed.arguments == {}


def test_a_bmc_that_fails_for_a_while_is_asked_again(engine: Engine) -> None:
    node = engine.enroll()
    engine.hardware(node).fail(node, "set_power_state", BMCUnreachable("no answer"), times=2)
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    assert engine.wait(node).provision_state == "rescue"


@pytest.mark.parametrize("seconds", [2])
def test_an_undo_that_fails_for_good_ends_in_maintenance(engine: Engine) -> None:
    node = engine.enroll()
    hardware = engine.hardware(node)
    hardware.fail(node, "open_login", BMCRefused("the agent is wrong"), times=1)
    hardware.fail(node, "set_boot_device", BMCError("read-only"), times=1000)
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    failed = engine.wait(node)
    assert failed.provision_state == "rescue failed"
    assert (failed.maintenance, failed.fault) == (True, "rescue abort failure")
    assert "boot_ramdisk_next: read-only" in (failed.last_error or "")
    assert failed.power_state == Power.ON
    assert failed.before_rescue is not None


def test_a_server_that_was_off_is_off_again_after_a_failure(engine: Engine) -> None:
    node = engine.enroll(power_state="power off")
    engine.hardware(node).fail(node, "open_login", BMCRefused("no"))
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    assert engine.wait(node).provision_state == "rescue failed"
    assert engine.hardware(node).record(node).power == Power.OFF


def test_the_password_is_nowhere(engine: Engine, capfd: pytest.CaptureFixture[str]) -> None:
    node = engine.enroll()
    engine.requests.provision(node.uuid, "rescue", rescue_password="Tr0ub4dor&3")
    assert engine.store.nodes.get(node.uuid).arguments["password_hash"].startswith("$5$")
    engine.reconciler.start()
    engine.wait(node)
    assert node.uuid.encode() in engine.at_rest()
    assert b"Tr0ub4dor&3" not in engine.at_rest()
    printed = capfd.readouterr()
    assert "Tr0ub4dor&3" not in printed.out + printed.err


@pytest.mark.parametrize("password", [None, "", "   ", 5, ["x"]])
def test_a_wrong_password_is_refused(engine: Engine, password: object) -> None:
    node = engine.enroll()
    with pytest.raises(InvalidParameter, match="rescue_password"):
        engine.requests.provision(node.uuid, "rescue", rescue_password=password)


def test_what_the_state_does_not_allow_is_refused(engine: Engine) -> None:
    node = engine.enroll()
    with pytest.raises(InvalidState, match='"unrescue" can not be performed'):
        engine.requests.provision(node.uuid, "unrescue")
    with pytest.raises(InvalidState, match='"abort" can not be performed'):
        engine.requests.provision(node.uuid, "abort")


def test_a_second_request_is_refused_while_one_goes_on(engine: Engine) -> None:
    node = engine.enroll()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    with pytest.raises((NodeLocked, InvalidState)):
        engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    with pytest.raises(NodeLocked):
        engine.requests.power(node.uuid, Power.OFF)


def test_a_node_in_maintenance_is_not_rescued(engine: Engine) -> None:
    node = engine.enroll(maintenance=True)
    with pytest.raises(Exception, match="maintenance unset"):
        engine.requests.provision(node.uuid, "rescue", rescue_password="secret")


def test_no_rescue_says_how_to_change_it(engine: Engine) -> None:
    node = engine.enroll(rescue_interface="no-rescue")
    with pytest.raises(InvalidParameter, match="--rescue-interface"):
        engine.requests.provision(node.uuid, "rescue", rescue_password="secret")


def test_from_enroll_to_active(engine: Engine) -> None:
    node = engine.enroll(provision_state="enroll")
    engine.reconciler.start()
    for verb, state in (("manage", "manageable"), ("adopt", "active")):
        engine.requests.provision(node.uuid, verb)
        assert engine.wait(node).provision_state == state
    assert engine.store.nodes.get(node.uuid).power_state == Power.ON


def test_a_wrong_bmc_password_is_told_at_manage(engine: Engine) -> None:
    node = engine.enroll(provision_state="enroll")
    engine.hardware(node).fail(node, "get_power_state", BMCRefused("check redfish_password"))
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "manage")
    failed = engine.wait(node)
    assert (failed.provision_state, failed.target_provision_state) == ("enroll", None)
    assert "check redfish_password" in (failed.last_error or "")


@pytest.mark.parametrize(
    ("target", "ends"),
    [
        (Power.OFF, Power.OFF),
        (Power.ON, Power.ON),
        (Power.REBOOT, Power.ON),
        (Power.SOFT_OFF, Power.OFF),
        (Power.SOFT_REBOOT, Power.ON),
    ],
)
def test_power_by_request(engine: Engine, target: Power, ends: Power) -> None:
    node = engine.enroll()
    engine.reconciler.start()
    engine.requests.power(node.uuid, target)
    after = engine.wait(node)
    assert (after.power_state, after.target_power_state, after.last_error) == (ends, None, None)
    assert engine.hardware(node).record(node).power == ends


def test_the_boot_device_by_request(engine: Engine) -> None:
    node = engine.enroll()
    engine.reconciler.start()
    engine.requests.begin_and_wait(node, "set boot device", device="pxe", persistent=True)
    assert engine.hardware(node).record(node).boot == BootDevice("pxe", True)


def test_a_boot_device_the_bmc_refuses_is_told_at_once(engine: Engine) -> None:
    node = engine.enroll()
    engine.hardware(node).fail(node, "set_boot_device", BMCRefused("not this one"))
    engine.reconciler.start()
    with pytest.raises(HardwareError, match="not this one"):
        engine.requests.begin_and_wait(node, "set boot device", device="pxe", persistent=True)
    assert engine.store.nodes.get(node.uuid).operation is None


def test_power_off_is_refused_where_it_is_disabled(engine: Engine) -> None:
    node = engine.enroll(disable_power_off=True)
    with pytest.raises(Exception, match="disable_power_off"):
        engine.requests.power(node.uuid, Power.OFF)


def test_a_step_that_is_wrong_fails_the_operation_and_undoes_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = engine.enroll()
    hardware = engine.hardware(node)
    monkeypatch.setattr(hardware, "open_login", lambda task, password_hash: 1 / 0)
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    failed = engine.wait(node)
    assert failed.provision_state == "rescue failed"
    assert "Internal error in step open_login (ZeroDivisionError)" in (failed.last_error or "")


def test_a_stopped_engine_goes_on_when_it_starts_again(engine: Engine) -> None:
    node = engine.enroll()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    (claimed,) = engine.store.leases.claim("worker-1", 10)  # and then it died
    assert claimed.lease_owner == "worker-1"
    engine.reconciler.start()
    assert engine.wait(node).provision_state == "rescue"


def test_a_worker_that_is_done_with_a_node_logs_nothing_in_its_name(engine: Engine) -> None:
    node = engine.enroll()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    (due,) = engine.store.leases.claim("worker", 1)
    before = get_contextvars()
    engine.reconciler._has_ended(InHand(due))
    assert get_contextvars() == before
