"""manage, inspect, clean, provide, deploy, undeploy, service: whole lives of fake nodes."""

from typing import Any

import pytest

from stbernard.errors import (
    BadRequest,
    BMCRefused,
    Forbidden,
    InvalidDriverInfo,
    InvalidParameter,
    InvalidState,
    NotFound,
)
from stbernard.nodes import INTERFACES, BootDevice, Node, Power, VolumeConnector, VolumeTarget
from stbernard.settings import Conductor, Default, Fake, Settings
from stbernard.store import schema
from tests.unit.operations.conftest import Engine

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LATER = "1000"  # seconds: until then a test sees the operation wait
VOLUME = "11111111-0000-4000-8000-0000000000c1"
HOLD = {"interface": "deploy", "step": "hold"}
ERASE = {"interface": "deploy", "step": "erase_devices"}


@pytest.fixture
def slow() -> Fake:
    """What takes its time; parametrized by the tests that want to see a wait."""
    return Fake()


@pytest.fixture
def settings(slow: Fake) -> Settings:
    kinds: dict[str, Any] = {
        f"enabled_{kind}_interfaces": ("fake", f"no-{kind}", "noop")
        for kind in INTERFACES
        if kind != "network"
    }
    return Settings(
        default=Default(host="worker-1", enabled_hardware_types=("fake-hardware",), **kinds),
        conductor=Conductor(power_state_change_timeout=30),
        fake=slow,
    )


def enroll(engine: Engine, state: str = "available", **values: Any) -> Node:
    kinds = {f"{kind}_interface": "fake" for kind in INTERFACES if kind != "network"}
    engine.reconciler.start()
    return engine.enroll(**{**kinds, "provision_state": state, **values})


def done(engine: Engine, node: Node, verb: str, **given: Any) -> Node:
    engine.requests.provision(node.uuid, verb, **given)
    return engine.wait(node)


def test_the_whole_life_of_a_node(engine: Engine) -> None:
    node = enroll(engine, "enroll", power_state="power off")
    for verb, state in (
        ("manage", "manageable"),
        ("inspect", "manageable"),
        ("provide", "available"),
        ("active", "active"),
        ("rebuild", "active"),
        ("deleted", "available"),
        ("manage", "manageable"),
        ("adopt", "active"),
        ("undeploy", "available"),
        ("deploy", "active"),
    ):
        after = done(engine, node, verb)
        assert (after.provision_state, after.last_error, after.target_provision_state) == (
            state,
            None,
            None,
        ), verb
    told = [line.operation for line in engine.store.journal.history(node)]
    assert told[:6] == ["manage", "inspect", "provide", "deploy", "rebuild", "undeploy"]
    assert told[6] == "provide"  # the cleaning that follows


def test_a_deployment_boots_the_disk(engine: Engine) -> None:
    node = enroll(engine, power_state="power off", instance_info={"root_gb": 10})
    active = done(engine, node, "active", configdrive="aGVsbG8=")
    record = engine.hardware(node).record(node)
    assert (record.power, record.boot) == (Power.ON, BootDevice("disk", persistent=True))
    assert active.instance_info == {"root_gb": 10, "configdrive": "aGVsbG8="}
    assert (active.deploy_step, active.arguments) == ({}, {})


def test_who_is_elsewhere_by_now_is_not_moved(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its state and the change of it."""
    node, nodes = engine.enroll(provision_state="available"), engine.store.nodes
    look = nodes.get

    def look_too_early(ident: str) -> Node:
        monkeypatch.setattr(nodes, "get", look)
        seen = look(ident)
        nodes.change(ident, {"provision_state": "active"})
        return seen

    monkeypatch.setattr(nodes, "get", look_too_early)
    with pytest.raises(InvalidState, match='while it is in state "active"'):
        engine.requests.provision(node.uuid, "manage")
    assert nodes.get(node.uuid).provision_state == "active"
    assert engine.store.journal.history(node) == ()


def test_an_undeployed_node_is_nobodys(engine: Engine) -> None:
    node = enroll(
        engine,
        "active",
        instance_info={"display_name": "web"},
        instance_uuid="11111111-0000-4000-8000-000000000001",
        instance_name="web",
    )
    about: dict[str, Any] = {"created_at": 1.0, "node_uuid": node.uuid}
    target = VolumeTarget(**about, uuid=VOLUME, volume_type="iscsi", volume_id="v", boot_index=0)
    new = VolumeConnector(**about, uuid=VOLUME, type="iqn", connector_id="iqn.2026-11.x:n")
    engine.store.volume_targets.create(target)
    connector = engine.store.volume_connectors.create(new)
    after = done(engine, node, "deleted")
    assert (after.instance_info, after.instance_uuid, after.instance_name) == ({}, None, None)
    assert engine.store.volume_targets.of_node(node.uuid) == ()
    assert engine.store.volume_connectors.of_node(node.uuid) == (connector,)
    assert engine.hardware(node).record(node).power == Power.OFF


def test_the_allocation_goes_with_the_instance(engine: Engine) -> None:
    uuid = "11111111-0000-4000-8000-000000000002"
    node = enroll(engine, "active", instance_uuid=uuid, allocation_uuid=uuid)
    values = {"uuid": uuid, "created_at": 1.0, "node_uuid": node.uuid, "state": "active"}
    empty: dict[str, Any] = {"traits": (), "candidate_nodes": (), "extra": {}}
    insert = schema.allocations.insert().values(**values, **empty)
    engine.store.database.write(lambda connection: connection.execute(insert))
    after = done(engine, node, "deleted")
    assert (after.allocation_uuid, after.instance_uuid) == (None, None)
    with pytest.raises(NotFound):
        engine.store.allocations.get(uuid)


def test_a_server_that_cannot_be_switched_off_keeps_its_instance(engine: Engine) -> None:
    node = enroll(engine, "active", instance_info={"display_name": "web"})
    engine.hardware(node).fail(node, "set_power_state", BMCRefused("no such user"))
    failed = done(engine, node, "deleted")
    assert (failed.provision_state, failed.target_provision_state) == ("error", None)
    assert failed.last_error == "Failed to undeploy: no such user"
    assert failed.instance_info == {"display_name": "web"}
    assert done(engine, node, "deleted").provision_state == "available"


def test_a_rescued_node_can_be_undeployed(engine: Engine) -> None:
    node = enroll(engine, "active")
    assert done(engine, node, "rescue", rescue_password="x").provision_state == "rescue"
    after = done(engine, node, "deleted")
    assert (after.provision_state, after.before_rescue, after.login) == ("available", None, None)


@pytest.mark.parametrize(("verb", "state"), [("deleted", "active"), ("rebuild", "active")])
def test_a_protected_node_stays(engine: Engine, verb: str, state: str) -> None:
    node = enroll(engine, state, protected=True)
    with pytest.raises(Forbidden, match="is protected"):
        engine.requests.provision(node.uuid, verb)


def test_a_retired_node_becomes_manageable(engine: Engine) -> None:
    node = enroll(engine, "active", retired=True)
    assert done(engine, node, "deleted").provision_state == "manageable"
    with pytest.raises(InvalidParameter, match="because it is retired"):
        engine.requests.provision(node.uuid, "provide")


@pytest.mark.parametrize(
    ("verb", "state"),
    [("active", "available"), ("clean", "manageable"), ("service", "active"), ("rescue", "active")],
)
def test_not_in_maintenance(engine: Engine, verb: str, state: str) -> None:
    node = enroll(engine, state, maintenance=True)
    with pytest.raises(BadRequest, match="maintenance mode"):
        engine.requests.provision(node.uuid, verb, clean_steps=[ERASE])


def test_an_image_is_refused_where_nothing_can_write_it(engine: Engine) -> None:
    image = {"image_source": "http://images.example/debian.qcow2"}
    node = enroll(engine, deploy_interface="noop", instance_info=image)
    with pytest.raises(InvalidDriverInfo, match="writes no image"):
        engine.requests.provision(node.uuid, "active")
    assert engine.store.nodes.get(node.uuid).provision_state == "available"


def test_the_image_that_the_disks_hold_already(engine: Engine) -> None:
    """As Compute names it with each instance."""
    image = "99999999-0000-4000-8000-0000000000d1"
    node = enroll(
        engine,
        deploy_interface="noop",
        instance_info={"image_source": image},
        driver_info={"preinstalled_image": image},
    )
    assert done(engine, node, "active").provision_state == "active"


def test_without_an_image_the_disk_is_booted(engine: Engine) -> None:
    node = enroll(engine, deploy_interface="noop", power_state="power off")
    assert done(engine, node, "active").provision_state == "active"
    assert engine.hardware(node).record(node).power == Power.ON


def test_deploy_steps_by_priority(engine: Engine) -> None:
    node = enroll(engine)
    raid = {
        "interface": "raid",
        "step": "apply_configuration",
        "args": {"raid_config": {}},
        "priority": 150,
    }
    done(engine, node, "active", deploy_steps=[raid])
    effects = engine.hardware(node).record(node).effects
    assert effects.index("raid.apply_configuration") < effects.index("deploy.deploy")


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"interface": "deploy", "step": "deploy", "args": {}, "priority": 5}, "core step"),
        ({"interface": "bios", "step": "dance", "args": {}, "priority": 5}, "does not support"),
        (
            {"interface": "raid", "step": "apply_configuration", "args": {"x": 1}, "priority": 5},
            "unexpected arguments: x",
        ),
        (
            {"interface": "raid", "step": "apply_configuration", "args": {}, "priority": 5},
            "missing these required arguments: raid_config",
        ),
    ],
)
def test_wrong_deploy_steps(engine: Engine, step: dict[str, Any], text: str) -> None:
    node = enroll(engine)
    with pytest.raises(InvalidParameter, match=text):
        engine.requests.provision(node.uuid, "active", deploy_steps=[step])


def test_a_step_twice_is_refused(engine: Engine) -> None:
    node = enroll(engine)
    step = {"interface": "deploy", "step": "deploy", "args": {}, "priority": 0}
    with pytest.raises(InvalidParameter, match=r"more than once: deploy\.deploy"):
        engine.requests.provision(node.uuid, "active", deploy_steps=[step, step])


def test_a_cleaning_by_request(engine: Engine) -> None:
    node = enroll(engine, "manageable", power_state="power off")
    power_on = {"interface": "power", "step": "power_on"}
    after = done(engine, node, "clean", clean_steps=[power_on, ERASE])
    assert (after.provision_state, after.clean_step) == ("manageable", {})
    effects = engine.hardware(node).record(node).effects
    assert effects == ["set_power_state power on", "deploy.erase_devices"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, '"clean_steps" is required'),
        ({"clean_steps": [{"interface": "raid", "step": "dance"}]}, r"not support .* raid\.dance"),
        ({"clean_steps": [ERASE], "disable_ramdisk": True}, "requires booting a ramdisk"),
        (
            {"clean_steps": [{**HOLD, "step": "wait", "args": {"seconds": "soon"}}]},
            "no whole number",
        ),
    ],
)
def test_wrong_cleanings(engine: Engine, given: dict[str, Any], text: str) -> None:
    node = enroll(engine, "manageable")
    with pytest.raises(BadRequest, match=text):
        engine.requests.provision(node.uuid, "clean", **given)


def test_a_step_that_fails_ends_in_maintenance(engine: Engine) -> None:
    node = enroll(engine, "manageable")
    engine.hardware(node).fail(node, "deploy.erase_devices", BMCRefused("the disk is read-only"))
    failed = done(engine, node, "clean", clean_steps=[ERASE])
    assert (failed.provision_state, failed.target_provision_state) == ("clean failed", "manageable")
    assert (failed.maintenance, failed.fault) == (True, "clean failure")
    assert failed.maintenance_reason == "the disk is read-only"
    assert failed.clean_step == {}
    assert done(engine, node, "manage").provision_state == "manageable"


@pytest.mark.parametrize("wanted", [True, False, None])
def test_automated_cleaning(engine: Engine, wanted: bool | None) -> None:
    node = enroll(engine, "manageable", automated_clean=wanted)
    assert done(engine, node, "provide").provision_state == "available"
    effects = engine.hardware(node).record(node).effects
    assert effects == (["deploy.erase_devices", "vendor.log_passthrough"] if wanted else [])


@pytest.mark.parametrize(
    ("state", "verb", "given", "held"),
    [
        ("manageable", "clean", {"clean_steps": [HOLD]}, "clean hold"),
        (
            "available",
            "active",
            {"deploy_steps": [{**HOLD, "args": {}, "priority": 150}]},
            "deploy hold",
        ),
        ("active", "service", {"service_steps": [HOLD]}, "service hold"),
    ],
)
def test_a_node_is_held_until_somebody_lets_it_go(
    engine: Engine, state: str, verb: str, given: dict[str, Any], held: str
) -> None:
    node = enroll(engine, state)
    for way in ("unhold", "abort"):
        engine.requests.provision(node.uuid, verb, **given)
        assert engine.wait(node, held).deadline is None
        after = done(engine, node, way)
        if way == "unhold":
            assert (after.provision_state, after.last_error) == (
                "manageable" if verb == "clean" else "active",
                None,
            )
            if verb == "active":
                done(engine, node, "deleted")
        else:
            assert after.last_error.startswith("By request, the ")  # type: ignore[union-attr]
            ends = {"clean": "clean failed", "active": "deploy failed", "service": "active"}
            assert (after.provision_state, after.maintenance) == (ends[verb], False)


@pytest.mark.parametrize("slow", [Fake(deploy_delay=LATER)])
def test_a_deployment_that_waits_can_be_aborted_or_undeployed(engine: Engine) -> None:
    node = enroll(engine)
    engine.requests.provision(node.uuid, "active")
    waits = engine.wait(node, "wait call-back")
    assert waits.deploy_step["step"] == "deploy"
    failed = done(engine, node, "abort")
    assert (failed.provision_state, failed.target_provision_state) == ("deploy failed", "active")
    assert failed.last_error == "By request, the deploy operation was aborted."
    assert failed.deploy_step == {}
    engine.requests.provision(node.uuid, "active")
    engine.wait(node, "wait call-back")
    engine.requests.provision(node.uuid, "deleted")
    engine.wait(node, "deleting")
    (interrupted,) = [
        line
        for line in engine.store.journal.history(node)
        if line.detail == "interrupted by the request 'undeploy'"
    ]
    assert (interrupted.operation, interrupted.event) == ("deploy", "aborted")


@pytest.mark.parametrize("slow", [Fake(inspect_delay=LATER)])
def test_an_inspection_can_be_aborted(engine: Engine) -> None:
    node = enroll(engine, "manageable")
    engine.requests.provision(node.uuid, "inspect")
    assert engine.wait(node, "inspect wait").inspection_started_at
    failed = done(engine, node, "abort")
    assert (failed.provision_state, failed.inspection_finished_at) == ("inspect failed", None)
    assert done(engine, node, "manage").provision_state == "manageable"


@pytest.mark.parametrize("slow", [Fake(raid_delay=LATER)])
def test_a_step_that_must_not_be_cut_off_is_ended_first(engine: Engine) -> None:
    node = enroll(engine, "manageable")
    steps = [{"interface": "raid", "step": "create_configuration"}, ERASE]
    engine.requests.provision(node.uuid, "clean", clean_steps=steps)
    waits = engine.wait(node, "clean wait")
    engine.requests.provision(node.uuid, "abort")
    busy = engine.hardware(node).record(node).busy
    busy.update(dict.fromkeys(busy, 0))  # it is through
    engine.store.leases.wake(waits)
    after = engine.wait(node)
    assert (after.provision_state, after.maintenance) == ("clean failed", False)
    assert engine.hardware(node).record(node).effects == ["raid.create_configuration"]


@pytest.mark.parametrize("slow", [Fake(inspect_delay="0.2", raid_delay="0.2", deploy_delay="0.2")])
def test_what_takes_time_ends(engine: Engine) -> None:
    node = enroll(engine, "manageable")
    inspected = done(engine, node, "inspect")
    assert inspected.inspection_started_at
    assert inspected.inspection_finished_at
    assert inspected.inspection_finished_at - inspected.inspection_started_at >= 0.2
    steps = [{"interface": "raid", "step": "create_configuration"}]
    assert done(engine, node, "clean", clean_steps=steps).provision_state == "manageable"
    for verb, state in (("provide", "available"), ("active", "active"), ("deleted", "available")):
        assert done(engine, node, verb).provision_state == state


def test_a_step_can_wait_for_the_agent(engine: Engine) -> None:
    node = enroll(engine, "manageable")
    wait = {"interface": "deploy", "step": "wait"}
    short = wait | {"args": {"seconds": 0}}
    engine.requests.provision(node.uuid, "clean", clean_steps=[short, wait, ERASE])
    engine.wait(node, "clean wait")
    assert engine.store.leases.give_token(node.uuid, "token")
    assert engine.store.leases.heartbeat(node.uuid, "token", {})
    assert engine.wait(node).provision_state == "manageable"


def test_no_inspection_without_the_interface(engine: Engine) -> None:
    node = enroll(engine, "manageable", inspect_interface="no-inspect")
    with pytest.raises(InvalidDriverInfo, match="does not support inspect"):
        engine.requests.provision(node.uuid, "inspect")


def test_a_failed_service_can_be_rescued_or_given_up(engine: Engine) -> None:
    node = enroll(engine, "active")
    step = {"interface": "vendor", "step": "log_passthrough"}
    engine.hardware(node).fail(node, "vendor.log_passthrough", BMCRefused("no"))
    failed = done(engine, node, "service", service_steps=[step])
    assert (failed.provision_state, failed.service_step) == ("service failed", {})
    assert done(engine, node, "abort").provision_state == "active"
    assert done(engine, node, "service", service_steps=[step]).last_error is None
    engine.hardware(node).fail(node, "vendor.log_passthrough", BMCRefused("no"), times=1)
    done(engine, node, "service", service_steps=[step])
    assert done(engine, node, "rescue", rescue_password="x").provision_state == "rescue"


def test_steps_are_done_once_around_a_hold(engine: Engine) -> None:
    node = enroll(engine, "manageable")
    engine.requests.provision(node.uuid, "clean", clean_steps=[ERASE, HOLD, ERASE])
    engine.wait(node, "clean hold")
    engine.requests.provision(node.uuid, "unhold")
    assert engine.wait(node).provision_state == "manageable"
    effects = engine.hardware(node).record(node).effects
    assert effects == ["deploy.erase_devices"] * 2
