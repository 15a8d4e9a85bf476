"""What a machine prints on its serial port."""

import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path

POLL_SECONDS = 0.05


class SerialLog:
    """Waits for lines in a log that grows; like expect, each wait goes on where the last ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0

    def wait(self, pattern: str, timeout: float) -> re.Match[str]:
        """The next match of the regular expression `pattern`, within `timeout` seconds.

        Raises TimeoutError with the end of the log.
        """
        end = time.monotonic() + timeout
        while not (match := re.search(pattern, self.unread(), re.MULTILINE)):
            if time.monotonic() > end:
                tail = self.unread()[-2000:]
                raise TimeoutError(f"no {pattern!r} in {timeout} s; {self.path} ends:\n{tail}")
            time.sleep(POLL_SECONDS)
        self._position += match.end()
        return match

    def skip(self) -> None:
        """Go on at the present end of the log."""
        self._position += len(self.unread())

    def unread(self) -> str:
        """What no wait has gone past yet."""
        # One byte is one character, so that positions do not depend on how much was decoded.
        return self.path.read_bytes().decode("latin-1")[self._position :]


def stamp_lines(log: Path) -> None:
    """Follow `log` for ever; repeat each line in `NAME.stamped` with the time it was completed."""
    stamped = log.with_name(log.name + ".stamped")
    with log.open("rb") as lines:
        lines.seek(0, os.SEEK_END)
        line = b""
        with stamped.open("a") as out:
            while True:
                line += lines.readline()
                if not line.endswith(b"\n"):
                    time.sleep(POLL_SECONDS)
                    continue
                if text := line.strip().decode(errors="replace"):
                    now = datetime.now(UTC).isoformat(timespec="milliseconds")
                    out.write(f"{now} {text}\n")
                    out.flush()
                line = b""
