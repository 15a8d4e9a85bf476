"""The management interface `ipmitool`: the boot flags (parameter 5 of System Boot Options, IPMI
2.0, 28.12), read and written as bytes, so that all of them can be put back."""

from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from stbernard.drivers.base import Task
from stbernard.drivers.capabilities import wanted_boot_mode
from stbernard.drivers.ipmi import ipmitool
from stbernard.drivers.ipmi.driver_info import PROPERTIES
from stbernard.errors import BMCError, InvalidDriverInfo
from stbernard.nodes import BootDevice, Indicator
from stbernard.settings import Settings

_DEVICES = {
    "pxe": 0x1,
    "disk": 0x2,
    "safe": 0x3,
    "cdrom": 0x5,
    "bios": 0x6,
}
_ODD_DEVICES = {  # Ironic has no name for these: they are given out and taken back by ours
    "diagnostic": 0x4,
    "remote-floppy": 0x7,
    "remote-cdrom": 0x8,
    "remote-media": 0x9,
    "remote-disk": 0xB,
    "floppy": 0xF,
}
_CODES = _DEVICES | _ODD_DEVICES
_NAMES = {code: name for name, code in _CODES.items()}

_READ_FLAGS = ("raw", "0x00", "0x09", "0x05", "0x00", "0x00")
_WRITE_FLAGS = ("raw", "0x00", "0x08", "0x05")
_KEEP_THEM = ("raw", "0x00", "0x08", "0x03", "0x08")
"""Parameter 3: do not drop the flags when no boot follows within 60 s."""

_VALID, _ALWAYS, _EFI = 0x80, 0x40, 0x20


class _Flags(NamedTuple):
    """The first two of the five bytes; the others are the console's, which we leave at zero."""

    valid: bool = False
    always: bool = False
    efi: bool = False
    code: int = 0

    def bytes(self) -> tuple[str, ...]:
        first = _VALID * self.valid + _ALWAYS * self.always + _EFI * self.efi
        return (f"{first:#04x}", f"{self.code << 2:#04x}", "0x00", "0x00", "0x00")


class IpmitoolManagement:
    def __init__(self, settings: Settings) -> None:
        pass

    def properties(self) -> Mapping[str, str]:
        return PROPERTIES

    def validate(self, task: Task) -> None:
        ipmitool.check(task)

    def supported_boot_devices(self, task: Task) -> tuple[str, ...]:
        return tuple(_DEVICES)

    def get_boot_device(self, task: Task) -> BootDevice:
        flags = _read(task)
        if not flags.valid:
            return BootDevice(None, None)
        return BootDevice(_NAMES.get(flags.code, _numbered(flags.code)), flags.always)

    def set_boot_device(self, task: Task, device: BootDevice) -> None:
        if device.device is None and device.persistent is None:
            _write(task, _Flags())
            return
        code = _code(task, device.device)
        efi = (wanted_boot_mode(task.node) or _mode(_read(task))) != "bios"
        _write(task, _Flags(valid=True, always=bool(device.persistent), efi=efi, code=code))

    def get_boot_mode(self, task: Task) -> str | None:
        return _mode(_read(task)) or wanted_boot_mode(task.node)

    def set_boot_mode(self, task: Task, mode: str) -> None:
        if mode not in ("bios", "uefi"):
            raise InvalidDriverInfo(
                f"Boot mode '{mode}' is not supported for node {task.node.uuid}. "
                "Supported are ['bios', 'uefi']."
            )
        flags = _read(task)
        if _mode(flags) == mode:
            return
        now = flags if flags.valid else _Flags(valid=True, always=True)
        _write(task, now._replace(efi=mode == "uefi"))

    def get_secure_boot(self, task: Task) -> None:
        return None

    def set_secure_boot(self, task: Task, on: bool) -> None:
        _cannot(task, "Secure Boot")

    def last_start(self, task: Task) -> None:
        """IPMI tells why a server was started last, but not when."""

    def clock(self, task: Task) -> None:
        """Nobody compares it with anything."""

    def inject_nmi(self, task: Task) -> None:
        ipmitool.call(task, "power", "diag")

    def indicators(self, task: Task) -> Mapping[str, Mapping[str, Indicator]]:
        return {}

    def get_indicator(self, task: Task, component: str, name: str) -> str:
        _cannot(task, "indicators")

    def set_indicator(self, task: Task, component: str, name: str, state: str) -> None:
        _cannot(task, "indicators")


def _cannot(task: Task, what: str) -> NoReturn:
    raise InvalidDriverInfo(f"IPMI has no {what} (node {task.node.uuid}).")


def _read(task: Task) -> _Flags:
    """The answer is: version, parameter with its lock bit, then the five bytes."""
    said = ipmitool.call(task, *_READ_FLAGS)
    try:
        first, second = bytes.fromhex(said)[2:4]
    except ValueError:
        raise BMCError(
            f"The BMC of node {task.node.uuid} answered {said.strip()!r} when asked for its boot "
            "flags: it may not know them. Update its firmware."
        ) from None
    return _Flags(
        bool(first & _VALID), bool(first & _ALWAYS), bool(first & _EFI), second >> 2 & 0xF
    )


def _write(task: Task, flags: _Flags) -> None:
    access = ipmitool.check(task)
    keep = access.disable_boot_timeout
    if flags.valid and (task.settings.ipmi.disable_boot_timeout if keep is None else keep):
        ipmitool.call(task, *_KEEP_THEM)
    ipmitool.call(task, *_WRITE_FLAGS, *flags.bytes())


def _code(task: Task, device: str | None) -> int:
    if device is None:
        return 0
    for code in range(0x10):
        if device in (_NAMES.get(code), _numbered(code)):
            return code
    raise InvalidDriverInfo(
        f"Boot device '{device}' is not supported for node {task.node.uuid}. "
        f"Supported are {list(_DEVICES)}."
    )


def _numbered(code: int) -> str | None:
    """A name for the codes that the specification reserves; None: no override but the mode's."""
    return f"device-{code}" if code else None


def _mode(flags: _Flags) -> str | None:
    if not flags.valid:
        return None
    return "uefi" if flags.efi else "bios"
