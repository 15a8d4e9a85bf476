"""What a long command shows."""

from io import StringIO

import pytest
from rich.console import Console

from stbernard.lab.stages import Stages


def test_plain_lines_where_there_is_no_terminal() -> None:
    out = StringIO()
    stages = Stages(Console(file=out))
    with stages.stage("Climb [the] mountain"):
        stages.note("$ climb")
    line, done = out.getvalue().splitlines()
    assert line.strip() == "$ climb"
    assert done.split(maxsplit=2)[1:] == ["s", "Climb [the] mountain"]
    assert list(stages.seconds) == ["Climb [the] mountain"]


def test_a_running_clock_on_a_terminal() -> None:
    out = StringIO()
    stages = Stages(Console(file=out, force_terminal=True))
    with stages.stage("Climb"):
        pass
    assert "0:00:00" in out.getvalue()
    assert out.getvalue().rstrip().endswith("s  Climb")


def test_a_stage_that_fails_is_not_done() -> None:
    stages = Stages(Console(file=StringIO()))
    with pytest.raises(ZeroDivisionError), stages.stage("Fall"):
        _ = 1 / 0
    assert stages.seconds == {}
