"""The boot interface `redfish-virtual-media`: an ISO made for the node, in the BMC's CD drive.

Below [deploy]http_root:
    vmedia/<node uuid>-<43 random characters>.iso    the agent's token is in it

Nobody but the BMC is told the address, and no other user of this host may list the folder.
"""

import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stbernard.drivers import ramdisk, secure_boot
from stbernard.drivers.base import Task
from stbernard.drivers.redfish import drive, driver_info
from stbernard.errors import HardwareError, ImageError, InvalidDriverInfo
from stbernard.files import link_or_copy
from stbernard.images import iso
from stbernard.nodes import BootDevice
from stbernard.settings import Settings

_PROPERTIES = {
    **driver_info.PROPERTIES,
    **ramdisk.PROPERTIES,
    "rescue_iso": "URL (file, http, https) of a ready-made ISO to boot instead of kernel and "
    "ramdisk. Defaults to [conductor]rescue_iso.",
    "rescue_iso_checksum": "SHA-256 or SHA-512 of that ISO in hexadecimal digits. Optional.",
    "kernel_append_params": "Kernel arguments instead of [redfish]kernel_append_params; "
    "%default% stands for those.",
    "external_http_url": "The address of the boot files for this node's BMC. "
    "Defaults to [deploy]external_http_url.",
}
_UNLISTED = 0o711  # only whom the name was told finds a file


class RedfishVirtualMedia:
    def __init__(self, settings: Settings) -> None:
        pass

    def properties(self) -> Mapping[str, str]:
        return _PROPERTIES

    def validate(self, task: Task) -> None:
        driver_info.read(task.node, task.settings)
        if not task.ports:
            raise InvalidDriverInfo(
                f"Node {task.node.uuid} does not have any port associated with it: the agent in "
                "the ramdisk is known by its MAC address."
            )
        ramdisk.check_hrefs(task, _hrefs(task))
        _arguments(task, {})
        if not _rescue_iso(task) and (missing := iso.missing_packages()):
            raise InvalidDriverInfo(
                "The service's host cannot make rescue media: apt-get install " + " ".join(missing)
            )

    def check_ramdisk(self, task: Task) -> None:
        self.validate(task)
        drive.foreign_medium(task, _ours(task))  # it knows whether there is a drive
        images = ramdisk.fetch(task, _hrefs(task))
        if "rescue_iso" in images:
            _check_firmware(task, images["rescue_iso"])
        else:
            secure_boot.check_kernel(task, images["rescue_kernel"])

    def probe_ramdisk(self, task: Task) -> None:
        hrefs = _hrefs(task)
        ramdisk.probe_all(task, hrefs)
        if "rescue_kernel" in hrefs:
            secure_boot.probe_kernel(task, hrefs["rescue_kernel"])

    def carries_token(self, task: Task) -> bool:
        return _rescue_iso(task) is None

    def medium(self, task: Task) -> str | None:
        return drive.foreign_medium(task, _ours(task))

    def prepare_ramdisk(self, task: Task, params: Mapping[str, str]) -> BootDevice:
        name = f"{_ours(task)}{secrets.token_urlsafe(32)}.iso"
        _remove_files(task)  # of an earlier try
        try:
            _make_medium(task, params, name)
        except OSError as error:
            raise ImageError(
                f"The rescue medium of node {task.node.uuid} cannot be written below "
                f"{_folder(task)}: {error.strerror}. Check its space and rights."
            ) from error
        drive.insert(task, f"{_url(task)}/vmedia/{name}", _ours(task))
        return BootDevice("cdrom", ramdisk.always(task.node))

    def clean_up_ramdisk(self, task: Task) -> None:
        _remove_files(task)
        before = task.node.before_rescue
        drive.eject(task, _ours(task), before.medium if before else None)


def _rescue_iso(task: Task) -> str | None:
    """The ready-made ISO: the node's own, or the settings' if it has no kernel and ramdisk."""
    info = task.node.driver_info
    own = info.get("rescue_iso")
    if own or any(info.get(name) for name in ramdisk.IMAGES):
        return str(own) if own else None
    return task.settings.conductor.rescue_iso


def _hrefs(task: Task) -> dict[str, str]:
    """What the medium is made of, or is."""
    ready = _rescue_iso(task)
    return {"rescue_iso": ready} if ready else ramdisk.hrefs(task)


def _arguments(task: Task, params: Mapping[str, str]) -> str:
    default = task.settings.redfish.kernel_append_params
    return ramdisk.kernel_arguments(task.node, default, {"boot_method": "vmedia", **params})


def _make_medium(task: Task, params: Mapping[str, str], name: str) -> None:
    folder = _folder(task)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(_UNLISTED)
    images = ramdisk.fetched(task, _hrefs(task))
    if ready := images.get("rescue_iso"):
        link_or_copy(ready, folder / name)
        return
    network_data = json.dumps(task.node.network_data).encode() if task.node.network_data else b""
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{_ours(task)}") as scratch:
        made = iso.write_iso(
            Path(scratch),
            iso.ensure_loaders(task.settings.image_cache),
            {"kernel": images["rescue_kernel"], "ramdisk": images["rescue_ramdisk"]},
            _arguments(task, params),
            network_data,
        )
        made.rename(folder / name)


def _check_firmware(task: Task, image: Path) -> None:
    """Raise ImageError if the server's firmware finds nothing to boot on it; BMCError."""
    modes, mode = iso.boot_modes(image), task.driver.management.get_boot_mode(task)
    if not modes:
        raise ImageError(
            f"The rescue_iso of node {task.node.uuid} is no ISO that a server could boot from (it "
            "has no El Torito boot catalog). Check that it is the right file."
        )
    if mode and mode not in modes:
        raise ImageError(
            f"The rescue_iso of node {task.node.uuid} boots on {', '.join(sorted(modes))} only, "
            f"and the server is set to {mode}. Take an ISO for both, or change the server: "
            f"openstack baremetal node boot mode set NODE {min(modes)}"
        )


def _remove_files(task: Task) -> None:
    """Media of this node, and what a killed service left of one in the making."""
    folder = _folder(task)
    try:
        for path in folder.glob(f"{_ours(task)}*"):
            path.unlink(missing_ok=True)
        for path in folder.glob(f".{_ours(task)}*"):
            shutil.rmtree(path)
    except OSError as error:
        raise HardwareError(
            f"The rescue medium of node {task.node.uuid} cannot be removed from {folder}: "
            f"{error.strerror}. Check its rights."
        ) from error


def _folder(task: Task) -> Path:
    return task.settings.http_root / "vmedia"


def _ours(task: Task) -> str:
    """How the names of this node's media begin."""
    return f"{task.node.uuid}-"


def _url(task: Task) -> str:
    own = task.node.driver_info.get("external_http_url")
    return str(own or task.settings.external_http_url).rstrip("/")
