"""A BMC's virtual CD drives (Redfish VirtualMedia, DSP0268): what is in them, and changing it."""

from sushy import VirtualMediaType
from sushy.exceptions import (
    AccessError,
    HTTPError,
    MissingAttributeError,
    ResourceNotFoundError,
)
from sushy.resources.manager.manager import Manager
from sushy.resources.manager.virtual_media import VirtualMedia
from sushy.resources.system.system import System

from stbernard.drivers.base import Task
from stbernard.drivers.redfish.bmc import BUSY, system
from stbernard.errors import BMCError, InvalidDriverInfo

_DISCS = {VirtualMediaType.CD, VirtualMediaType.DVD}


def foreign_medium(task: Task, ours: str) -> str | None:
    """The URL of the medium that has to make room for a rescue's; None if a drive is free.

    `ours`: what the address of a medium of this node's rescues holds. Raises InvalidDriverInfo if
    there is no virtual CD drive, or none that could be given back as it was; BMCError."""
    with system(task) as server:
        drive = _drive(task, _drives(server), ours)
        if not _is_foreign(drive, ours):
            return None
        if not drive.image:
            raise InvalidDriverInfo(
                f"The virtual CD drive {drive.identity} of node {task.node.uuid} is in use, and "
                "the BMC does not say by what: somebody's remote console, perhaps. Eject the "
                "medium there, then rescue again."
            )
        return str(drive.image)


def insert(task: Task, url: str, ours: str) -> None:
    """Put this medium into a drive, after ejecting what earlier attempts left. Raises BMCError."""
    with system(task) as server:
        drives = _drives(server)
        _eject(task, drives, ours)
        drive = _drive(task, drives, ours)
        if drive.inserted or drive.image:
            _empty(task, drive)
        try:
            drive.insert_media(url)
        except HTTPError as error:
            if isinstance(error, AccessError) or error.status_code in BUSY:
                raise
            raise BMCError(_refusal(task, url, error)) from None


def eject(task: Task, ours: str, before: str | None) -> None:
    """Take our media out, and put back what was there before the rescue. Raises BMCError."""
    with system(task) as server:
        drives = _drives(server)
        _eject(task, drives, ours)
        if before and not any(drive.image == before for drive in drives):
            _drive(task, drives, ours).insert_media(before)


def _drives(server: System) -> list[VirtualMedia]:
    """Those of the system, as newer BMCs have them, else those of its managers."""
    return _discs(server) or [drive for each in managers(server) for drive in _discs(each)]


def managers(server: System) -> list[Manager]:
    """Its BMCs, where it says which they are."""
    try:
        return list(server.managers)
    except MissingAttributeError:
        return []


def _discs(owner: System | Manager) -> list[VirtualMedia]:
    try:
        found = owner.virtual_media.get_members()
    except (MissingAttributeError, ResourceNotFoundError):
        return []
    return [drive for drive in found if _takes_discs(drive)]


def _takes_discs(drive: VirtualMedia) -> bool:
    """By its media types; some BMCs do not say them, but have a name for it."""
    if drive.media_types:
        return bool(_DISCS & {*drive.media_types})
    return "cd" in f"{drive.identity} {drive.name}".lower()


def _drive(task: Task, drives: list[VirtualMedia], ours: str) -> VirtualMedia:
    """The one for a rescue: the first that no medium of somebody else's is in, else the first."""
    if not drives:
        raise InvalidDriverInfo(
            f"The BMC of node {task.node.uuid} offers no virtual CD drive (Redfish VirtualMedia). "
            "Many need a licence for it. Else boot over the network: openstack baremetal node set "
            "--boot-interface ipxe NODE"
        )
    return next((drive for drive in drives if not _is_foreign(drive, ours)), drives[0])


def _is_foreign(drive: VirtualMedia, ours: str) -> bool:
    return bool(drive.inserted or drive.image) and not _is_ours(drive, ours)


def _is_ours(drive: VirtualMedia, ours: str) -> bool:
    return ours in f"{drive.image} {drive.image_name}"


def _eject(task: Task, drives: list[VirtualMedia], ours: str) -> None:
    for drive in drives:
        if _is_ours(drive, ours):
            _empty(task, drive)


def _empty(task: Task, drive: VirtualMedia) -> None:
    drive.eject_media()
    drive.refresh(force=True)  # sushy takes most refusals for an agreement
    if drive.inserted:
        raise BMCError(
            f"The BMC of node {task.node.uuid} does not eject the medium from its virtual CD drive "
            f"{drive.identity}. Look at its event log, and eject it on the BMC's own pages."
        )


def _refusal(task: Task, url: str, error: HTTPError) -> str:
    """Without the medium's address: who knows it could read the agent's token."""
    folder, _, name = url.rpartition("/")
    said = (error.detail or "no reason given").replace(name, "…")
    return (
        f"The BMC of node {task.node.uuid} does not take the rescue medium (HTTP "
        f"{error.status_code}: {said}). It was to fetch it from {folder}/: check that the BMC's "
        "network reaches this address ([deploy]external_http_url), and that virtual media is "
        "licensed."
    )
