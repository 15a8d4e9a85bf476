"""The real ironic-python-agent, unmodified, in a rescue by this service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.lab.lab import Lab
from stbernard.lab.service import enrol
from stbernard.ramdisk.build import ensure_ramdisk
from stbernard.ramdisk.ironic_python_agent import Agent
from tests.machine import world as worlds
from tests.machine.world import INSTANCE_BOOTS, World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(3000)]

PASSWORD = "Resc-ue&me 3"
THEIR_BOOT = 900  # seconds: the agent alone needs 100 on an idle host
LOGIN_OPEN = "stbernard: the login is open"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(worlds, "BOOT", THEIR_BOOT)
    cache = Path(".cache")
    ramdisk = ensure_ramdisk(cache, agent=Agent.IRONIC)
    lab = Lab(tmp_path / "lab", cache_dir=cache, namespace="stbernard-agents", memory_mb=2048)
    with lab:
        world = World(lab, ramdisk)
        world.start("[agent]\ncommand_timeout = 600\n")  # the login comes late on a busy host
        for line in enrol(world.machine):
            world.client(line)
        world.client(f"baremetal node power on {world.machine.name}")
        world.wait_serial(INSTANCE_BOOTS)
        yield world


def test_a_rescue_with_ironics_own_agent(world: World) -> None:
    """With [agent]require_tls, which is the default: over the TLS that the agent sets up itself."""
    world.rescue(PASSWORD)
    node = world.wait_for_state("rescue", "rescue failed")
    assert node["last_error"] is None
    assert node["provision_state"] == "rescue"
    world.wait_serial(LOGIN_OPEN)
    assert world.ssh("rescue", PASSWORD, "sudo -n id -un") == "root\n"
    left = world.ssh("rescue", PASSWORD, "sudo find /etc/ipa-rescue-config -type f; ps -e")
    assert "ipa-rescue-password" not in left
    version = "ls -d /opt/ironic-python-agent/ironic_python_agent-*.dist-info"
    assert "13.0.0" in world.ssh("rescue", PASSWORD, version)
    assert world.provision("unrescue").status_code == 202
    world.wait_for_good("active", "unrescue failed")
    world.wait_serial(INSTANCE_BOOTS)
