"""When a machine was reset last, also by its own system: a BMC notes it (Redfish LastResetTime)."""

import json
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

EVENTS = "bmc.sock"  # of QEMU; its qmp.sock is for one client at a time
LAST_RESET = "last_reset"
LOOK_AGAIN = 0.5  # seconds until a machine that is off is looked at again


def note_resets(home: Path) -> None:
    """Note each reset of the machine in `home`, for good. To be called from a thread of its own."""
    while True:
        with suppress(OSError, ValueError):  # it is off, or was switched off in mid-line
            listen(home)
        time.sleep(LOOK_AGAIN)


def note_reset(home: Path) -> None:
    new = home / f"{LAST_RESET}.new"
    new.write_text(datetime.now(UTC).isoformat(timespec="seconds"))
    new.rename(home / LAST_RESET)


def last_reset(home: Path) -> datetime | None:
    """None if it was never switched on."""
    try:
        return datetime.fromisoformat((home / LAST_RESET).read_text())
    except FileNotFoundError:
        return None


def listen(home: Path) -> None:
    """Note its resets as long as it is on (QMP is a JSON object a line). Raises OSError if it is
    off."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(home / EVENTS))
        monitor.sendall(b'{"execute": "qmp_capabilities"}\n')
        for line in monitor.makefile():
            if json.loads(line).get("event") == "RESET":
                note_reset(home)
