"""What the boot interfaces over the network have in common, and where they differ."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stbernard.drivers.base import BootInterface, Task
from stbernard.drivers.netboot.grub import HTTPBoot, PXEBoot
from stbernard.drivers.netboot.ipxe import HTTPIPXEBoot
from stbernard.drivers.netboot.loaders import write_boot_roots
from stbernard.errors import ImageError, InvalidDriverInfo, SettingsError
from stbernard.nodes import BootDevice
from stbernard.programs import run
from stbernard.settings import Conductor, Deploy, Dhcp, Pxe, Settings
from tests.factories import a_node, a_port
from tests.unit.drivers.tasks import a_task, all_enabled

_THEY_ARE: tuple[type[BootInterface], ...] = (PXEBoot, HTTPBoot, HTTPIPXEBoot)

PARAMS = {"ipa-api-url": "http://10.0.0.1:6385"}
MAC = "52:54:00:AA:00:01"
ALL = ("ipxe", "pxe", "http-ipxe", "http")
LOADERS = ("undionly.kpxe", "snponly.efi", "bootx64.efi")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    for name in ("kernel", "ramdisk", "arm-kernel", "arm-ramdisk", "loader"):
        (tmp_path / name).write_text(name)
    settings = all_enabled(
        tmp_path / "state",
        {"my_ip": "10.0.0.1", "enabled_boot_interfaces": ALL},
        conductor=Conductor(
            file_url_allowed_paths=(str(tmp_path),),
            rescue_kernel=f"file://{tmp_path}/kernel",
            rescue_ramdisk=f"file://{tmp_path}/ramdisk",
            rescue_kernel_by_arch={"aarch64": f"file://{tmp_path}/arm-kernel"},
            rescue_ramdisk_by_arch={"aarch64": f"file://{tmp_path}/arm-ramdisk"},
        ),
        pxe=Pxe(
            kernel_append_params="quiet",
            loader_file_paths={name: str(tmp_path / "loader") for name in LOADERS},
            ipxe_bootfile_name_by_arch={"aarch64": "snponly-arm64.efi"},
        ),
        deploy=Deploy(http_url="http://10.0.0.1:8080/"),
        dhcp=Dhcp(dhcp_provider="dnsmasq"),
    )
    write_boot_roots(settings)
    yield settings


def rescued(settings: Settings, interface: str, mode: str = "uefi", **values: Any) -> Task:
    """A node of fake hardware in this boot mode."""
    node = a_node(boot_interface=interface, **values)
    task = a_task(settings, node, [a_port(node, address=MAC)])
    task.driver.management.set_boot_mode(task, mode)
    return task


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def told(task: Task) -> list[str]:
    """What dnsmasq is to send, without the tag."""
    [file] = task.settings.dhcp_optsdir.iterdir()
    return [line.split(",", 1)[1] for line in file.read_text().splitlines()]


SCRIPT_AT = {
    "ipxe": "httpboot/pxelinux.cfg/52-54-00-aa-00-01",
    "http-ipxe": "httpboot/pxelinux.cfg/52-54-00-aa-00-01",
    "pxe": "tftpboot/grub/rescue-52:54:00:aa:00:01.cfg",
    "http": "httpboot/grub/rescue-52:54:00:aa:00:01.cfg",
}


@pytest.mark.parametrize("interface", ALL)
def test_a_rescue_comes_and_goes(settings: Settings, interface: str) -> None:
    task = rescued(settings, interface)
    state, boot = Path(settings.default.state_path), task.driver.boot
    boot.check_ramdisk(task)
    before = files(state)
    device = "uefihttp" if interface.startswith("http") else "pxe"
    for _ in range(2):  # a crash in between does it twice
        assert boot.prepare_ramdisk(task, PARAMS) == BootDevice(device, False)
        root = SCRIPT_AT[interface].partition("/")[0]
        folder = f"{root}/{task.node.uuid}"
        images = {f"{folder}/{name}" for name in ("rescue_kernel", "rescue_ramdisk", "script")}
        new = {name for name in files(state) - before if not name.startswith("dnsmasq/")}
        assert new == {SCRIPT_AT[interface], *images}
    for _ in range(2):
        boot.clean_up_ramdisk(task)
        assert files(state) - before == {"dnsmasq/hosts/52-54-00-aa-00-01"}
    hosts = settings.dhcp_hostsdir / "52-54-00-aa-00-01"
    assert hosts.read_text() == f"{MAC}\n"


TFTP = ["66,10.0.0.1", "150,10.0.0.1", "255,10.0.0.1"]
TO_IPXE = "tag:ipxe,67,http://10.0.0.1:8080/boot.ipxe"


@pytest.mark.parametrize(
    ("interface", "mode", "options"),
    [
        ("ipxe", "bios", ["tag:!ipxe,67,undionly.kpxe", *TFTP, TO_IPXE]),
        ("ipxe", "uefi", ["tag:!ipxe,67,snponly.efi", *TFTP, TO_IPXE]),
        ("pxe", "bios", ["tag:!ipxe,67,grub.pxe", *TFTP, "tag:ipxe,67,grub.pxe"]),
        ("pxe", "uefi", ["tag:!ipxe,67,bootx64.efi", *TFTP, "tag:ipxe,67,bootx64.efi"]),
        ("http-ipxe", "uefi", ["tag:!ipxe,67,http://10.0.0.1:8080/snponly.efi", TO_IPXE]),
    ],
)
def test_dhcp_names_the_loader_for_the_boot_mode(
    settings: Settings, interface: str, mode: str, options: list[str]
) -> None:
    task = rescued(settings, interface, mode)
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    assert told(task) == options


def test_http_boot_names_its_grub(settings: Settings) -> None:
    task = rescued(settings, "http")
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    assert told(task)[0] == "tag:!ipxe,67,http://10.0.0.1:8080/grub-http.efi"


def test_the_processor_chooses_images_and_loader(settings: Settings) -> None:
    task = rescued(settings, "ipxe", properties={"cpu_arch": "aarch64"})
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    folder = settings.http_root / task.node.uuid
    assert (folder / "rescue_kernel").read_text() == "arm-kernel"
    assert (folder / "rescue_ramdisk").read_text() == "arm-ramdisk"
    assert "tag:!ipxe,67,snponly-arm64.efi" in told(task)
    with pytest.raises(InvalidDriverInfo, match=r"snponly-arm64.efi, which is not in .*tftpboot"):
        task.driver.boot.check_ramdisk(task)


def test_arm_has_a_loader_of_its_own_without_being_told(settings: Settings) -> None:
    task = rescued(settings, "pxe", properties={"cpu_arch": "aarch64"})
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    assert told(task)[0] == "tag:!ipxe,67,bootaa64.efi"


def test_grub_gets_each_kernel_argument_as_one_word(settings: Settings, tmp_path: Path) -> None:
    tricky = "console=ttyS0 a='b c' dyndbg=\"file x +p\" $root;reboot {x} #y"
    task = rescued(settings, "pxe", driver_info={"kernel_append_params": tricky})
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    script = settings.tftp_root / "grub" / f"rescue-{MAC.lower()}.cfg"
    assert (
        f"linux /{task.node.uuid}/rescue_kernel BOOTIF=$net_default_mac 'console=ttyS0' "
        "'a='\\''b' 'c'\\''' 'dyndbg=file x +p' '$root;reboot' '{x}' '#y' "
        "'ipa-api-url=http://10.0.0.1:6385'; then\n"
    ) in script.read_text()
    for file in (script, settings.tftp_root / "grub" / "grub.cfg"):
        run("grub-script-check", file)


def test_grub_loads_over_http_from_http_url(settings: Settings) -> None:
    task = rescued(settings, "http")
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    script = (settings.http_root / "grub" / f"rescue-{MAC.lower()}.cfg").read_text()
    assert f"  if linux (http,10.0.0.1:8080)/{task.node.uuid}/rescue_kernel " in script
    assert f"    if initrd (http,10.0.0.1:8080)/{task.node.uuid}/rescue_ramdisk; then\n" in script


def test_grub_loads_over_http_from_the_service_itself(settings: Settings) -> None:
    task = rescued(replace(settings, deploy=Deploy()), "http")
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    [script] = (task.settings.http_root / "grub").glob("rescue-*.cfg")
    own = f"(http,{settings.api.host_ip}:6385)/boot/{task.node.uuid}"
    assert f"  if linux {own}/rescue_kernel " in script.read_text()


@pytest.mark.parametrize("interface", ["http", "http-ipxe"])
def test_a_bios_machine_has_no_http_boot(settings: Settings, interface: str) -> None:
    task = rescued(settings, interface, "bios")
    with pytest.raises(InvalidDriverInfo, match=r"boot mode bios, and HTTP boot is UEFI's"):
        task.driver.boot.check_ramdisk(task)


def test_capabilities_that_contradict_the_bmc_are_named(settings: Settings) -> None:
    said = {"capabilities": "boot_mode:bios,hdd:1"}
    task = rescued(settings, "pxe", "uefi", properties=said)
    with pytest.raises(InvalidDriverInfo, match=r"boot_mode:bios .* its BMC says uefi"):
        task.driver.boot.check_ramdisk(task)


@pytest.mark.parametrize(
    ("interface", "why"),
    [
        ("ipxe", r"snponly.efi is not signed: .*Set another boot interface \(pxe,"),
        ("http", r"grub-http.efi is not signed"),
        ("pxe", r"the rescue kernel is not signed"),
    ],
)
def test_secure_boot_takes_only_what_is_signed(
    settings: Settings, interface: str, why: str
) -> None:
    task = rescued(settings, interface, properties={"capabilities": "secure_boot:true"})
    with pytest.raises((InvalidDriverInfo, ImageError), match=why):
        task.driver.boot.check_ramdisk(task)
    with pytest.raises((InvalidDriverInfo, ImageError), match=why):
        task.driver.boot.probe_ramdisk(task)  # `node validate`


def test_a_loader_that_is_missing_is_named_with_its_package(settings: Settings) -> None:
    (settings.tftp_root / "undionly.kpxe").unlink()
    task = rescued(settings, "ipxe", "bios")
    with pytest.raises(InvalidDriverInfo, match=r"undionly.kpxe, which is not in .*Install"):
        task.driver.boot.check_ramdisk(task)
    others = replace(settings, dhcp=Dhcp())  # whoever sends them somewhere has the loader
    task = rescued(others, "ipxe", "bios")
    task.driver.boot.check_ramdisk(task)


def test_loaders_lie_where_firmware_asks_for_them(settings: Settings) -> None:
    assert {*LOADERS, "grub.pxe", "grub/grub.cfg"} == files(settings.tftp_root)
    assert {*LOADERS, "grub-http.efi", "grub/grub.cfg", "boot.ipxe"} == files(settings.http_root)


def test_only_what_is_enabled_has_its_files(tmp_path: Path) -> None:
    settings = all_enabled(tmp_path)
    write_boot_roots(settings)
    assert files(tmp_path) == {"httpboot/boot.ipxe"}


def test_a_root_that_cannot_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    settings = replace(settings, pxe=replace(settings.pxe, tftp_root=str(tmp_path / "loader")))
    with pytest.raises(SettingsError, match=r"\[pxe\]tftp_root: .*loader cannot be written to"):
        write_boot_roots(settings)
