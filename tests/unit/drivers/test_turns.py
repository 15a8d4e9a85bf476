"""Turns: a dead BMC costs others nothing."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from stbernard.drivers import turns as module
from stbernard.drivers.base import Task
from stbernard.drivers.turns import Turns
from stbernard.errors import BMCError, BMCUnreachable
from stbernard.settings import Conductor
from tests.factories import a_node
from tests.unit.drivers.tasks import a_task, all_enabled

PATIENCE = 60
THREADS = 4  # so one of them may ask BMCs that did not answer


class Clock:
    """Of the module, set by the test."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def task() -> Task:
    settings = all_enabled(conductor=Conductor(workers_pool_size=THREADS))
    return a_task(settings, a_node(driver="fake-hardware"))


def fail(turns: Turns, task: Task, bmc: str, retry_after: float | None = None) -> str:
    with pytest.raises(BMCUnreachable) as caught, turns.take(task, bmc):
        raise BMCUnreachable(f"{bmc} does not answer.", retry_after)
    return str(caught.value)


def call(turns: Turns, task: Task, bmc: str) -> None:
    with turns.take(task, bmc):
        pass


def test_a_bmc_that_did_not_answer_is_left_alone_longer_and_longer(
    clock: Clock, task: Task
) -> None:
    turns = Turns()
    for pause in (1, 2, 4, 8, 8):
        assert fail(turns, task, "one") == "one does not answer."
        clock.now += pause - 0.1
        with pytest.raises(BMCUnreachable, match=r"one does not answer\. It is asked again in 1 s"):
            call(turns, task, "one")
        clock.now += 0.2
    call(turns, task, "one")
    call(turns, task, "one")  # it has answered, and is as good as any other


def test_a_bmc_that_says_when_to_come_again(clock: Clock, task: Task) -> None:
    turns = Turns()
    fail(turns, task, "one", retry_after=30)
    clock.now += 29
    with pytest.raises(BMCUnreachable, match="asked again in 1 s"):
        call(turns, task, "one")
    clock.now += 1
    fail(turns, task, "one", retry_after=3600)
    clock.now += 60
    call(turns, task, "one")


def test_an_error_of_a_bmc_that_answers_is_no_silence(task: Task) -> None:
    turns = Turns()
    for _ in range(2):
        with pytest.raises(BMCError, match="refused"), turns.take(task, "one"):
            raise BMCError("refused")
    call(turns, task, "one")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def hang(turns: Turns, task: Task, bmc: str) -> Callable[[], None]:
    """Begin a call that lasts until what is returned is called."""
    began, end = threading.Event(), threading.Event()

    def wait() -> None:
        with turns.take(task, bmc):
            began.set()
            assert end.wait(PATIENCE)

    threading.Thread(target=wait).start()
    assert began.wait(PATIENCE)
    return end.set


def test_silent_bmcs_share_a_quarter_of_the_threads(clock: Clock, task: Task) -> None:
    turns = Turns()
    for bmc in ("dead-1", "dead-2"):
        fail(turns, task, bmc)
    clock.now += 10
    end = hang(turns, task, "dead-1")
    with pytest.raises(BMCUnreachable, match=r"dead-2 does not answer\. It is asked again"):
        call(turns, task, "dead-2")
    call(turns, task, "healthy")
    end()


def test_nobody_queues_for_a_call_that_hangs(clock: Clock, task: Task) -> None:
    turns = Turns()
    end = hang(turns, task, "chassis")
    clock.now += 7
    with pytest.raises(BMCError, match="still at work on another call, for 7 s now"):
        call(turns, task, "chassis")
    end()


def test_a_queue_that_moves_on_is_waited_for(
    task: Task, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call takes a while and none hangs; together they take longer than one may."""
    monkeypatch.setattr(module, "QUEUE", 3.0)
    turns = Turns()

    def slow() -> None:
        with turns.take(task, "chassis"):
            threading.Event().wait(0.5)  # the BMC's time, not ours to wait for

    for each in [pool.submit(slow) for _ in range(8)]:
        each.result(PATIENCE)


def test_a_call_that_has_just_begun_is_waited_for(
    clock: Clock, task: Task, pool: ThreadPoolExecutor
) -> None:
    turns = Turns()
    end = hang(turns, task, "chassis")
    second = pool.submit(call, turns, task, "chassis")
    end()
    second.result(PATIENCE)


def test_a_call_that_has_not_begun_quite_is_waited_for(
    clock: Clock, task: Task, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread has its turn, and the processor is another one's before it has noted the time."""
    turns = Turns()
    call(turns, task, "chassis")
    clock.now += 3600
    looks, goes_on = threading.Event(), threading.Event()

    def slow() -> float:
        monkeypatch.setattr(clock, "monotonic", lambda: clock.now)
        looks.set()
        assert goes_on.wait(PATIENCE)
        return clock.now

    monkeypatch.setattr(clock, "monotonic", slow)
    first = pool.submit(call, turns, task, "chassis")
    assert looks.wait(PATIENCE)
    second = pool.submit(call, turns, task, "chassis")
    assert wait([second], timeout=1).not_done
    goes_on.set()
    first.result(PATIENCE)
    second.result(PATIENCE)
