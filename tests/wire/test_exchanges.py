"""The service answers as recorded."""

from pathlib import Path

from tests.service import Service
from tests.wire.exchanges import CONFIG, play, read_answers, read_requests


def test_the_answers_are_those_recorded(tmp_path: Path) -> None:
    service = Service(tmp_path, CONFIG).start()
    try:
        answers = play(service)
    finally:
        service.stop()
    assert len(answers) == len(read_answers()) == len(read_requests())
    for answer, recorded in zip(answers, read_answers(), strict=True):
        assert answer == recorded, answer["name"]
