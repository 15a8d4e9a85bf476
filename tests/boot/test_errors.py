"""Mistakes that people make, on a lab machine: each last_error names the cause and what to check
next, and the machine is left alone, or runs its instance again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stbernard.lab import network
from stbernard.lab.lab import Lab
from stbernard.lab.service import enrol
from stbernard.programs import run
from stbernard.ramdisk.build import ensure_ramdisk
from tests.machine.world import INSTANCE_BOOTS, World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

PASSWORD = "Resc-ue&me 6"
IN_TIME = 60  # seconds, in which the machine's firmware has looked for DHCP
OPTIONS = f"""\
[DEFAULT]
enabled_boot_interfaces = ipxe,pxe,http-ipxe,redfish-virtual-media
[conductor]
rescue_callback_timeout = {IN_TIME}
file_url_allowed_paths = {{allowed}}
"""
ANOTHER_MAC = "52:54:00:77:00:99"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """It runs its instance."""
    cache = Path(".cache")
    folder = tmp_path_factory.mktemp("lab")
    with Lab(folder, cache_dir=cache, dhcp=False, namespace="stbernard-errors") as lab:
        world = World(lab, ensure_ramdisk(cache))
        dhcp = network.service_dhcp([network.port(1)], lab.state_dir)
        world.start(options(world) + dhcp)
        for line in enrol(world.machine):
            world.client(line)
        world.client(f"baremetal node power on {world.machine.name}")
        world.wait_serial(INSTANCE_BOOTS)
        yield world


def options(world: World) -> str:
    return OPTIONS.format(allowed=f"{world.ramdisk},{world.state}")


def change(world: World, **values: Any) -> None:
    """Fields of the node; None removes one."""
    patch = [
        {"op": "remove" if value is None else "add", "path": f"/{name}"}
        | ({} if value is None else {"value": value})
        for name, value in values.items()
    ]
    with maintenance(world):
        answer = world.call("PATCH", f"/v1/nodes/{world.node}", patch)
    assert answer.ok, answer.text


@contextmanager
def maintenance(world: World) -> Iterator[None]:
    """In which an active node's boot interface and ports may be changed."""
    path = f"/v1/nodes/{world.node}/maintenance"
    assert world.call("PUT", path, {"reason": "a mistake is being made"}).ok
    yield
    assert world.call("DELETE", path).ok


def change_port(world: World, **values: Any) -> None:
    """Another one in its place."""
    [port] = world.call("GET", f"/v1/ports?node={world.node}").json()["ports"]
    given = {"node_uuid": world.node, "address": port["address"], **values}
    with maintenance(world):
        assert world.call("DELETE", f"/v1/ports/{port['uuid']}").ok
        answer = world.call("POST", "/v1/ports", given)
    assert answer.ok, answer.text


def last_error(world: World) -> str:
    """Of a rescue that fails."""
    world.machine.serial.skip()
    world.rescue(PASSWORD)
    node = world.wait_for_state("rescue", "rescue failed", within=4 * IN_TIME)
    assert node["provision_state"] == "rescue failed"
    assert node["power_state"] == "power on"
    assert not node["maintenance"]
    return str(node["last_error"])


def refused(world: World) -> str:
    """Of one that fails before the machine is touched."""
    text = last_error(world)
    assert world.machine.serial.unread() == ""
    return text


def test_no_port_to_boot_from(world: World) -> None:
    change_port(world, pxe_enabled=False)
    assert "does not have any port with pxe_enabled: set it on the port" in refused(world)
    change_port(world, pxe_enabled=True)


def test_kernel_or_iso_that_is_not_there(world: World) -> None:
    for name, interface in (("rescue_iso", "redfish-virtual-media"), ("rescue_kernel", "ipxe")):
        gone = f"file://{world.state}/not-there"
        info = world.show()["driver_info"] | {"redfish_password": world.machine.bmc_password}
        both = {"rescue_kernel": gone, "rescue_ramdisk": gone}
        wrong = both if name == "rescue_kernel" else {name: gone}
        change(world, driver_info=info | wrong, boot_interface=interface)
        text = refused(world)
        assert f"{world.state}/not-there" in text
        assert "there is no file" in text
        change(world, driver_info=info, boot_interface="ipxe")


def test_a_bios_medium_for_a_uefi_machine(world: World) -> None:
    tree = world.state / "tree"
    tree.mkdir()
    (tree / "loader").write_bytes(bytes(4096))
    iso = world.state / "bios.iso"
    loader = ("-b", "loader", "-no-emul-boot")
    run("xorriso", "-as", "mkisofs", "-quiet", "-o", iso, *loader, tree)
    info = world.show()["driver_info"] | {"redfish_password": world.machine.bmc_password}
    wrong = info | {"rescue_iso": f"file://{iso}"}
    change(world, driver_info=wrong, boot_interface="redfish-virtual-media")
    set_boot_mode(world, "uefi")
    assert "boots on bios only, and the server is set to uefi" in refused(world)
    set_boot_mode(world, "bios")
    change(world, driver_info=info, boot_interface="ipxe")


def set_boot_mode(world: World, mode: str) -> None:
    world.client(f"baremetal node boot mode set {world.node} {mode}")
    world.wait(lambda: world.show()["boot_mode"] == mode, f"boot mode {mode}")


def test_a_boot_way_or_mode_that_the_machine_has_not(world: World) -> None:
    change(world, boot_interface="http-ipxe")
    assert "is in boot mode bios, and HTTP boot is UEFI's. Set another" in refused(world)
    change(world, boot_interface="ipxe", properties={"capabilities": "boot_mode:uefi"})
    assert "its BMC says bios: it would get a boot file it cannot start" in refused(world)
    change(world, properties={})


def test_a_wrong_mac_address(world: World) -> None:
    change_port(world, address=ANOTHER_MAC)
    text = last_error(world)
    comes_back(world)
    assert "No DHCP request of it was seen on br0: does it boot from the network, and" in text
    assert f"known by {ANOTHER_MAC}: are these its cards?" in text
    asked = f"DHCPDISCOVER(br0) {world.machine.mac}"
    assert asked in world.log.read_text()  # dnsmasq's words, for who looks at the log
    change_port(world, address=world.machine.mac)


def test_dhcp_that_never_answers(world: World) -> None:
    world.stop()
    world.start(options(world))  # without a DHCP server
    text = last_error(world)
    comes_back(world)
    assert "It has fetched nothing. Look at the server's console: did it get an address by" in text


def comes_back(world: World) -> None:
    """It was switched on a moment ago."""
    world.machine.serial.skip()
    world.wait_serial(INSTANCE_BOOTS)
