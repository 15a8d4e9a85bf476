"""Waiting for what a machine prints."""

import threading
import time
from pathlib import Path

import pytest

from stbernard.lab.serial import SerialLog, stamp_lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "serial.log"
    path.touch()
    return path


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_each_wait_goes_on_where_the_last_ended(log: Path) -> None:
    append(log, "boot 1\r\nboot 2\r\n")
    serial = SerialLog(log)
    assert [serial.wait(r"boot (\d)", 10)[1] for _ in range(2)] == ["1", "2"]
    with pytest.raises(TimeoutError):
        serial.wait("boot", 0)


def test_waits_for_what_is_yet_to_come(log: Path) -> None:
    serial = SerialLog(log)
    threading.Timer(0.1, append, [log, "here\n"]).start()
    assert serial.wait("here", 10)


def test_skip_forgets_what_was_printed(log: Path) -> None:
    append(log, "old, and not ASCII: ü\n")
    serial = SerialLog(log)
    serial.skip()
    append(log, "new\n")
    assert serial.unread() == "new\n"


def test_a_wait_in_vain_shows_the_end_of_the_log(log: Path) -> None:
    append(log, "Kernel panic - not syncing\n")
    with pytest.raises(TimeoutError, match=r"no 'login:'(?s:.*)Kernel panic"):
        SerialLog(log).wait("login:", 0)


def test_every_line_gets_its_time(log: Path) -> None:
    threading.Thread(target=stamp_lines, args=[log], daemon=True).start()
    stamped = log.with_name("serial.log.stamped")
    end = time.monotonic() + 30
    while not stamped.exists():
        assert time.monotonic() < end
    append(log, "first\r\n\r\nsec")
    append(log, "ond\r\n")
    SerialLog(stamped).wait(r"^\S+T\S+\+00:00 first\n\S+T\S+\+00:00 second$", 30)
