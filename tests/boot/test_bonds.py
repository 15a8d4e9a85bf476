"""A server with two cards on two taps of the lab, which its tenant's network has as one bond.

It boots by the first one, from iPXE in the card. Once the login is open it makes the bond that the
node's portgroup, or its network data, tells of. Then one cable after the other is pulled.
Its BMC is played by the test, which switches QEMU on.
"""

import contextlib
import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stbernard.lab import Lab, network
from stbernard.lab.acceleration import EMULATION
from stbernard.ramdisk.build import ensure_ramdisk
from tests.boot.lacp import agreeing_switch
from tests.machine.world import World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

CACHE = Path(".cache")
PASSWORD = "correct horse battery"
OPTIONS = """\
[DEFAULT]
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = ipxe
enabled_rescue_interfaces = agent
"""
PORTS = tuple(map(network.port, (1, 2)))
TAPS = tuple(port.tap for port in PORTS)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The second machine is never switched on: its tap is the first one's other card's."""
    ramdisk = ensure_ramdisk(CACHE)
    with Lab(tmp_path, machines=2, namespace="stbernard-bonds") as lab:
        world = World(lab, ramdisk)
        world.start(OPTIONS)
        interfaces = "--boot-interface ipxe --rescue-interface agent"
        world.client(
            f"baremetal node create --uuid {world.node} --driver fake-hardware {interfaces}"
        )
        yield world


@contextlib.contextmanager
def switched_on(world: World) -> Iterator[Path]:
    """Gives the socket of QEMU's machine protocol (QMP)."""
    monitor = world.machine.home / "bond.sock"
    command = ["qemu-system-x86_64", "-machine", "q35", *EMULATION, "-smp", "2", "-m", "512"]
    command += ["-nodefaults", "-display", "none", "-serial", f"file:{world.machine.serial_log}"]
    command += ["-qmp", f"unix:{monitor},server=on,wait=off"]
    for number, port in enumerate(PORTS):
        tap = f"tap,id={port.tap},ifname={port.tap},script=no,downscript=no"
        card = f"virtio-net-pci,netdev={port.tap},mac={port.mac},speed=1000,duplex=full"
        rom = f"bootindex={number}" if port is PORTS[0] else "romfile="
        command += ["-netdev", tap, "-device", f"{card},{rom}"]
    qemu = subprocess.Popen(world.lab.command(command))
    try:
        yield monitor
    finally:
        qemu.terminate()
        qemu.wait()


def plug(monitor: Path, tap: str, there: bool) -> None:
    """Pull the cable of a card, or put it in again."""
    with socket.socket(socket.AF_UNIX) as qmp:
        qmp.connect(str(monitor))
        answers = qmp.makefile()
        answers.readline()  # its greeting
        link = {"execute": "set_link", "arguments": {"name": tap, "up": there}}
        for message in ({"execute": "qmp_capabilities"}, link):
            qmp.sendall(json.dumps(message).encode())
            while "return" not in (answer := json.loads(answers.readline())):
                assert "error" not in answer, answer


def rescue_over_a_bond(world: World, carrying: Callable[[str], int]) -> Iterator[str]:
    """What the kernel says of the bond with both cables, without the first, and without the second.

    `carrying`: how many of its cards carry, by what it says."""
    for verb in ("manage", "adopt"):
        world.client(f"baremetal node {verb} {world.node} --wait")
    world.rescue(PASSWORD)
    world.wait_for_state("rescue wait")
    with switched_on(world) as monitor:
        world.wait_for_good("rescue", "rescue failed")
        world.wait_serial(f"got {PORTS[0].address} on bond0")
        yield when(world, lambda said: carrying(said) == 2)
        for tap in TAPS:
            plug(monitor, tap, False)
            yield when(world, lambda said: carrying(said) == 1)
            plug(monitor, tap, True)
            when(world, lambda said: carrying(said) == 2)


def when(world: World, true: Callable[[str], bool]) -> str:
    """What the kernel says of the bond, as soon as this is true of it; each time by a new login."""
    said = ""

    def so() -> bool:
        nonlocal said
        said = world.ssh("rescue", PASSWORD, "sudo cat /proc/net/bonding/bond0")
        return true(said)

    world.wait(so, "the bond is as it is to be")
    return said


def create_ports(world: World, **values: Any) -> None:
    for port in PORTS:
        body = {"node_uuid": world.node, "address": port.mac, **values}
        body["pxe_enabled"] = port is PORTS[0]
        assert world.call("POST", "/v1/ports", body).ok


def test_a_portgroup_with_lacp(world: World) -> None:
    """By DHCP on the bond, as nobody says otherwise."""
    group = {"node_uuid": world.node, "mode": "802.3ad", "properties": {"miimon": 50}}
    made = world.call("POST", "/v1/portgroups", group)
    assert made.ok, made.text
    create_ports(world, portgroup_uuid=made.json()["uuid"])

    def carrying(said: str) -> int:
        found = re.search(r"Number of ports: (\d)", said)
        return int(found[1]) if found else 0

    with agreeing_switch(world.lab, TAPS):
        whole, *_ = rescue_over_a_bond(world, carrying)
    assert "IEEE 802.3ad Dynamic link aggregation" in whole
    assert "Partner Mac Address: 02:00:00:00:00:fe" in whole


def test_network_data_with_active_backup(world: World) -> None:
    links: list[Any] = [
        {"id": port.tap, "type": "phy", "ethernet_mac_address": port.mac, "mtu": None}
        for port in PORTS
    ]
    made_of = {"type": "bond", "bond_mode": "active-backup", "bond_links": list(TAPS)}
    bond = {"id": "bond", "ethernet_mac_address": PORTS[0].mac, "mtu": None, **made_of}
    static = {"id": "n", "network_id": "n", "type": "ipv4", "link": "bond", "routes": []}
    static |= {"ip_address": PORTS[0].address, "netmask": "255.255.255.0"}
    data = {"links": [*links, bond], "networks": [static], "services": []}
    patch = [{"op": "add", "path": "/network_data", "value": data}]
    answer = world.call("PATCH", f"/v1/nodes/{world.node}", patch)
    assert answer.ok, answer.text
    create_ports(world)
    _, *others = rescue_over_a_bond(world, lambda said: said.count("MII Status: up") - 1)
    assert ["Currently Active Slave: eth1" in each for each in others] == [True, False]
