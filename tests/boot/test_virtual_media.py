"""Virtual media on UEFI, with Secure Boot, ready-made, and in a network without DHCP."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.lab import network, processes
from stbernard.lab.service import PROGRAMS
from stbernard.programs import run
from tests.machine.media import OPTIONS, PASSWORD, media_world, rescue, unrescue
from tests.machine.world import World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]


@pytest.fixture
def bios(tmp_path: Path) -> Iterator[World]:
    with media_world(tmp_path) as world:
        yield world


def test_uefi(tmp_path: Path) -> None:
    with media_world(tmp_path, "uefi") as world:
        rescue(world, "test -d /sys/firmware/efi && id -un")
        unrescue(world)


def test_secure_boot_and_an_unsigned_kernel(tmp_path: Path) -> None:
    """Debian's signed loaders and kernel boot; another kernel is refused, nothing touched."""
    with media_world(tmp_path, "secure-boot") as world:
        assert world.show()["secure_boot"] is True  # the BMC says so
        rescue(world, "sudo dmesg | grep -o 'secureboot: .*'", "secureboot: Secure boot enabled\n")
        unrescue(world)

        unsigned = world.state / "unsigned"
        unsigned.write_bytes(without_signature((world.ramdisk / "kernel").read_bytes()))
        world.stop()
        allowed = f"[conductor]\nfile_url_allowed_paths = {world.ramdisk},{world.state}\n"
        world.start(f"{OPTIONS}{allowed}rescue_kernel = file://{unsigned}\n")
        said = world.call("GET", f"/v1/nodes/{world.node}/validate").json()
        assert "the rescue kernel is not signed" in said["boot"]["reason"]
        assert not said["rescue"]["result"]
        world.machine.serial.skip()
        world.rescue(PASSWORD)
        failed = world.wait_for_state("rescue", "rescue failed")
        assert "the rescue kernel is not signed" in failed["last_error"]
        assert failed["power_state"] == "power on"
        assert world.machine.serial.unread() == ""


def without_signature(kernel: bytes) -> bytes:
    """Its certificate table's entry emptied (PE/COFF, PE32+)."""
    (header,) = struct.unpack_from("<I", kernel, 0x3C)
    table = header + 24 + 112 + 4 * 8
    return kernel[:table] + bytes(8) + kernel[table + 8 :]


def test_a_ready_made_iso(bios: World) -> None:
    """It carries no token: the lookup hands one out."""
    made = bios.state / "rescue.iso"
    run(
        *(PROGRAMS / "stbernard", "ramdisk", "iso", "--output", made, "--ramdisk", bios.ramdisk),
        *("--arguments", f"console=ttyS0 ipa-api-url={network.API_URL}"),
    )
    bios.client(f"baremetal node set {bios.node} --driver-info rescue_iso=file://{made}")
    bios.stop()
    bios.start(f"{OPTIONS}[conductor]\nfile_url_allowed_paths = {bios.state}\n")
    rescue(bios)
    unrescue(bios)


def test_a_static_address_without_any_dhcp(bios: World) -> None:
    """From network_data.json on the medium."""
    processes.end(bios.lab.state_dir / "dnsmasq.pid")
    machine = bios.machine
    link = {"id": "nic", "type": "phy", "ethernet_mac_address": machine.mac, "mtu": 1400}
    static = {
        **{"id": "net", "link": "nic", "type": "ipv4", "network_id": "lab"},
        **{"ip_address": machine.address, "netmask": "255.255.255.0"},
        "routes": [{"network": ANYWHERE, "netmask": ANYWHERE, "gateway": network.HOST}],
    }
    data = {"links": [link], "networks": [static], "services": []}
    patch = [{"op": "replace", "path": "/network_data", "value": data}]
    assert bios.call("PATCH", f"/v1/nodes/{bios.node}", patch).ok
    rescue(bios, "cat /sys/class/net/eth0/mtu; ip route show default | cut -d' ' -f1-3", ROUTED)
    unrescue(bios)


ANYWHERE = "0.0.0.0"  # noqa: S104 (a route's)
ROUTED = f"1400\ndefault via {network.HOST}\n"
