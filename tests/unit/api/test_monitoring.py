"""When the service says that it is not ready."""

from dataclasses import replace

import pytest

from stbernard.api.parts import Parts
from stbernard.errors import Unavailable
from tests.unit.api.fakes import Client, client_of


def test_a_worker_that_has_ended(parts: Parts) -> None:
    answer = client_of(replace(parts, works=lambda: False)).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "The worker's thread has ended; see the log."


def test_a_database_of_another_release(client: Client, parts: Parts) -> None:
    parts.store.database.write(
        lambda at: at.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    )
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "stbernard db upgrade" in answer.json()["reason"]


def test_a_database_that_is_away(
    client: Client, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(work: object) -> None:
        raise Unavailable("FATAL: no such host db.example")

    monkeypatch.setattr(parts.store.database, "read", away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "The database does not answer.")
    assert client.get("/healthz").status_code == 200
    counted = client.get("/metrics")
    assert counted.status_code == 200
    assert "stbernard_request_seconds" in counted.text
    assert "stbernard_queue_age_seconds" not in counted.text
