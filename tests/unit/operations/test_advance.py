"""From an outcome to the next row: every turn an operation can take."""

from typing import Any

import pytest

from stbernard import clock
from stbernard.nodes import HowItWas, Node
from stbernard.operations.advance import advance
from stbernard.operations.operation import Operation
from stbernard.operations.outcome import BY_REQUEST, Failed, Next, Outcome, Retry, Wait
from stbernard.operations.power import POWER
from stbernard.operations.rescue import RESCUE
from stbernard.settings import Settings
from tests.factories import a_node

SETTINGS = Settings()


def rescuing(step: str, **values: Any) -> Node:
    now = clock.now()
    defaults: dict[str, Any] = {
        "operation": "rescue",
        "operation_id": "run-1",
        "step": step,
        "provision_state": "rescuing",
        "target_provision_state": "rescue",
        "started_at": now - 2,
        "deadline": now + 60,
    }
    return a_node(**(defaults | values))


def changes(node: Node, outcome: Outcome, operation: Operation = RESCUE) -> dict[str, Any]:
    return advance(node, operation, outcome, SETTINGS).changes


def test_next_goes_to_the_following_step_with_its_deadline() -> None:
    after = changes(rescuing("power_off"), Next(power_state="power off"))
    assert after["step"] == "leave_tenant_networks"
    assert after["power_state"] == "power off"
    assert after["attempt"] == 0
    seconds = SETTINGS.conductor.power_state_change_timeout
    assert seconds - 1 < after["deadline"] - clock.now() <= seconds


def test_the_step_that_waits_has_what_is_left_of_the_whole_rescue() -> None:
    after = changes(rescuing("power_on"), Next())
    assert (after["step"], after["deadline"]) == ("wait_for_agent", None)
    node = rescuing("wait_for_agent", deadline=None, operation_deadline=clock.now() + 900)
    assert changes(node, Wait("a heartbeat", "none came"))["due_at"] == node.operation_deadline


def test_waiting_shows_the_waiting_state_and_lets_the_node_go() -> None:
    node = rescuing("wait_for_agent")
    following = advance(node, RESCUE, Wait("a heartbeat", "none came"), SETTINGS)
    assert following.release
    assert following.changes["provision_state"] == "rescue wait"
    assert following.changes["due_at"] == node.deadline
    assert [line.detail for line in following.lines] == ["for a heartbeat"]


def test_after_the_wait_the_state_is_that_of_work_again() -> None:
    node = rescuing("wait_for_agent", provision_state="rescue wait")
    assert changes(node, Next())["provision_state"] == "rescuing"


def test_a_wait_past_its_deadline_turns_round() -> None:
    node = rescuing("wait_for_agent", provision_state="rescue wait", deadline=clock.now() - 1)
    after = changes(node, Wait("a heartbeat", "none came"))
    assert after["undoing"]
    assert after["failure"] == "none came"
    assert after["step"] == "power_on"
    assert after["provision_state"] == "rescuing"


@pytest.mark.parametrize("outcome", [Wait("a heartbeat", "too late"), Retry(1, "too late")])
def test_the_whole_rescue_ends_a_step_that_has_time_left(outcome: Outcome) -> None:
    now = clock.now()
    node = rescuing("power_off", deadline=now + 60, operation_deadline=now - 1)
    after = changes(node, outcome)
    assert (after["undoing"], after["failure"]) == (True, "too late")
    assert after["deadline"] > now  # the undo has its own time, however late it is


def test_an_undo_has_its_time_though_the_whole_is_over() -> None:
    now = clock.now()
    node = rescuing("power_on", undoing=True, deadline=now + 60, operation_deadline=now - 1)
    assert "not_restored" not in changes(node, Retry(1, "the BMC is busy"))


def test_a_wait_without_a_deadline_waits_for_ever() -> None:
    node = rescuing("wait_for_agent", deadline=None)
    assert changes(node, Wait("a heartbeat", "none came"))["due_at"] is None


def test_a_retry_comes_back_later() -> None:
    following = advance(rescuing("power_off"), RESCUE, Retry(0.5, "still on"), SETTINGS)
    assert following.release
    assert following.changes["attempt"] == 1
    assert 0 < following.changes["due_at"] - clock.now() <= 0.5


def test_the_last_retry_is_at_the_deadline() -> None:
    node = rescuing("power_off", deadline=clock.now() + 60)
    assert changes(node, Retry(90, "still on"))["due_at"] == node.deadline
    node = rescuing("power_off", deadline=clock.now())
    assert changes(node, Retry(90, "still on"))["failure"] == "still on"


@pytest.mark.parametrize(
    ("step", "first_undo"),
    [
        ("power_off", "power_off"),
        ("boot_ramdisk_next", "boot_ramdisk_next"),
        ("power_on", "power_on"),
        ("wait_for_agent", "power_on"),
        ("open_login", "power_on"),
        ("prove_login", "power_on"),
    ],
)
def test_a_failure_undoes_from_the_step_itself_backwards(step: str, first_undo: str) -> None:
    assert changes(rescuing(step), Failed("no"))["step"] == first_undo


def test_all_undos_run_last_first_and_end_in_the_failed_state() -> None:
    node = rescuing("wait_for_agent")
    undone = []
    outcome: Outcome = Failed("no agent")
    while node.operation:
        following = advance(node, RESCUE, outcome, SETTINGS)
        node = Node(**({f: getattr(node, f) for f in node.__struct_fields__} | following.changes))
        if node.operation:
            undone.append(RESCUE.step(node.step).undo.__name__)  # type: ignore[union-attr]
        outcome = Next()
    assert undone == [
        "power_off",
        "boot_instance_next",
        "leave_rescuing_network",
        "join_tenant_networks",
        "power_as_it_was",
        "forget_the_rescue",
    ]
    assert (node.provision_state, node.target_provision_state) == ("rescue failed", "rescue")
    assert node.last_error == "Failed to rescue: no agent"
    assert not node.maintenance
    assert (node.arguments, node.due_at, node.deadline) == ({}, None, None)


def test_an_undo_that_fails_is_remembered_and_the_rest_is_undone() -> None:
    node = rescuing("boot_ramdisk_next", undoing=True, failure="no agent")
    after = changes(node, Failed("BMC away"))
    assert after["not_restored"] == ("boot_ramdisk_next: BMC away",)
    assert after["step"] == "join_rescuing_network"


def test_what_is_not_restored_ends_in_maintenance_with_a_fault() -> None:
    node = rescuing(
        "remember_how_it_was",
        undoing=True,
        failure="no agent",
        not_restored=("boot_ramdisk_next: BMC away",),
        before_rescue=HowItWas(power_state="power on"),
    )
    after = changes(node, Next())
    assert after["maintenance"]
    assert after["fault"] == "rescue abort failure"
    assert "boot_ramdisk_next: BMC away" in after["last_error"]


def test_a_failure_before_anything_was_touched_ends_at_once() -> None:
    following = advance(rescuing("check_everything"), RESCUE, Failed("no image"), SETTINGS)
    assert following.release
    assert following.changes["provision_state"] == "rescue failed"
    assert [line.event for line in following.lines] == ["step failed", "failed"]


def test_success_ends_in_the_done_state_and_the_history() -> None:
    node = rescuing("prove_login", last_error="earlier")
    following = advance(node, RESCUE, Next(), SETTINGS)
    assert following.changes["provision_state"] == "rescue"
    assert following.changes["target_provision_state"] is None
    assert following.changes["last_error"] is None
    assert following.changes["arguments"] == {}
    assert following.lines[-1].event == "succeeded"


def test_an_abort_is_not_called_a_failure() -> None:
    node = rescuing("check_everything", undoing=False)
    following = advance(node, RESCUE, Failed(BY_REQUEST), SETTINGS)
    assert following.lines[-1].event == "aborted"
    assert following.changes["last_error"] == "By request, the rescue operation was aborted."


def test_an_operation_without_provision_states_leaves_them_alone() -> None:
    operation = POWER["power on"]
    node = a_node(operation="power on", step="power_on", target_power_state="power on")
    after = changes(node, Failed("BMC away"), operation)
    assert "provision_state" not in after
    assert after["target_power_state"] is None
    assert after["last_error"] == "Failed to power on: BMC away"
