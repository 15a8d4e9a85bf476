"""A BMC that takes connections and says nothing, in the running engine: nobody waits for it."""

import socket

import pytest

from stbernard.drivers import turns
from stbernard.drivers.redfish import bmc
from stbernard.nodes import Power
from stbernard.settings import Conductor, Default, Settings
from tests.unit.operations.conftest import Engine

THREADS = 4


@pytest.fixture
def settings() -> Settings:
    return Settings(
        default=Default(
            host="worker-1",
            enabled_hardware_types=("fake-hardware", "redfish"),
            enabled_management_interfaces=("fake", "redfish"),
            enabled_power_interfaces=("fake", "redfish"),
            enabled_boot_interfaces=("fake", "ipxe"),
            enabled_rescue_interfaces=("fake", "agent"),
        ),
        conductor=Conductor(workers_pool_size=THREADS),
    )


def test_many_nodes_behind_a_dead_bmc_hold_up_no_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen blades of one chassis, four threads: the others are through while it still hangs."""
    ours = turns.Turns()
    monkeypatch.setattr(bmc, "turns", ours)
    monkeypatch.setattr(turns, "QUEUE", 0.5)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        blades = [
            engine.enroll(
                driver="redfish",
                driver_info={"redfish_address": address},
                power_interface="redfish",
                management_interface="redfish",
                boot_interface="ipxe",
                rescue_interface="agent",
            )
            for _ in range(16)
        ]
        others = [engine.enroll() for _ in range(20)]
        for node in (*blades, *others):
            engine.requests.power(node.uuid, Power.ON)
        engine.reconciler.start()
        for node in others:
            assert engine.wait(node).power_state == "power on"
        assert ours._bmcs[address].turn.locked()
        for node in blades:
            assert engine.store.nodes.get(node.uuid).operation == "power on"
