"""Running the host's programs."""

from pathlib import Path

import pytest

from stbernard.errors import ProgramError
from stbernard.programs import run


def test_input_output_and_folder(tmp_path: Path) -> None:
    assert run("sh", "-c", "cat; pwd", stdin="in\n", cwd=tmp_path) == f"in\n{tmp_path}\n"


def test_a_failing_program_tells_its_last_words() -> None:
    with pytest.raises(ProgramError, match=r"sh failed with status 3:\nno space left"):
        run("sh", "-c", "echo no space left >&2; exit 3")


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProgramError, match="no-such-program: No such file"):
        run("no-such-program")
