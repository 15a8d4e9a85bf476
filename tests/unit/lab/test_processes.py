"""Programs are found by their pid files, and nobody else's is touched."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stbernard.lab import processes

Start = Callable[[str, Path], Path]

WAITING = "import sys, time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITING


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    children = []

    def start(code: str, argument: Path) -> Path:
        command = [sys.executable, "-c", code, str(argument)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        children.append(child)
        pid_file = tmp_path / "program.pid"
        pid_file.write_text(str(child.pid))
        return pid_file

    yield start
    for child in children:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def test_ends_its_own(start: Start, tmp_path: Path) -> None:
    pid_file = start(WAITING, tmp_path / "some.conf")
    process = processes.find(pid_file)
    assert process is not None
    processes.end(pid_file)
    assert not pid_file.exists()
    assert process.wait(30) == -signal.SIGTERM


def test_leaves_a_pid_that_belongs_to_somebody_else(start: Start) -> None:
    pid_file = start(WAITING, Path("/elsewhere"))
    pid = int(pid_file.read_text())
    assert processes.find(pid_file) is None
    processes.end(pid_file)
    assert psutil.Process(pid).is_running()
    assert not pid_file.exists()


def test_kills_what_does_not_listen(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    pid_file = start(DEAF, tmp_path)
    process = processes.find(pid_file)
    assert process is not None
    processes.end(pid_file)
    assert process.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize("text", ["", "not a number", "4194304999"])
def test_a_pid_file_of_nothing(tmp_path: Path, text: str) -> None:
    pid_file = tmp_path / "program.pid"
    pid_file.write_text(text)
    assert processes.find(pid_file) is None
    processes.end(pid_file)
    processes.end(pid_file)
