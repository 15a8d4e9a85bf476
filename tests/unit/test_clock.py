"""The clock: started by the database's, counted on by itself."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from stbernard import clock

HOUR = 3600.0


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = clock._Clock.ahead
    yield
    clock._Clock.ahead = before


def test_it_starts_with_the_databases_time() -> None:
    theirs = clock.now() + HOUR
    clock.start(lambda: theirs)
    assert theirs - 1 < clock.now() < theirs + 60


def test_it_does_not_jump_with_this_hosts_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.now()
    monkeypatch.setattr("time.time", lambda: before + HOUR)
    assert before <= clock.now() < before + 60


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes: on a busy host that would be a difference, too."""
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: 1000.0))


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_it_creeps_after_the_databases(standing: None, jump: float) -> None:
    ahead = clock._Clock.ahead
    clock.follow(lambda: clock.now() + jump)
    assert abs(clock._Clock.ahead - ahead) == pytest.approx(clock.STEP)
    assert (clock._Clock.ahead > ahead) == (jump > 0)


def test_it_follows_no_noise(standing: None) -> None:
    ahead = clock._Clock.ahead
    clock.follow(lambda: clock.now() + clock.PRECISION / 2)
    assert clock._Clock.ahead == ahead
