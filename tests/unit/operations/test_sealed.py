"""A node's secrets in the course of operations: encrypted at rest, in clear for its drivers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.drivers.base import Task
from stbernard.drivers.fake import FakeHardware
from stbernard.nodes import BootDevice, Login
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.secrets import Secrets, add_key
from tests.unit.operations.conftest import Engine, engine_on

TOKEN = "t" * 43
DRIVE = "H4sIAJustSomeBase64AA=="


@pytest.fixture
def engine(store: Store, settings: Settings, tmp_path: Path) -> Iterator[Engine]:
    add_key(tmp_path / "keys")
    sealing = Store(store.database, Secrets(str(tmp_path / "keys")))
    with engine_on(sealing, settings, rescue_callback_timeout=300) as engine:
        yield engine


@pytest.mark.parametrize("on_the_medium", [False, True])
def test_the_token_of_an_agent(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, on_the_medium: bool
) -> None:
    shown: list[str | None] = []
    sent: list[str | None] = []

    def prepare(_: FakeHardware, task: Task, params: dict[str, str]) -> BootDevice:
        sent.append(params.get("ipa-agent-token"))
        return BootDevice("pxe", persistent=False)

    def meet(_: FakeHardware, task: Task) -> Login:
        shown.append(task.node.agent.token)
        return Login()

    monkeypatch.setattr(FakeHardware, "needs_ramdisk", True)
    monkeypatch.setattr(FakeHardware, "carries_token", lambda *_: on_the_medium)
    monkeypatch.setattr(FakeHardware, "prepare_ramdisk", prepare)
    monkeypatch.setattr(FakeHardware, "meet", meet)
    node = engine.enroll(power_state="power on")
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "rescue", rescue_password="secret")
    engine.wait(node, "rescue wait")
    assert engine.store.leases.give_token(node.uuid, TOKEN) is not on_the_medium
    token = sent[0] or TOKEN
    assert token.encode() not in engine.at_rest()
    assert engine.store.leases.heartbeat(node.uuid, token, {"agent_url": "https://192.0.2.9"})
    rescued = engine.wait(node)
    assert (rescued.provision_state, shown) == ("rescue", [token])
    assert (rescued.agent.token, rescued.agent.token_hash) == (None, None)
    assert token.encode() not in engine.at_rest()
    assert not engine.store.leases.heartbeat(node.uuid, token, {})


def test_the_config_drive_of_an_instance(engine: Engine) -> None:
    node = engine.enroll(provision_state="available", instance_info={"image_url": "https://sig"})
    engine.reconciler.start()
    engine.requests.provision(node.uuid, "active", configdrive=DRIVE)
    active = engine.wait(node)
    assert active.provision_state == "active", active.last_error
    held = engine.at_rest()
    assert DRIVE.encode() not in held
    assert b"https://sig" not in held
    revealed = engine.store.nodes.revealed(active)
    assert revealed.instance_info == {"image_url": "https://sig", "configdrive": DRIVE}
