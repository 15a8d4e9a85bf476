"""Rescue media: an ISO for BIOS and UEFI, with Secure Boot or without, made for one node.

Kernel and ramdisk go in by hard link and the boot loaders are made once, so that all there is to do
for a node is one run of xorriso. For UEFI they are Debian's signed shim and GRUB.
"""

import hashlib
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from stbernard.errors import ImageError, ProgramError
from stbernard.files import link_or_copy
from stbernard.programs import run

LABEL = "config-2"  # of the volume: where OpenStack's config drives are looked for
SHIM = Path("/usr/lib/shim/shimx64.efi.signed")
GRUB_UEFI = Path("/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed")
GRUB_BIOS = Path("/usr/lib/grub/i386-pc/cdboot.img")

_NEEDED = {  # on the host: package → a file of it
    "grub-common": "grub-mkimage",
    "grub-efi-amd64-signed": str(GRUB_UEFI),
    "grub-pc-bin": str(GRUB_BIOS),
    "mtools": "mcopy",
    "shim-signed": str(SHIM),
    "xorriso": "xorriso",
}
_BIOS_MODULES = ("biosdisk", "echo", "iso9660", "linux", "normal", "search", "search_fs_file")
_FIND_ITSELF = "search --file --set=root /boot/grub/grub.cfg\nset prefix=($root)/boot/grub\n"
_LOADERS = ("bios.img", "uefi.img")
_GRUB_CONFIGURATION = """\
echo 'Loading the rescue ramdisk. From a virtual medium this may take minutes.'
linux /boot/kernel {arguments}
initrd /boot/ramdisk
boot
"""

_SECTOR = 2048
_DESCRIPTOR = 17 * _SECTOR  # El Torito 1.0, chapter 2
_FIRMWARE = {0x00: "bios", 0xEF: "uefi"}  # by platform id; UEFI 2.10, 13.3.2.1


def missing_packages() -> list[str]:
    """The Debian packages that this host lacks for making media."""
    return [name for name, file in _NEEDED.items() if shutil.which(file, os.F_OK) is None]


def ensure_loaders(cache: Path) -> Path:
    """The folder with the boot loaders, made in `cache` if it is not there (0.2 s).

    Raises ImageError."""
    sources = (GRUB_BIOS, GRUB_UEFI, SHIM)
    states = [f"{path} {path.stat().st_mtime_ns}" for path in sources]
    key = hashlib.sha256("\n".join(states).encode()).hexdigest()[:16]
    ready = cache / f"loaders-{key}"
    if ready.exists():
        return ready
    with tempfile.TemporaryDirectory(dir=cache, prefix=".loaders-") as name:
        made = Path(name) / "made"
        made.mkdir()
        try:
            _make_loader_for_bios(made)
            _make_loader_for_uefi(made)
        except ProgramError as error:
            raise ImageError(f"No boot loader for rescue media: {error}") from error
        try:
            made.rename(ready)
        except OSError:
            if not ready.is_dir():  # else somebody else has made the same meanwhile
                raise
    return ready


def write_iso(
    folder: Path, loaders: Path, images: Mapping[str, Path], arguments: str, network_data: bytes
) -> Path:
    """Make a medium with these `images` (`kernel`, `ramdisk`) and kernel arguments in an empty
    folder that nobody else may look into, for both hold secrets.

    `network_data`: the content of network_data.json, empty for none. Raises ImageError, OSError."""
    tree, iso = folder / "tree", folder / "iso"
    for each in ("boot/grub", ".disk", "openstack/latest"):
        (tree / each).mkdir(parents=True)
    for loader in _LOADERS:
        link_or_copy(loaders / loader, tree / "boot" / loader)
    for name, image in images.items():
        link_or_copy(image, tree / "boot" / name)
    configuration = _GRUB_CONFIGURATION.format(arguments=_quoted(arguments))
    (tree / "boot/grub/grub.cfg").write_text(configuration)
    (tree / ".disk/info").write_text("St. Bernard\n")  # what the signed GRUB looks for
    if network_data:
        (tree / "openstack/latest/network_data.json").write_bytes(network_data)
    try:
        run(*_mkisofs(tree, iso))
    except ProgramError as error:
        raise ImageError(f"The rescue medium cannot be made: {error}") from error
    iso.chmod(0o644)
    return iso


def boot_modes(image: Path) -> frozenset[str]:
    """Which firmware finds something to boot on an ISO: `bios`, `uefi`; none: it is not bootable.

    From its El Torito boot catalog. Raises OSError."""
    with image.open("rb") as file:
        file.seek(_DESCRIPTOR)
        descriptor = file.read(_SECTOR)
        if descriptor[1:6] != b"CD001" or not descriptor[7:].startswith(b"EL TORITO"):
            return frozenset()
        file.seek(struct.unpack_from("<I", descriptor, 0x47)[0] * _SECTOR)
        platforms = frozenset(_platforms(file.read(_SECTOR)))
    return frozenset(_FIRMWARE[each] for each in platforms if each in _FIRMWARE)


def _platforms(catalog: bytes) -> Iterator[int]:
    """The platform of each bootable entry. A header, the first one being the validation entry, says
    the platform of the entries that follow it."""
    platform = 0
    for at in range(0, len(catalog), 32):
        indicator = catalog[at]
        if indicator in (0x01, 0x90, 0x91):
            platform = catalog[at + 1]
        elif indicator == 0x88:  # noqa: PLR2004 - bootable
            yield platform
        else:
            return


def _mkisofs(tree: Path, iso: Path) -> tuple[str | Path, ...]:
    return (
        *("xorriso", "-report_about", "SORRY", "-stdio_sync", "off", "-as", "mkisofs"),
        *("-quiet", "-V", LABEL, "-R", "-o", iso),
        *("-b", "boot/bios.img", "-no-emul-boot", "-boot-load-size", "4"),
        *("-boot-info-table", "--grub2-boot-info"),
        *("-eltorito-alt-boot", "-e", "boot/uefi.img", "-no-emul-boot"),
        tree,
    )


def _make_loader_for_bios(folder: Path) -> None:
    early = folder / "early.cfg"
    early.write_text(_FIND_ITSELF)
    run(
        *("grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/boot/grub", "-c", early),
        *("-o", folder / "bios.img", *_BIOS_MODULES),
    )


def _make_loader_for_uefi(folder: Path) -> None:
    """A FAT image: UEFI boots from a CD what it would boot from a disk's system partition."""
    image = folder / "uefi.img"
    sectors = (SHIM.stat().st_size + GRUB_UEFI.stat().st_size) // 512 + 300
    run("mformat", "-C", "-i", image, "-T", str(sectors), "::")
    run("mmd", "-i", image, "::EFI", "::EFI/BOOT")
    run("mcopy", "-i", image, SHIM, "::EFI/BOOT/BOOTX64.EFI")
    run("mcopy", "-i", image, GRUB_UEFI, "::EFI/BOOT/grubx64.efi")


def _quoted(arguments: str) -> str:
    """Kernel arguments as GRUB's shell takes them: `$`, `;` and the like mean nothing there."""
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in arguments.split())
