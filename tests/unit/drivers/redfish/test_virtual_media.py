"""Media in the drive of a BMC that fetches them itself: sushy-tools' emulator."""

import io
import json
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from stbernard.drivers.base import Task
from stbernard.drivers.redfish.virtual_media import RedfishVirtualMedia
from stbernard.errors import BMCError, ImageError, InvalidDriverInfo
from stbernard.images import iso
from stbernard.nodes import BootDevice, HowItWas
from stbernard.programs import run
from stbernard.settings import Conductor, Deploy, Redfish, Settings
from tests.factories import a_port
from tests.unit.drivers.redfish.conftest import PASSWORD, SYSTEM, Bmc
from tests.unit.drivers.redfish.test_quirks import Quirk
from tests.unit.drivers.redfish.web import serving
from tests.unit.drivers.tasks import a_task, all_enabled

TOKEN = "t" * 43
PARAMS = {"ipa-api-url": "http://10.0.0.1:6385", "ipa-agent-token": TOKEN}
SYSTEM_PATH = f"/redfish/v1/Systems/{SYSTEM}"
MANAGER_PATH = f"/redfish/v1/Managers/{SYSTEM}"
DRIVE = f"/redfish/v1/Systems/{SYSTEM}/VirtualMedia/Cd"
SIGNED = Path("/usr/lib/shim/shimx64.efi.signed")  # stands for a kernel that is signed

MakeTask = Callable[..., Task]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Images, and a web server for http_root."""
    (tmp_path / "kernel").write_bytes(b"kernel")
    (tmp_path / "ramdisk").write_bytes(b"ramdisk")
    with serving(tmp_path / "state/httpboot") as address:
        yield all_enabled(
            tmp_path / "state",
            conductor=Conductor(
                file_url_allowed_paths=(str(tmp_path), str(SIGNED.parent)),
                rescue_kernel=f"file://{tmp_path}/kernel",
                rescue_ramdisk=f"file://{tmp_path}/ramdisk",
            ),
            redfish=Redfish(kernel_append_params="nofb", auth_type="basic"),
            deploy=Deploy(external_http_url=f"{address}/"),
        )


@pytest.fixture
def make_task(server: Bmc, settings: Settings) -> MakeTask:
    def make(driver_info: dict[str, Any] | None = None, **values: Any) -> Task:
        node = server.task(**(driver_info or {})).node
        changes = {"boot_interface": "redfish-virtual-media", **values}
        node = msgspec.structs.replace(node, **changes)
        return a_task(settings, node, [a_port(node)])

    return make


def drive(server: Bmc) -> Any:
    return requests.get(server.address + DRIVE, auth=("admin", PASSWORD), timeout=30).json()


def put_in(server: Bmc, url: str) -> None:
    done = requests.post(
        f"{server.address}{DRIVE}/Actions/VirtualMedia.InsertMedia",
        json={"Image": url},
        auth=("admin", PASSWORD),
        timeout=30,
    )
    assert done.ok, done.text


def media(settings: Settings) -> list[Path]:
    return [path for path in settings.http_root.rglob("*") if path.is_file()]


def held(medium: Path, path: str, tmp_path: Path) -> str:
    target = tmp_path / "held"
    target.unlink(missing_ok=True)
    run("xorriso", "-osirrox", "on", "-indev", medium, "-extract", path, target)
    return target.read_text()


def test_a_medium_is_made_inserted_and_taken_away_again(
    server: Bmc, settings: Settings, make_task: MakeTask, tmp_path: Path
) -> None:
    task = make_task(network_data={"links": [], "networks": [], "services": []})
    boot = task.driver.boot
    boot.check_ramdisk(task)
    assert (boot.medium(task), boot.carries_token(task)) == (None, True)

    assert boot.prepare_ramdisk(task, PARAMS) == BootDevice("cdrom", False)
    [medium] = media(settings)
    shown = drive(server)
    assert shown["Inserted"]
    assert shown["Image"] == f"{settings.external_http_url}/vmedia/{medium.name}"
    script = held(medium, "/boot/grub/grub.cfg", tmp_path)
    assert (
        f"linux /boot/kernel 'nofb' 'boot_method=vmedia' 'ipa-api-url=http://10.0.0.1:6385' "
        f"'ipa-agent-token={TOKEN}'\n" in script
    )
    data = held(medium, "/openstack/latest/network_data.json", tmp_path)
    assert json.loads(data) == task.node.network_data

    boot.clean_up_ramdisk(task)
    assert not drive(server)["Inserted"]
    assert media(settings) == []
    boot.clean_up_ramdisk(task)  # and again, as after a crash


def test_nobody_else_finds_the_medium(settings: Settings, make_task: MakeTask) -> None:
    task = make_task()
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    [medium] = media(settings)
    assert stat.S_IMODE(medium.parent.stat().st_mode) == 0o711
    assert len(medium.stem.removeprefix(f"{task.node.uuid}-")) == 43
    assert not list(settings.http_root.rglob("grub.cfg"))


def test_leftovers_of_earlier_attempts_go_first(
    server: Bmc, settings: Settings, make_task: MakeTask
) -> None:
    task = make_task()
    folder = settings.http_root / "vmedia"
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    [first] = media(settings)
    killed = folder / f".{task.node.uuid}-x7" / "tree"
    killed.mkdir(parents=True)
    (killed / "grub.cfg").write_text(TOKEN)
    assert task.driver.boot.medium(task) is None  # what is in the drive is nobody else's

    task.driver.boot.prepare_ramdisk(task, PARAMS)
    [second] = media(settings)
    assert second != first
    assert drive(server)["Image"].endswith(second.name)
    assert [path.name for path in folder.iterdir()] == [second.name]


def test_what_was_in_the_drive_is_put_back(
    server: Bmc, settings: Settings, make_task: MakeTask
) -> None:
    (settings.http_root / "theirs.iso").write_bytes(b"theirs")
    theirs = f"{settings.external_http_url}/theirs.iso"
    put_in(server, theirs)
    task = make_task()
    assert task.driver.boot.medium(task) == theirs
    before = HowItWas(power_state="power on", medium=theirs)
    task = replace(task, node=msgspec.structs.replace(task.node, before_rescue=before))
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    assert drive(server)["Image"] != theirs
    task.driver.boot.clean_up_ramdisk(task)
    assert drive(server)["Image"] == theirs
    count = len(server.requests)
    task.driver.boot.clean_up_ramdisk(task)
    assert not [line for line in server.requests[count:] if line.startswith("POST")]


class AnOlderBmc(Quirk):
    """Its drives are under the manager, and it wants TransferProtocolType."""

    told: Sequence[Any] = ()

    def answer(self, environ: dict[str, Any]) -> Any:
        path = environ["PATH_INFO"]
        if path == SYSTEM_PATH and environ["REQUEST_METHOD"] == "GET":
            shown = self.inner(environ)
            del shown["VirtualMedia"]
            return "200 OK", [], shown
        if path == MANAGER_PATH:
            link = {"@odata.id": f"{SYSTEM_PATH}/VirtualMedia"}
            return "200 OK", [], {**self.inner(environ), "VirtualMedia": link}
        if path.endswith("InsertMedia"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
            self.told = (*self.told, json.loads(body))
            if "TransferProtocolType" not in self.told[-1]:
                return "400 Bad Request", [], MISSING_PROTOCOL
        return None


def test_drives_of_the_manager_are_found_and_a_protocol_is_told_if_it_must_be(
    server: Bmc, settings: Settings, make_task: MakeTask
) -> None:
    older = AnOlderBmc(server)
    task = make_task()
    task.driver.boot.prepare_ramdisk(task, PARAMS)
    assert [message.get("TransferProtocolType") for message in older.told] == [None, "HTTP"]
    [medium] = media(settings)
    assert drive(server)["Image"].endswith(medium.name)
    task.driver.boot.clean_up_ramdisk(task)
    assert not drive(server)["Inserted"]


MISSING_PROTOCOL = {
    "error": {
        "code": "Base.1.5.ActionParameterMissing",
        "message": "a parameter is missing",
        "@Message.ExtendedInfo": [
            {
                "MessageId": "Base.1.5.ActionParameterMissing",
                "RelatedProperties": ["#/TransferProtocolType"],
            }
        ],
    }
}


def test_a_medium_that_could_not_be_put_back_is_left_where_it_is(
    server: Bmc, make_task: MakeTask
) -> None:
    console = {"Id": "Cd", "Name": "CD", "MediaTypes": ["CD"], "Inserted": True}
    server.answers("200 OK", json.dumps(console | {"ConnectedVia": "Applet"}).encode(), to=_GET)
    task = make_task()
    with pytest.raises(InvalidDriverInfo, match=r"drive Cd of node .* is in use.*remote console"):
        task.driver.boot.check_ramdisk(task)


_GET = f"GET {DRIVE}"


def test_a_bmc_without_a_drive_is_named_before_anything_happens(
    server: Bmc, make_task: MakeTask
) -> None:
    usb = {"Id": "Usb", "Name": "USB", "MediaTypes": ["USBStick"]}
    server.answers("200 OK", json.dumps(usb).encode(), to=f"{_GET}")
    task = make_task()
    with pytest.raises(InvalidDriverInfo, match=r"offers no virtual CD drive.*licence"):
        task.driver.boot.check_ramdisk(task)


def test_a_bmc_that_cannot_reach_the_medium(settings: Settings, make_task: MakeTask) -> None:
    task = make_task({"external_http_url": "http://127.0.0.1:1/boot"})
    with pytest.raises(BMCError) as caught:
        task.driver.boot.prepare_ramdisk(task, PARAMS)
    assert "It was to fetch it from http://127.0.0.1:1/boot/vmedia/" in str(caught.value)
    assert "[deploy]external_http_url" in str(caught.value)
    [medium] = media(settings)
    assert medium.stem not in str(caught.value)  # who reads the error knows no token
    assert not caught.value.final
    task.driver.boot.clean_up_ramdisk(task)
    assert media(settings) == []


def test_a_ready_made_iso_is_inserted_as_it_is(
    server: Bmc, settings: Settings, make_task: MakeTask, tmp_path: Path
) -> None:
    ready = an_iso(tmp_path, "-e")
    task = make_task({"rescue_iso": f"file://{ready}"})
    boot = task.driver.boot
    boot.validate(task)
    assert not boot.carries_token(task)
    boot.check_ramdisk(task)
    boot.prepare_ramdisk(task, {"ipa-api-url": PARAMS["ipa-api-url"]})
    [medium] = media(settings)
    assert medium.read_bytes() == ready.read_bytes()
    assert drive(server)["Image"].endswith(medium.name)
    boot.clean_up_ramdisk(task)
    assert (media(settings), ready.exists()) == ([], True)


def an_iso(folder: Path, option: str) -> Path:
    """A bootable one: `-b` for BIOS, `-e` for UEFI."""
    (folder / "tree").mkdir()
    (folder / "tree/loader").write_bytes(bytes(4096))
    run(
        *("xorriso", "-as", "mkisofs", "-quiet", "-o", folder / "ready.iso"),
        *(option, "loader", "-no-emul-boot", folder / "tree"),
    )
    return folder / "ready.iso"


def test_an_iso_for_another_firmware_is_refused(make_task: MakeTask, tmp_path: Path) -> None:
    ready = an_iso(tmp_path, "-b")
    task = make_task({"rescue_iso": f"file://{ready}"})
    task.driver.management.set_boot_mode(task, "uefi")
    with pytest.raises(ImageError, match="boots on bios only, and the server is set to uefi"):
        task.driver.boot.check_ramdisk(task)
    task.driver.management.set_boot_mode(task, "bios")
    task.driver.boot.check_ramdisk(task)


def test_what_is_no_iso_is_refused(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task({"rescue_iso": f"file://{tmp_path}/kernel"})
    with pytest.raises(ImageError, match="is no ISO that a server could boot from"):
        task.driver.boot.check_ramdisk(task)
    task = make_task({"rescue_iso": f"file://{tmp_path}/none.iso"})
    with pytest.raises(InvalidDriverInfo, match=r"there is no file .*none\.iso"):
        task.driver.boot.validate(task)


def test_secure_boot_refuses_an_unsigned_kernel(
    make_task: MakeTask, settings: Settings, tmp_path: Path
) -> None:
    says_so = {"properties": {"capabilities": "boot_mode:uefi,secure_boot:true"}}
    for values in ({"secure_boot": True}, says_so):
        task = make_task(**values)
        with pytest.raises(ImageError, match="Secure Boot on, and the rescue kernel is not signed"):
            task.driver.boot.probe_ramdisk(task)
        with pytest.raises(ImageError, match="is not signed"):
            task.driver.boot.check_ramdisk(task)
        assert media(settings) == []
    images = {"rescue_kernel": f"file://{SIGNED}", "rescue_ramdisk": f"file://{tmp_path}/ramdisk"}
    task = make_task(images, secure_boot=True)
    task.driver.boot.probe_ramdisk(task)
    task.driver.boot.check_ramdisk(task)


def test_secure_boot_may_be_known_to_the_bmc_alone(make_task: MakeTask) -> None:
    task = make_task()
    task.driver.management.set_boot_mode(task, "uefi")
    task.driver.management.set_secure_boot(task, True)
    assert task.driver.management.get_secure_boot(task) is True
    task.driver.boot.probe_ramdisk(task)
    with pytest.raises(ImageError, match="is not signed"):
        task.driver.boot.check_ramdisk(task)


def test_a_node_without_ports_is_refused(make_task: MakeTask) -> None:
    task = replace(make_task(), ports=())
    with pytest.raises(InvalidDriverInfo, match="does not have any port associated with it"):
        task.driver.boot.validate(task)


def test_a_host_that_cannot_make_media_is_refused(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iso, "missing_packages", lambda: ["xorriso"])
    task = make_task()
    with pytest.raises(InvalidDriverInfo, match="make rescue media: apt-get install xorriso"):
        task.driver.boot.validate(task)


def test_properties_name_the_images() -> None:
    known = RedfishVirtualMedia(Settings()).properties()
    assert {"rescue_iso", "rescue_kernel", "external_http_url", "redfish_address"} <= set(known)
