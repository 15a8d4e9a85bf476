"""`stbernard lab demo`: the whole job, by the command a newcomer types."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from stbernard.lab.network import Network

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

NAMESPACE = "stbernard-demo"


def test_the_demo_rescues_a_machine_and_leaves_nothing_running(tmp_path: Path) -> None:
    stbernard = Path(sys.executable).with_name("stbernard")
    state_dir = tmp_path / "lab"
    done = subprocess.run(
        [stbernard, "lab", "demo", "--state-dir", state_dir, "--namespace", NAMESPACE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ssh as root with the new password" in done.stdout
    assert "uid=0(root)" in done.stdout
    assert not Network(NAMESPACE).exists
    assert processes_of(state_dir) == []


def processes_of(state_dir: Path) -> list[str]:
    running = psutil.process_iter(["cmdline"])
    command_lines = (" ".join(process.info["cmdline"] or []) for process in running)
    return [line for line in command_lines if str(state_dir) in line]
