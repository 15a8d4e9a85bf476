"""Tells the person at the server's console what the agent is doing, one line at a time."""

import os
import time
from pathlib import Path

ACTIVE_CONSOLES = Path("/sys/class/tty/console/active")
REPEAT_AFTER = 300.0  # seconds until the same trouble is worth a second line


class Console:
    """Lines on standard output, and on every other console the kernel writes to.

    The init of the ramdisk gives standard output as /dev/console, which is the last of the kernel's
    consoles: a screen and a serial line both show what goes on.
    """

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._others = [Path("/dev", name) for name in _active_consoles()[:-1]]

    def say(self, line: str) -> None:
        """Write one line with the seconds since power on (CLOCK_BOOTTIME)."""
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
        text = f"stbernard-agent[{uptime:4.1f}s]: {line}\n"
        print(text, end="", flush=True)
        for device in self._others:
            _write(device, text)

    def trouble(self, line: str) -> None:
        """Write a line about something that will be tried again, but not at each try."""
        now = time.monotonic()
        if now - self._said.get(line, -REPEAT_AFTER) >= REPEAT_AFTER:
            self._said[line] = now
            self.say(line)


def _active_consoles() -> list[str]:
    try:
        return ACTIVE_CONSOLES.read_text().split()
    except OSError:
        return []


def _write(device: Path, text: str) -> None:
    """Write without waiting: a serial line nobody listens to must not hold up a rescue."""
    try:
        descriptor = os.open(device, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        os.write(descriptor, text.encode())
    except OSError:
        return
    finally:
        os.close(descriptor)
