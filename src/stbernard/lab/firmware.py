"""What a machine's firmware is: SeaBIOS, or OVMF with variables that outlive the power."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stbernard.errors import LabError

Firmware = Literal["bios", "uefi", "secure-boot"]
"""How a machine starts at first: by SeaBIOS, by OVMF, or by OVMF that wants signed loaders.

Told to boot in UEFI mode by its BMC, a `bios` machine takes OVMF too."""

OVMF = Path("/usr/share/OVMF")
VARIABLES = "uefi-variables.fd"


@dataclass(frozen=True)
class UEFI:
    """An OVMF: its code, the variables it starts with, and the QEMU machine it was built for."""

    code: Path
    variables: Path
    machine: str
    options: tuple[str, ...] = ()


PLAIN = UEFI(OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd", "q35,smm=off,graphics=off")
SECURE = UEFI(
    OVMF / "OVMF_CODE_4M.ms.fd",
    OVMF / "OVMF_VARS_4M.ms.fd",  # Microsoft's keys, which signed Debian's shim
    "q35,smm=on,graphics=off",
    # Only code in system management mode may write the variables, so that keys are safe.
    ("-global", "driver=cfi.pflash01,property=secure,value=on"),
)


def check_uefi() -> None:
    """Raises LabError when OVMF is not installed."""
    if not PLAIN.code.exists():
        raise LabError(f"No {PLAIN.code}: apt-get install ovmf")


def uefi_arguments(firmware: Firmware, home: Path) -> list[str]:
    """QEMU's arguments for a boot in UEFI mode; the variables lie in `home`, made when missing.

    They hold the boot entries and their order, as those of a real server do."""
    uefi = SECURE if firmware == "secure-boot" else PLAIN
    variables = home / VARIABLES
    if not variables.exists():
        shutil.copyfile(uefi.variables, variables)
    flash = "if=pflash,format=raw"
    return [
        *("-machine", uefi.machine, *uefi.options),
        *("-drive", f"{flash},unit=0,readonly=on,file={uefi.code}"),
        *("-drive", f"{flash},unit=1,file={variables}"),
    ]


def bios_arguments() -> list[str]:
    return ["-machine", "pc,graphics=off"]


def http_boot_only() -> list[str]:
    """Keeps OVMF from PXE, which it would try before HTTP on the same network card."""
    return [
        word
        for version in ("IPv4", "IPv6")
        for word in ("-fw_cfg", f"name=opt/org.tianocore/{version}PXESupport,string=n")
    ]
