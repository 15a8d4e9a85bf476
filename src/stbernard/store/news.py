"""Says that something changed, to whoever waits for it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_AGAIN = 5.0  # seconds between two looks if nobody tells anything: a process may have died


class News:
    """A counter of changes that threads can wait for. `line.py` carries it to other processes."""

    def __init__(self) -> None:
        self.tell_others: Callable[[], object] = lambda: None
        self._changed = threading.Condition()
        self._count = 0
        self._listeners: tuple[Callable[[], object], ...] = ()

    def tell(self) -> None:
        self.hear()
        self.tell_others()

    def hear(self) -> None:
        """Somebody told it: pass it on in this process."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()
            listeners = self._listeners
        for listener in listeners:
            listener()

    @contextmanager
    def listener(self, call: Callable[[], object]) -> Iterator[None]:
        """Have this called at each change, in whichever thread it was, in the meantime."""
        with self._changed:
            self._listeners = (*self._listeners, call)
        try:
            yield
        finally:
            with self._changed:
                self._listeners = tuple(each for each in self._listeners if each is not call)

    def count(self) -> int:
        """Read it before looking at what may change, and give it to `wait`."""
        with self._changed:
            return self._count

    def wait(self, seen: int, seconds: float) -> bool:
        """Wait until there was a change after `seen`; False when the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count != seen, timeout=seconds)

    def wait_until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Look now and after each change, until it is true (the answer) or the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            seen = self.count()
            if true():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.wait(seen, min(left, LOOK_AGAIN))
