"""Do no harm with virtual media: whatever fails, what was in the drive is in it again.

The BMC is sushy-tools' emulator, which fetches media itself; else as in test_no_harm.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from stbernard.drivers.registry import Registry
from stbernard.nodes import Power
from stbernard.operations.accept import Requests
from stbernard.operations.reconciler import Reconciler
from stbernard.operations.rescue import RESCUE
from stbernard.operations.tasks import Tasks
from stbernard.settings import Deploy, Settings
from stbernard.store import Store
from tests.factories import a_port
from tests.unit.drivers.redfish.conftest import (
    PASSWORD,
    SYSTEM,
    Bmc,
    app,
    no_connections,
    server,
    systems,
)
from tests.unit.drivers.redfish.web import serving
from tests.unit.operations.conftest import Engine
from tests.unit.operations.test_no_harm import FINAL, Networks, World, play_the_agent

__all__ = ["app", "no_connections", "server", "systems"]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DRIVE = f"/redfish/v1/Systems/{SYSTEM}/VirtualMedia/Cd"
ACCESS = ("admin", PASSWORD)
STEPS = [step.name for step in RESCUE.steps]


class MediaWorld(World):
    """What the BMC says, instead of fake hardware's record."""

    bmc: str

    def seen(self) -> Mapping[str, object]:
        system = requests.get(f"{self.bmc}/redfish/v1/Systems/{SYSTEM}", auth=ACCESS, timeout=30)
        drive = requests.get(f"{self.bmc}{DRIVE}", auth=ACCESS, timeout=30).json()
        root = self.settings.http_root
        return {
            "power": system.json()["PowerState"],
            "boot": system.json()["Boot"],
            "drive": (drive["Image"], drive["Inserted"]),
            "networks": (self.networks.tenant, self.networks.rescuing),
            "files": [path.name for path in root.rglob("*") if path.is_file()],
        }


@pytest.fixture
def seconds() -> int:
    """What a step may take; tests that wait for its end name less."""
    return 600


@pytest.fixture
def configured(settings: Settings, tmp_path: Path, seconds: int) -> Iterator[Settings]:
    """With images, and a web server for http_root."""
    images: dict[str, Any] = {}
    for name in ("rescue_kernel", "rescue_ramdisk"):
        (tmp_path / name).write_bytes(name.encode())
        images[name] = f"file://{tmp_path / name}"
    with serving(tmp_path / "httpboot") as address:
        yield replace(
            settings,
            default=replace(
                settings.default,
                enabled_hardware_types=("redfish",),
                enabled_management_interfaces=("redfish",),
                enabled_power_interfaces=("redfish",),
                enabled_boot_interfaces=("redfish-virtual-media",),
                state_path=str(tmp_path / "state"),
            ),
            conductor=replace(
                settings.conductor,
                rescue_callback_timeout=600,
                power_state_change_timeout=seconds,
                file_url_allowed_paths=(str(tmp_path),),
                **images,
            ),
            agent=replace(settings.agent, command_timeout=seconds),
            deploy=Deploy(http_root=str(tmp_path / "httpboot"), http_url=address),
        )


@pytest.fixture
def world(
    store: Store,
    configured: Settings,
    monkeypatch: pytest.MonkeyPatch,
    server: Bmc,
) -> Iterator[MediaWorld]:
    """A server that is on, with a medium of its owner's in its only drive."""
    networks = Networks()
    networks.plug(monkeypatch)
    play_the_agent(monkeypatch)
    registry = Registry(configured)
    tasks = Tasks(store, registry, configured)
    reconciler = Reconciler(store, tasks, configured)
    engine = Engine(store, Requests(store, tasks, configured), registry, reconciler)
    node = engine.enroll(
        driver="redfish",
        driver_info=server.task().node.driver_info,
        power_interface="redfish",
        management_interface="redfish",
        boot_interface="redfish-virtual-media",
        rescue_interface="agent",
        power_state="power on",
        boot_mode="uefi",
    )
    store.ports.create(a_port(node))
    task = tasks.of(node)
    task.driver.power.set_power_state(task, Power.ON)
    (configured.http_root / "theirs.iso").write_bytes(b"theirs")
    inserted = requests.post(
        f"{server.address}{DRIVE}/Actions/VirtualMedia.InsertMedia",
        json={"Image": f"{configured.http_url}/theirs.iso"},
        auth=ACCESS,
        timeout=30,
    )
    assert inserted.ok, inserted.text
    reconciler.start()
    world = MediaWorld(engine, configured, networks, node, monkeypatch)
    world.bmc = server.address
    yield world
    reconciler.stop()


def test_a_rescue_and_back(world: MediaWorld) -> None:
    before = world.seen()
    assert world.rescue().provision_state == "rescue"
    assert world.seen() == before  # a reset from here on boots the instance
    assert world.unrescue().provision_state == "active"
    assert world.seen() == before


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS[STEPS.index("boot_ramdisk_next") :])
def test_a_rescue_whose_step_fails_changes_nothing(
    world: MediaWorld, step: str, after: bool
) -> None:
    before = world.seen()
    world.fail(RESCUE, step, FINAL, after=after)
    failed = world.rescue()
    assert world.seen() == before
    assert (failed.provision_state, failed.maintenance) == ("rescue failed", False)
    assert str(FINAL) in (failed.last_error or "")
    assert failed.before_rescue is None
    assert failed.agent.token is None


def test_a_rescue_that_is_aborted_changes_nothing(world: MediaWorld) -> None:
    before = world.seen()
    world.engine.requests.provision(world.node.uuid, "rescue", rescue_password="secret")
    waiting = world.engine.wait(world.node, "rescue wait")
    assert waiting.agent.token  # it is on the medium
    assert world.seen() != before
    world.engine.requests.provision(world.node.uuid, "abort")
    assert world.engine.wait(world.node).maintenance is False
    assert world.seen() == before


@pytest.mark.parametrize("seconds", [3])
def test_a_medium_that_is_not_ejected_is_named(
    world: MediaWorld,
    server: Bmc,
) -> None:
    before = world.seen()
    world.fail(RESCUE, "open_login", FINAL)
    world.engine.requests.provision(world.node.uuid, "rescue", rescue_password="secret")
    world.engine.wait(world.node, "rescue wait")
    server.answers("500 Internal Server Error", to=f"POST {DRIVE}/Actions/VirtualMedia.Eject")
    failed = world.play_agent()
    assert (failed.provision_state, failed.maintenance) == ("rescue failed", True)
    assert "boot_ramdisk_next: The BMC of node" in (failed.last_error or "")
    assert "does not eject the medium from its virtual CD drive Cd" in (failed.last_error or "")
    assert failed.before_rescue  # what is to be put back stays known
    now = world.seen()
    assert now["files"] == ["theirs.iso"]  # and the token is nowhere to be had
    assert now["drive"] != before["drive"]
    assert {**now, "drive": None} == {**before, "drive": None}  # it boots its instance all the same
