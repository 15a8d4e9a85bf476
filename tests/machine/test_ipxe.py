"""The boot scripts as iPXE in a virtual machine understands them. Needs no root and no lab."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stbernard.drivers.base import Task
from stbernard.drivers.netboot import script
from stbernard.drivers.netboot.loaders import write_boot_script
from stbernard.lab.serial import SerialLog
from stbernard.settings import Conductor, Deploy, Pxe, Settings
from tests.factories import a_node, a_port
from tests.unit.drivers.tasks import a_task, all_enabled

pytestmark = pytest.mark.machine

MAC = "52:54:00:77:00:01"
HOST = "10.0.2.2"  # where QEMU's user network shows this host's loopback
SECONDS = 100

_PRINT = b"\xac\x84\xc0\x74\x03\xee\xeb\xf8"  # lodsb; test al, al; jz out; out dx, al; jmp lodsb
_STOP = b"\xf4\xeb\xfd"  # hlt; jmp back to it


def boot_sector(text: bytes) -> bytes:
    """A BIOS boot sector that prints `text` on the serial port (it is loaded at 0x7c00)."""
    code = b"\x31\xc0\x8e\xd8\xba\xf8\x03\xbe\x40\x7c" + _PRINT + _STOP  # ds = 0, si = 0x7c40
    return (code.ljust(0x40, b"\0") + text + b"\0").ljust(510, b"\0") + b"\x55\xaa"


def kernel(text: bytes) -> bytes:
    """A kernel in Linux's boot protocol (x86/boot.rst) that prints `text` and its command line."""
    image = bytearray(3 * 512)
    image[0x1F1] = 1  # setup_sects
    image[0x1FE:0x202] = b"\x55\xaa\xeb\x5e"  # boot_flag; jump to 0x260
    image[0x202:0x208] = b"HdrS\x02\x02"
    image[0x211] = 1  # loadflags: LOADED_HIGH
    code = b"\xba\xf8\x03\xbe\xa0\x02" + _PRINT  # dx = serial port, si = 0x2a0
    # cmd_line_ptr (0x228) as ds:si
    code += b"\x66\xa1\x28\x02\x89\xc6\x83\xe6\x0f\x66\xc1\xe8\x04\x8e\xd8" + _PRINT + _STOP
    image[0x260 : 0x260 + len(code)] = code
    image[0x2A0 : 0x2A0 + len(text) + 1] = text + b"\0"
    return bytes(image)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Images that print what they are, and a web server for http_root on loopback."""
    (tmp_path / "kernel").write_bytes(kernel(b"<rescue> "))
    (tmp_path / "ramdisk").write_bytes(b"ramdisk")
    root = tmp_path / "state" / "httpboot"
    root.mkdir(parents=True)
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(root))
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield all_enabled(
        tmp_path / "state",
        conductor=Conductor(
            file_url_allowed_paths=(str(tmp_path),),
            rescue_kernel=f"file://{tmp_path}/kernel",
            rescue_ramdisk=f"file://{tmp_path}/ramdisk",
        ),
        pxe=Pxe(kernel_append_params="quiet"),
        deploy=Deploy(http_url=f"http://{HOST}:{server.server_port}"),
    )
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def booting(settings: Settings, folder: Path) -> Iterator[SerialLog]:
    """A machine that starts from the network; what it prints on its serial port."""
    disk, serial = folder / "disk", folder / "serial.log"
    disk.write_bytes(boot_sector(b"<disk>").ljust(1 << 20, b"\0"))
    serial.touch()
    script_url = f"{settings.http_url}/boot.ipxe"
    machine = subprocess.Popen(
        [
            *("qemu-system-x86_64", "-machine", "pc,accel=tcg", "-m", "128", "-display", "none"),
            *("-serial", f"file:{serial}", "-monitor", "none", "-no-reboot"),
            *("-netdev", f"user,id=net,restrict=off,bootfile={script_url}"),
            *("-device", f"virtio-net-pci,netdev=net,mac={MAC},bootindex=0"),
            *("-drive", f"file={disk},format=raw,if=none,id=disk"),
            *("-device", "virtio-blk-pci,drive=disk,bootindex=1"),
        ]
    )
    try:
        yield SerialLog(serial)
    finally:
        machine.kill()
        machine.wait()


def a_rescue(settings: Settings, mac: str = MAC) -> Task:
    node = a_node(boot_interface="ipxe")
    task = a_task(settings, node, [a_port(node, address=mac)])
    task.driver.boot.prepare_ramdisk(task, {"ipa-api-url": "http://10.0.0.1:6385"})
    return task


def test_a_machine_that_is_rescued_loads_kernel_and_ramdisk(
    settings: Settings, tmp_path: Path
) -> None:
    a_rescue(settings)
    with booting(settings, tmp_path) as serial:
        serial.wait(
            f"<rescue> initrd=rescue_ramdisk BOOTIF={MAC} quiet ipa-api-url=http://10.0.0.1:6385",
            SECONDS,
        )


def _offers_another_machine(settings: Settings) -> None:
    a_rescue(settings, "52:54:00:77:00:02")


def _offers_a_ramdisk_that_is_gone(settings: Settings) -> None:
    task = a_rescue(settings)
    (settings.http_root / task.node.uuid / "rescue_ramdisk").unlink()


@pytest.mark.parametrize(
    "prepare", [write_boot_script, _offers_another_machine, _offers_a_ramdisk_that_is_gone]
)
def test_any_other_machine_starts_its_disk(
    settings: Settings,
    tmp_path: Path,
    prepare: Callable[[Settings], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(script, "ATTEMPTS", 2)
    monkeypatch.setattr(script, "PAUSE", 1)
    prepare(settings)
    with booting(settings, tmp_path) as serial:
        serial.wait("<disk>", SECONDS)
