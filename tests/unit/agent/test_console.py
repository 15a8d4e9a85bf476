import re
from pathlib import Path

import pytest

from stbernard_agent import console as module
from stbernard_agent.console import Console


@pytest.fixture(autouse=True)
def no_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACTIVE_CONSOLES", Path("/nonexistent"))


def test_a_line_has_the_seconds_since_power_on(capsys: pytest.CaptureFixture[str]) -> None:
    Console().say("got 10.77.0.11 on eth0")
    line = capsys.readouterr().out
    assert re.fullmatch(r"stbernard-agent\[ *\d+\.\ds\]: got 10\.77\.0\.11 on eth0\n", line)


def test_the_same_trouble_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    for line in ("no link", "no link", "no lease", "no link"):
        console.trouble(line)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_trouble_that_lasts_is_said_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPEAT_AFTER", 0.0)
    console = Console()
    console.trouble("no link")
    console.trouble("no link")
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_other_consoles_get_the_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = tmp_path / "tty0"
    screen.touch()
    # An absolute name stands for itself, and the last console is standard output.
    (tmp_path / "active").write_text(f"{screen} /nonexistent/tty1 ttyS0\n")
    monkeypatch.setattr(module, "ACTIVE_CONSOLES", tmp_path / "active")
    Console().say("hello")
    assert "hello" in screen.read_text()
