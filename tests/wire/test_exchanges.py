"""The service answers as recorded, on both databases."""

from pathlib import Path

from tests.postgresql import PostgreSQL
from tests.service import Service
from tests.wire.exchanges import CONFIG, play, read_answers, read_requests


def test_the_answers_are_those_recorded(tmp_path: Path) -> None:
    compare(Service(tmp_path, CONFIG))


def test_the_answers_are_those_recorded_on_postgresql(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    compare(Service(tmp_path, f"{CONFIG}[database]\nconnection = {postgresql.database()}\n"))


def compare(service: Service) -> None:
    service.start()
    try:
        answers = play(service)
    finally:
        service.stop()
    assert len(answers) == len(read_answers()) == len(read_requests())
    for answer, recorded in zip(answers, read_answers(), strict=True):
        assert answer == recorded, answer["name"]
