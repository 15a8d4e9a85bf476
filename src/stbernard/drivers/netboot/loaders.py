"""The boot loaders that firmware fetches: iPXE and GRUB, of Debian's packages, in both boot roots.

tftp_root, http_root/undionly.kpxe, snponly.efi, bootx64.efi, grubx64.efi …
                     copies of [pxe]loader_file_paths
tftp_root/grub.pxe   GRUB for BIOS, made here
…/grub/grub.cfg      where GRUB starts, boot.ipxe where iPXE does
"""

import shutil
import tempfile
from pathlib import Path

from stbernard.drivers.base import Task
from stbernard.drivers.netboot.script import BOOT_SCRIPT, GRUB_SCRIPT
from stbernard.errors import InvalidDriverInfo, ProgramError, SettingsError
from stbernard.files import link_or_copy, write_atomically
from stbernard.programs import run
from stbernard.settings import Settings

GRUB_FOR_BIOS, GRUB_FOR_HTTP = "grub.pxe", "grub-http.efi"
_GRUB = Path("/usr/lib/grub")
_IN_IT = ("tftp", "http", "normal", "linux", "echo", "test", "configfile", "boot", "sleep")
_START_OVER_HTTP = "set prefix=$cmdpath/grub\n"  # where it came from, port and all


def write_boot_roots(settings: Settings) -> None:
    """Have all there that every machine starts from. Raises SettingsError."""
    write_boot_script(settings)
    enabled = {*settings.default.enabled_boot_interfaces}
    if enabled & {"http", "http-ipxe"}:
        _fill("[deploy]http_root", settings.http_root, settings)
        _make_grub(settings.http_root / GRUB_FOR_HTTP, "x86_64-efi", ("efinet",), _START_OVER_HTTP)
    if "pxe" in enabled or settings.dhcp.dhcp_provider != "none":
        _fill("[pxe]tftp_root", settings.tftp_root, settings)
        _make_grub(settings.tftp_root / GRUB_FOR_BIOS, "i386-pc-pxe", ("pxe",))


def write_boot_script(settings: Settings) -> None:
    """Have the script there that DHCP points iPXE at. Raises SettingsError."""
    root = settings.http_root
    try:
        root.mkdir(parents=True, exist_ok=True)
        write_atomically(root / "boot.ipxe", BOOT_SCRIPT.encode())
    except OSError as error:
        raise _unwritable("[deploy]http_root", root, error) from error


def check_loader(task: Task, root: Path, name: str) -> None:
    """Raise InvalidDriverInfo if the loader is not there for the server to fetch."""
    if not (root / name).is_file():
        raise InvalidDriverInfo(
            f"Node {task.node.uuid} is to start by {name}, which is not in {root}. Install what "
            "has it (ipxe; shim-signed and grub-efi-amd64-signed; grub-common with grub-pc-bin for "
            "BIOS, with grub-efi-amd64-bin for HTTP boot) and start the service again, or name it "
            "in [pxe]loader_file_paths."
        )


def _fill(option: str, root: Path, settings: Settings) -> None:
    try:
        (root / "grub").mkdir(parents=True, exist_ok=True)
        write_atomically(root / "grub" / "grub.cfg", GRUB_SCRIPT.encode())
        for name, source in settings.pxe.loader_file_paths.items():
            if Path(source).is_file():
                link_or_copy(Path(source), root / name)
    except OSError as error:
        raise _unwritable(option, root, error) from error


def _make_grub(image: Path, form: str, network: tuple[str, ...], start: str | None = None) -> None:
    """Of the modules in Debian's grub-*-bin; `start`: its first commands, else grub/grub.cfg."""
    if not (_GRUB / form.removesuffix("-pxe")).is_dir() or not shutil.which("grub-mkimage"):
        return  # check_loader names it to those who need it
    try:
        with tempfile.TemporaryDirectory() as scratch:
            first: tuple[str | Path, ...] = ()
            if start:
                (Path(scratch) / "start.cfg").write_text(start)
                first = ("-c", Path(scratch) / "start.cfg")
            to = ("-O", form, "-o", image, "-p", "/grub")
            run("grub-mkimage", *to, *first, *network, *_IN_IT)
    except ProgramError as error:
        raise SettingsError(f"GRUB cannot be made: {error}") from error


def _unwritable(option: str, root: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"{option}: {root} cannot be written to: {error.strerror}. "
        "Give the service's user the right to, or name another folder."
    )
