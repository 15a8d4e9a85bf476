"""The line of a process to PostgreSQL: news, the worker's name, and its own repair."""

import os
import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from stbernard.errors import SettingsError
from stbernard.store import Store
from stbernard.store import line as module
from stbernard.store.engine import Database
from stbernard.store.line import line
from stbernard.store.news import News
from tests.postgresql import PostgreSQL

PATIENCE = 60  # seconds until a test that waits for an event gives up


@pytest.fixture
def url(postgresql: PostgreSQL) -> Iterator[str]:
    url = postgresql.database()
    yield url
    postgresql.drop(url)


@pytest.fixture
def processes(url: str) -> Iterator[tuple[Store, Store]]:
    """Two stores, each with its line, as two workers have them."""
    with ExitStack() as stack:
        stores = [Store(stack.enter_context(closing(Database(url)))) for _ in range(2)]
        for number, store in enumerate(stores):
            stack.enter_context(line(store, name=f"worker-{number}", serves="http://boot"))
        yield stores[0], stores[1]


def hears(news: News, seen: int) -> None:
    assert news.wait(seen, PATIENCE)


def test_what_one_tells_the_other_hears(processes: tuple[Store, Store]) -> None:
    one, other = processes
    for tells, hears_it in ((one, other), (other, one)):
        for kind in ("news", "due"):
            seen = getattr(hears_it, kind).count()
            getattr(tells, kind).tell()
            hears(getattr(hears_it, kind), seen)


def test_what_is_heard_is_not_told_again(processes: tuple[Store, Store]) -> None:
    one, other = processes
    one.due.tell()
    hears(other.due, 0)
    seen = one.due.count()
    other.news.tell()
    hears(one.news, 0)  # later than an echo would have been
    assert one.due.count() == seen


def test_a_thousand_news_are_a_few_notices(processes: tuple[Store, Store]) -> None:
    one, other = processes
    for _ in range(1000):
        one.due.tell()
    one.news.tell()
    hears(other.news, 0)
    hears(other.due, 0)
    assert other.due.count() < 1000


def test_a_name_is_one_workers(
    processes: tuple[Store, Store], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0)
    with closing(Database(url)) as database:
        with (
            pytest.raises(SettingsError, match="A worker named 'worker-0' is at work"),
            line(Store(database), name="worker-0", serves=None),
        ):
            pass
        with line(Store(database), name=None, serves=None):
            pass  # an API needs no name


def test_who_serves_first_serves_alone(url: str) -> None:
    def serves_alone(address: str | None) -> bool:
        store = Store(stack.enter_context(closing(Database(url))))
        return stack.enter_context(line(store, name=None, serves=address))

    with ExitStack() as stack:
        assert serves_alone("http://a")
        assert not serves_alone("http://a")
        assert serves_alone("http://b")
        assert not serves_alone(None)
    with ExitStack() as stack:
        assert serves_alone("http://a")


def test_who_asks_at_the_same_moment_takes_nothing_from_who_serves(url: str) -> None:
    """The lock is another one's just now, who is about to share it."""
    key = "hashtextextended('stbernard serves http://a', 0)"
    with ExitStack() as stack:
        stores = [Store(stack.enter_context(closing(Database(url)))) for _ in range(3)]
        asks = stack.enter_context(closing(stores[0].database.own_connection()))
        asks.execute(f"SELECT pg_advisory_lock({key})")
        starts = stack.enter_context(ThreadPoolExecutor(1))
        serves = line(stores[1], name=None, serves="http://a")
        alone = starts.submit(stack.enter_context, serves)
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not alone.done() and not asks.execute(waiting).fetchone():
            pass
        asks.execute(f"SELECT pg_advisory_unlock({key})")
        assert alone.result(PATIENCE) is False
        assert stack.enter_context(line(stores[2], name=None, serves="http://a")) is False


@pytest.fixture
def many_clients() -> Iterator[None]:
    """More open files than select() can watch, as a busy API has."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
        for _ in range(1100):
            stack.enter_context(Path(os.devnull).open("rb"))
        yield


def test_a_broken_line_is_put_up_again(
    processes: tuple[Store, Store],
    many_clients: None,
    postgresql: PostgreSQL,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the worker's name, and everybody looks: what was told meanwhile is lost."""
    one, other = processes
    seen = one.due.count()
    name = other.database.url.database
    postgresql.cut(str(name))
    hears(one.due, seen)
    heard = threading.Event()
    with one.news.listener(heard.set):
        while not heard.is_set():  # the other's line may be broken yet
            other.news.tell()
            heard.wait(0.1)
    monkeypatch.setattr(module, "PATIENCE", 0)
    end = time.monotonic() + PATIENCE
    while not is_taken("worker-1", postgresql.url_of(str(name))):  # that comes after the news
        assert time.monotonic() < end


def is_taken(name: str, url: str) -> bool:
    with closing(Database(url)) as database:
        try:
            with line(Store(database), name=name, serves=None):
                return False
        except SettingsError:
            return True
