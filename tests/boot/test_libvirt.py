"""Through sushy-tools and virtualbmc in front of a real libvirt."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from stbernard.lab import network
from stbernard.lab.lab import BMC_PASSWORD, BMC_USERNAME
from stbernard.lab.service import enrol
from tests.boot.libvirt import IPMI_PORT, LibvirtWorld, libvirt_world
from tests.machine.world import INSTANCE_BOOTS

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

PASSWORD = "Resc-ue&me 5"
UEFI = "/sys/firmware/efi"
OPTIONS = """\
[DEFAULT]
enabled_hardware_types = redfish,ipmi
enabled_boot_interfaces = ipxe,redfish-virtual-media
[deploy]
default_boot_mode = bios
[redfish]
kernel_append_params = console=ttyS0
[ipmi]
min_command_interval = 0
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LibvirtWorld]:
    with libvirt_world(tmp_path) as world:
        yield world


def test_sushy_tools(world: LibvirtWorld) -> None:
    world.start_redfish()
    world.start(OPTIONS)
    for line in enrol(world.machine):
        world.client(line)
    power(world)
    for device, shown in (("pxe", "interface"), ("disk", "disk")):
        for persistent in (True, False):
            set_boot_device(world, device, persistent)
            assert boots_by(world) == shown
            now = boot_device(world)
            assert (now["boot_device"], now["persistent"]) == (device, True)  # Once is not told
    boot_mode(world)
    into_the_ramdisk_and_back(world)
    boot_from_virtual_media(world)
    into_the_ramdisk_and_back(world)
    assert "device='cdrom'" not in world.virsh("dumpxml", world.machine.name)
    assert not [*(world.state / "httpboot/vmedia").iterdir()]


def test_sushy_tools_in_uefi_mode(world: LibvirtWorld) -> None:
    world.start_redfish()
    world.start(OPTIONS)
    for line in enrol(world.machine):
        world.client(line)
    set_boot_mode(world, "uefi")
    world.client(f"baremetal node power on {world.machine.name}")
    world.wait_serial(INSTANCE_BOOTS)
    into_the_ramdisk_and_back(world, has=UEFI)
    boot_from_virtual_media(world)
    into_the_ramdisk_and_back(world, has=UEFI)
    assert world.show()["boot_mode"] == "uefi"


def test_virtualbmc(world: LibvirtWorld) -> None:
    world.start_ipmi()
    world.start(OPTIONS)
    info = {
        "ipmi_address": network.HOST,
        "ipmi_port": IPMI_PORT,
        "ipmi_username": BMC_USERNAME,
        "ipmi_password": BMC_PASSWORD,
    }
    told = " ".join(f"--driver-info {key}={value}" for key, value in info.items())
    node, name = world.node, world.machine.name
    bios = "--property capabilities=boot_mode:bios"
    world.client(f"baremetal node create --name {name} --uuid {node} --driver ipmi {bios} {told}")
    world.client(f"baremetal port create {world.machine.mac} --node {node}")
    world.client(f"baremetal node manage {name} --wait")
    world.client(f"baremetal node adopt {name} --wait")
    power(world)
    world.client(f"baremetal node power off {name}")  # on, it tells what the domain was started by
    world.wait(lambda: shows(world, "power off"), "power off")
    for device, shown in (("pxe", "interface"), ("disk", "disk")):
        set_boot_device(world, device, True)
        assert boots_by(world) == shown
        assert boot_device(world)["boot_device"] == device
    world.client(f"baremetal node power on {name}")
    world.wait(lambda: shows(world, "power on"), "power on")
    into_the_ramdisk_and_back(world)


def power(world: LibvirtWorld) -> None:
    """On, off and again on, as libvirt sees it."""
    name = world.machine.name
    for verb, state in (("on", "running"), ("off", "shut off"), ("on", "running")):
        world.client(f"baremetal node power {verb} {name}")
        world.wait(lambda wanted=f"power {verb}": shows(world, wanted), f"power {verb}")  # type: ignore[misc]
        assert world.virsh("domstate", name).strip() == state
    before = world.virsh("domid", name)
    world.client(f"baremetal node reboot {name}")
    world.wait(lambda: world.virsh("domid", name) not in (before, "-\n"), "rebooted")
    world.wait(lambda: shows(world, "power on"), "power on")


def shows(world: LibvirtWorld, power: str) -> bool:
    node = world.show()
    return bool((node["power_state"], node["target_power_state"]) == (power, None))


def set_boot_device(world: LibvirtWorld, device: str, persistent: bool) -> None:
    path = f"/v1/nodes/{world.node}/management/boot_device"
    body = {"boot_device": device, "persistent": persistent}
    answer = world.call("PUT", path, body)
    assert answer.status_code == 204, answer.text


def boot_device(world: LibvirtWorld) -> Any:
    return world.call("GET", f"/v1/nodes/{world.node}/management/boot_device").json()


def boots_by(world: LibvirtWorld) -> str:
    """The kind of device that the domain boots from first, from its next start on."""
    text = world.virsh("dumpxml", "--inactive", world.machine.name)
    domain = ElementTree.fromstring(text)  # noqa: S314 (libvirt's own)
    if (whole := domain.find("os/boot")) is not None:
        return {"network": "interface", "hd": "disk"}[whole.attrib["dev"]]
    [first] = (
        each for each in domain.findall("devices/*") if each.find("boot[@order='1']") is not None
    )
    return first.attrib.get("device", first.tag)


def boot_mode(world: LibvirtWorld) -> None:
    """To UEFI and back, while it is off."""
    name = world.machine.name
    world.client(f"baremetal node power off {name}")
    world.wait(lambda: shows(world, "power off"), "power off")
    for mode in ("uefi", "bios"):
        set_boot_mode(world, mode)
    world.client(f"baremetal node power on {name}")
    world.wait(lambda: shows(world, "power on"), "power on")


def set_boot_mode(world: LibvirtWorld, mode: str) -> None:
    name = world.machine.name
    world.client(f"baremetal node boot mode set {name} {mode}")
    world.wait(lambda: world.show()["boot_mode"] == mode, f"boot mode {mode}")
    assert ("OVMF" in world.virsh("dumpxml", "--inactive", name)) is (mode == "uefi")


def boot_from_virtual_media(world: LibvirtWorld) -> None:
    world.client(f"baremetal node maintenance set {world.node}")
    world.client(f"baremetal node set {world.node} --boot-interface redfish-virtual-media")
    world.client(f"baremetal node maintenance unset {world.node}")


def into_the_ramdisk_and_back(world: LibvirtWorld, has: str = "/") -> None:
    """`has`: a file that is there when it runs."""
    before = boot_device(world), boots_by(world)
    world.rescue(PASSWORD)
    world.wait_for_good("rescue", "rescue failed")
    assert world.ssh("rescue", PASSWORD, f"ls -d {has}; id -un") == f"{has}\nrescue\n"
    world.machine.serial.skip()
    assert world.provision("unrescue").status_code == 202
    world.wait_for_good("active", "unrescue failed")
    world.wait_serial(INSTANCE_BOOTS)
    assert (boot_device(world), boots_by(world)) == before
