"""`make openstack`, ended in the middle: by Ctrl-C, by its time limit, by a service that dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tools.openstack import belongings
from tools.openstack.site import NAMESPACE

PATIENCE = 900  # with nothing in the cache


@pytest.fixture
def run(request: pytest.FixtureRequest) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tools.openstack", *getattr(request, "param", ())]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    request.addfinalizer(run.kill)
    return run


def wait(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def service(name: str) -> int | None:
    """The id of a service's process, when it runs."""
    for process in belongings.processes(NAMESPACE):
        with suppress(*belongings.GONE):
            if name in " ".join(process.cmdline()):
                return process.pid
    return None


def ended(run: subprocess.Popen[str]) -> tuple[int, str]:
    printed, _ = run.communicate(timeout=PATIENCE)
    assert belongings.processes(NAMESPACE) == []
    assert not Path("/run/netns", NAMESPACE).exists()
    return run.returncode, printed


def test_ctrl_c(run: subprocess.Popen[str]) -> None:
    """Twice: the second one, of somebody impatient, does not stop the taking down."""
    wait(lambda: service("mariadbd") is not None, "the first service is up")
    run.send_signal(signal.SIGINT)
    run.send_signal(signal.SIGINT)
    status, printed = ended(run)
    assert (status, "Ended by Interrupt" in printed) == (130, True), printed


@pytest.mark.parametrize("run", [("--limit", "15")], indirect=True)
def test_the_time_limit(run: subprocess.Popen[str]) -> None:
    status, printed = ended(run)
    assert (status, "Not done in 15 s" in printed) == (130, True), printed


def test_a_service_that_dies(run: subprocess.Popen[str]) -> None:
    wait(lambda: service("rabbit") is not None, "RabbitMQ has been started")
    victim = service("rabbit")
    assert victim
    os.kill(victim, signal.SIGKILL)
    status, printed = ended(run)
    assert (status, "The logs are in" in printed) == (1, True), printed
