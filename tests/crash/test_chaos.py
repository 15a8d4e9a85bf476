"""The short form of chaos.py; `make crash` is the long one (its figures: docs/performance.md)."""

from pathlib import Path

import pytest

from tests.crash.chaos import LIFE, Chaos
from tests.postgresql import PostgreSQL

NODES = 2
KILLS = 3


@pytest.mark.timeout(600)  # a dozen starts of the service, on a machine that does other things
@pytest.mark.parametrize(
    ("database", "workers"), [("sqlite", 1), ("postgresql", 1), ("postgresql", 3)]
)
def test_workers_killed_at_random(
    tmp_path: Path, postgresql: PostgreSQL, database: str, workers: int
) -> None:
    url = postgresql.database() if database == "postgresql" else None
    operations = NODES * len(LIFE)
    result = Chaos(tmp_path, url, workers).run(operations, KILLS)
    assert (result.wrong, result.operations) == ([], operations)
    if url:
        postgresql.drop(url)
