"""Says that something changed, to whoever waits in this process."""

import threading
import time
from collections.abc import Callable


class News:
    """A counter of changes that threads can wait for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def tell(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()

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
            if not self.wait(seen, deadline - time.monotonic()):
                return False
