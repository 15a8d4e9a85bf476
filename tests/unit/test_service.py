"""The log of the service."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from stbernard.service import configure_logging


@pytest.fixture
def configured(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    structlog.contextvars.clear_contextvars()  # whatever a test before has done in this thread
    configure_logging(debug=False)
    yield
    structlog.reset_defaults()
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_in_a_file_is_as_structlog_writes_it(
    configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"node": "n-1", "detail": None, "text": "two words", "empty": "", "pair": "a=b"}
    structlog.get_logger().warning("a step took long", steps=("a", "b"), **about)
    line = capsys.readouterr().err
    event = {"timestamp": line.partition(" ")[0], "level": "warning", "event": "a step took long"}
    structlogs = structlog.dev.ConsoleRenderer(colors=False)
    assert line == structlogs(None, "", {**event, "steps": ("a", "b"), **about}) + "\n"


def test_a_traceback_does_not_show_the_values_of_variables(
    configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(password: str) -> None:
        raise RuntimeError("what went wrong")

    try:
        fail("Sesame-" + "1234")
    except RuntimeError:
        structlog.get_logger().exception("a step failed")
    text = capsys.readouterr().err
    assert "RuntimeError: what went wrong" in text
    assert "Sesame-1234" not in text
