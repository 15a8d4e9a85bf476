"""The boot interface ipxe: what is in http_root before, during and after a rescue."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stbernard.drivers.base import BootInterface, Task
from stbernard.drivers.netboot.ipxe import IPXEBoot
from stbernard.drivers.netboot.loaders import write_boot_script
from stbernard.drivers.netboot.script import BOOT_SCRIPT
from stbernard.errors import ImageError, InvalidDriverInfo, SettingsError
from stbernard.nodes import BootDevice, Port
from stbernard.settings import Conductor, Deploy, Pxe, Settings
from tests.factories import a_node, a_port
from tests.unit.drivers.tasks import a_task, all_enabled

_IS_ONE: type[BootInterface] = IPXEBoot

PARAMS = {"ipa-api-url": "http://10.0.0.1:6385"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Images in `images`, everything else below `state`."""
    images = tmp_path / "images"
    images.mkdir()
    (images / "kernel").write_bytes(b"kernel")
    (images / "ramdisk").write_bytes(b"ramdisk")
    return all_enabled(
        tmp_path / "state",
        {"my_ip": "10.0.0.1"},
        conductor=Conductor(
            file_url_allowed_paths=(str(images),),
            rescue_kernel=f"file://{images}/kernel",
            rescue_ramdisk=f"file://{images}/ramdisk",
        ),
        pxe=Pxe(kernel_append_params="nofb console=ttyS0"),
        deploy=Deploy(http_url="http://10.0.0.1:8080/"),
    )


def rescued(
    settings: Settings, addresses: tuple[str, ...] = ("52:54:00:AA:00:01",), **info: Any
) -> Task:
    node = a_node(boot_interface="ipxe", driver_info=info)
    return a_task(settings, node, [a_port(node, address=address) for address in addresses])


def files(settings: Settings) -> set[str]:
    root = settings.http_root
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_rescue_comes_and_goes(settings: Settings) -> None:
    task = rescued(settings, ("52:54:00:AA:00:01", "52:54:00:aa:00:02"))
    boot, uuid = task.driver.boot, task.node.uuid
    write_boot_script(settings)
    before = files(settings)
    boot.validate(task)
    boot.check_ramdisk(task)
    for _ in range(2):  # a crash in between does it twice
        assert boot.prepare_ramdisk(task, PARAMS) == BootDevice("pxe", False)
        assert files(settings) == {
            "boot.ipxe",
            "pxelinux.cfg/52-54-00-aa-00-01",
            "pxelinux.cfg/52-54-00-aa-00-02",
            f"{uuid}/script",
            f"{uuid}/rescue_kernel",
            f"{uuid}/rescue_ramdisk",
        }
    folder = settings.http_root / uuid
    assert (folder / "rescue_kernel").read_bytes() == b"kernel"
    assert (folder / "rescue_kernel").samefile(settings.conductor.rescue_kernel[7:])  # type: ignore[index]
    for _ in range(2):
        boot.clean_up_ramdisk(task)
        assert files(settings) == before == {"boot.ipxe"}
        assert not folder.exists()


def test_the_script_boots_kernel_and_ramdisk(settings: Settings) -> None:
    task = rescued(settings)
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    script = (settings.http_root / "pxelinux.cfg" / "52-54-00-aa-00-01").read_text()
    url = f"http://10.0.0.1:8080/{task.node.uuid}"
    assert script.startswith("#!ipxe\n")
    assert (
        f"\nkernel {url}/rescue_kernel initrd=rescue_ramdisk BOOTIF=${{mac}} nofb console=ttyS0 "
        "ipa-api-url=http://10.0.0.1:6385 || goto again\n"
    ) in script
    assert f"\ninitrd --name rescue_ramdisk {url}/rescue_ramdisk || goto again\n" in script


def test_any_other_machine_boots_from_its_disk(settings: Settings) -> None:
    write_boot_script(settings)
    script = (settings.http_root / "boot.ipxe").read_text()
    assert script == BOOT_SCRIPT
    assert "pxelinux.cfg/${net${card}/mac:hexhyp}" in script
    assert script.endswith("iseq ${platform} efi && exit ||\nsanboot --no-describe --drive 0x80\n")


@pytest.mark.parametrize(
    ("own", "arguments"),
    [
        ("quiet", "quiet ipa"),
        ("%default% quiet", "nofb console=ttyS0 quiet ipa"),
        ("", " ipa"),
    ],
)
def test_the_node_has_its_own_kernel_arguments(
    settings: Settings, own: str, arguments: str
) -> None:
    task = rescued(settings, kernel_append_params=own)
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    script = (settings.http_root / task.node.uuid / "script").read_text()
    assert f"BOOTIF=${{mac}} {arguments.strip()}-api-url=" in script


@pytest.mark.parametrize("bad", ["quiet\nshell", "a || shell", "a &&", "${net0/mac}", "ä"])
def test_what_ipxe_would_understand_is_refused(settings: Settings, bad: str) -> None:
    task = rescued(settings, kernel_append_params=bad)
    with pytest.raises(InvalidDriverInfo, match="kernel_append_params holds a line break"):
        task.driver.boot.validate(task)


@pytest.mark.parametrize(
    ("forced", "always"),
    [("Always", True), (True, True), ("Never", False), ("Default", False), (None, False)],
)
def test_a_boot_device_for_ever_is_the_operators_choice(
    settings: Settings, forced: str | bool | None, always: bool
) -> None:
    task = rescued(settings, force_persistent_boot_device=forced)
    assert task.driver.boot.prepare_ramdisk(task, PARAMS) == BootDevice("pxe", always)


def test_a_node_without_ports_is_refused_in_the_contracts_words(settings: Settings) -> None:
    task = rescued(settings, ())
    with pytest.raises(InvalidDriverInfo) as caught:
        task.driver.boot.validate(task)
    expected = f"Node {task.node.uuid} does not have any port associated with it"
    assert str(caught.value) == expected
    with pytest.raises(InvalidDriverInfo, match=expected):
        task.driver.boot.check_ramdisk(task)


def without_network_boot(port: Port) -> Port:
    return a_port(a_node(uuid=port.node_uuid), address=port.address, pxe_enabled=False)


def test_only_ports_with_pxe_enabled_get_a_script(settings: Settings) -> None:
    task = rescued(settings, ("52:54:00:aa:00:01", "52:54:00:aa:00:02"))
    task = replace(task, ports=(without_network_boot(task.ports[0]), task.ports[1]))
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    scripts = (settings.http_root / "pxelinux.cfg").iterdir()
    assert [script.name for script in scripts] == ["52-54-00-aa-00-02"]
    task = replace(task, ports=tuple(without_network_boot(port) for port in task.ports))
    with pytest.raises(InvalidDriverInfo, match="does not have any port with pxe_enabled"):
        task.driver.boot.validate(task)


def test_missing_images_are_all_named(settings: Settings) -> None:
    settings = replace(settings, conductor=Conductor())
    task = rescued(settings)
    with pytest.raises(InvalidDriverInfo) as caught:
        task.driver.boot.validate(task)
    assert "Missing are: ['rescue_kernel', 'rescue_ramdisk']" in str(caught.value)


def test_a_kernel_without_its_ramdisk_is_not_mixed_with_another(settings: Settings) -> None:
    task = rescued(settings, rescue_kernel="http://images/kernel")
    with pytest.raises(InvalidDriverInfo, match=r"Missing are: \['rescue_ramdisk'\]"):
        task.driver.boot.validate(task)


def test_images_of_the_node_come_first(settings: Settings, tmp_path: Path) -> None:
    for name in ("own-kernel", "own-ramdisk"):
        (tmp_path / "images" / name).write_text(name)
    task = rescued(
        settings,
        rescue_kernel=f"file://{tmp_path}/images/own-kernel",
        rescue_ramdisk=f"file://{tmp_path}/images/own-ramdisk",
    )
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    assert (settings.http_root / task.node.uuid / "rescue_kernel").read_text() == "own-kernel"


def test_an_image_that_cannot_be_had_is_named_before_anything_happens(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "images" / "ramdisk").unlink()
    task = rescued(settings)
    with pytest.raises(InvalidDriverInfo, match=r"there is no file .*/images/ramdisk"):
        task.driver.boot.validate(task)
    with pytest.raises(InvalidDriverInfo):
        task.driver.boot.check_ramdisk(task)
    assert not settings.http_root.exists()


def test_a_checksum_is_checked_before_anything_happens(settings: Settings) -> None:
    task = rescued(settings, rescue_kernel_checksum="0" * 64)
    with pytest.raises(ImageError, match="has not the checksum 0000"):
        task.driver.boot.check_ramdisk(task)


def test_a_port_that_has_gone_leaves_no_script(settings: Settings) -> None:
    task = rescued(settings, ("52:54:00:aa:00:01", "52:54:00:aa:00:02"))
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    task.driver.boot.clean_up_ramdisk(replace(task, ports=task.ports[:1]))
    assert files(settings) == {"boot.ipxe"}


def test_another_node_keeps_its_script(settings: Settings) -> None:
    one, other = rescued(settings), rescued(settings, ("52:54:00:bb:00:01",))
    for task in (one, other):
        task.driver.boot.prepare_ramdisk(task, PARAMS)
    one.driver.boot.clean_up_ramdisk(one)
    assert "pxelinux.cfg/52-54-00-bb-00-01" in files(settings)


def test_a_root_that_cannot_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = replace(settings, deploy=Deploy(http_root=str(tmp_path / "file" / "root")))
    with pytest.raises(SettingsError, match=r"\[deploy\]http_root: .*file/root cannot be written"):
        write_boot_script(settings)


def test_properties_name_the_images() -> None:
    assert {"rescue_kernel", "rescue_ramdisk"} <= set(IPXEBoot(Settings()).properties())
