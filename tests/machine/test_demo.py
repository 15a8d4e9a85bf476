"""`stbernard lab demo`: the whole job, by the command a newcomer types."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stbernard.lab.network import Network

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

NAMESPACE = "stbernard-demo"


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "lab"


@pytest.fixture
def command(state_dir: Path) -> list[str]:
    stbernard = str(Path(sys.executable).with_name("stbernard"))
    return [stbernard, "lab", "demo", "--state-dir", str(state_dir), "--namespace", NAMESPACE]


def test_the_demo_rescues_a_machine_and_leaves_nothing_running(
    state_dir: Path, command: list[str]
) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ssh as root with the new password" in done.stdout
    assert "uid=0(root)" in done.stdout
    assert not Network(NAMESPACE).exists
    assert processes_of(state_dir) == []


def test_a_demo_that_is_ended_leaves_nothing_running(state_dir: Path, command: list[str]) -> None:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as demo:
        while not (state_dir / "service.pid").exists():
            assert demo.poll() is None
            time.sleep(0.1)
        demo.terminate()
        assert demo.wait() == 128 + signal.SIGTERM
    assert not Network(NAMESPACE).exists
    assert processes_of(state_dir) == []


def processes_of(state_dir: Path) -> list[str]:
    running = psutil.process_iter(["cmdline"])
    command_lines = (" ".join(process.info["cmdline"] or []) for process in running)
    return [line for line in command_lines if str(state_dir) in line]
