"""Time-outs, in the running engine: none is early, each is due to the second."""

import pytest

from stbernard import clock
from stbernard.drivers.fake import FakeHardware
from stbernard.errors import BMCUnreachable
from tests.unit.operations.conftest import Engine

WHOLE = 600  # seconds: [conductor]rescue_callback_timeout of these tests
LEFT = 2  # of them, when its end is waited for


@pytest.fixture
def with_an_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fake hardware whose rescue waits for an agent (that never calls)."""
    monkeypatch.setattr(FakeHardware, "needs_ramdisk", True)


def test_a_rescue_that_waits_is_due_when_its_time_is_over(
    engine: Engine, with_an_agent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = engine.enroll()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    accepted = engine.store.nodes.get(node.uuid)
    engine.reconciler.start()
    waiting = engine.wait(node, "rescue wait")
    assert waiting.due_at == waiting.operation_deadline == accepted.operation_deadline
    engine.pass_by(WHOLE - LEFT, monkeypatch)
    failed = engine.wait(node)
    lines = {line.event: line for line in engine.store.journal.timeline(node.uuid)}
    assert lines["step failed"].at >= (waiting.operation_deadline or 0)
    assert failed.provision_state == "rescue failed"
    assert f"within {WHOLE} s of the request" in (failed.last_error or "")
    assert failed.operation_deadline is None


def test_an_agent_too_old_for_a_token_is_named_when_nobody_else_came(
    engine: Engine, with_an_agent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = engine.enroll()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    engine.reconciler.start()
    engine.wait(node, "rescue wait")
    assert engine.store.leases.note_old_agent(node.uuid, "5.0.0")
    engine.pass_by(WHOLE - LEFT, monkeypatch)
    failed = engine.wait(node)
    assert failed.provision_state == "rescue failed"
    assert "An agent (version 5.0.0) called back without an agent token" in str(failed.last_error)
    assert "newer ironic-python-agent" in str(failed.last_error)


@pytest.mark.parametrize("seconds", [2])
def test_a_step_that_fails_is_tried_until_its_time_is_over(engine: Engine, seconds: int) -> None:
    node = engine.enroll()
    engine.hardware(node).fail(node, "open_login", BMCUnreachable("no answer"), times=1000)
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    engine.wait(node)
    failed = next(
        line for line in engine.store.journal.timeline(node.uuid) if line.event == "step failed"
    )
    assert (failed.step, failed.detail) == ("open_login", "no answer")
    assert failed.seconds is not None
    assert failed.seconds >= seconds


def test_operations_without_a_limit_of_their_own_have_none(engine: Engine) -> None:
    node = engine.enroll(provision_state="enroll")
    engine.requests.provision(node.uuid, "manage")
    accepted = engine.store.nodes.get(node.uuid)
    assert accepted.operation_deadline is None
    assert accepted.ends_by == accepted.deadline
    assert accepted.deadline is not None
    assert accepted.deadline > clock.now()
