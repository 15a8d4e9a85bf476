"""The boot medium's network_data.json: an ISO 9660 volume `config-2`, as config drives are."""

import contextlib
import json
import subprocess
import time
from pathlib import Path
from typing import Any

from stbernard_agent.console import Console

BLOCK_DEVICES = Path("/sys/class/block")
DEVICES = Path("/dev")
LABEL = b"config-2"
FILE = "openstack/latest/network_data.json"
LOOK_FOR = 30.0  # seconds; a USB drive's driver takes its time
VOLUME_DESCRIPTOR = 32768  # byte at which ISO 9660 (ECMA-119) has it: 1, CD001, 1, …
LABEL_AT = 40  # … and the volume's name in it


def network_data(console: Console, folder: Path) -> Any:
    """What the medium that this ramdisk was booted from says; None where it says nothing.

    Only drives for media are looked at, never a disk: a config drive there is the instance's."""
    deadline = time.monotonic() + LOOK_FOR
    while not (device := _find()):
        if time.monotonic() > deadline:
            console.say("no boot medium 'config-2' found: the network is left to DHCP")
            return None
        time.sleep(0.2)
    return _read(device, console, folder)


def _find() -> Path | None:
    for device in sorted(BLOCK_DEVICES.iterdir()):
        is_medium = device.name.startswith("sr") or _says(device / "removable") == "1"
        if is_medium and _label(DEVICES / device.name) == LABEL:
            return DEVICES / device.name
    return None


def _label(device: Path) -> bytes:
    with contextlib.suppress(OSError), device.open("rb") as volume:
        volume.seek(VOLUME_DESCRIPTOR)
        start = volume.read(LABEL_AT + 32)
        if start[1:6] == b"CD001":
            return start[LABEL_AT:].strip(b"\0 ").lower()
    return b""


def _read(device: Path, console: Console, folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "iso9660", "-o", "ro", str(device), str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        console.say(f"the boot medium {device} cannot be mounted: {mounted.stderr.strip()}")
        return None
    try:
        return json.loads((folder / FILE).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        console.say(f"{FILE} on the boot medium cannot be read: {error}")
        return None
    finally:
        subprocess.run(["umount", str(folder)], capture_output=True, check=False)


def _says(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
