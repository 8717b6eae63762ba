"""A lock that serves its waiters in the order they came."""

from __future__ import annotations

import threading
from collections import deque


class FifoLock:
    """A lock, for use in ``with``, that nobody can take twice in a row past somebody who waits.

    Python's own lock is free for whoever asks first, and a thread that works through many batches nearly
    always asks first again: everybody else would wait until its last batch. Not reentrant.
    """

    def __init__(self):
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            waiter = threading.Lock()
            waiter.acquire()
            self._waiting.append(waiter)
        try:
            waiter.acquire()
        except BaseException:  # Ctrl-C while waiting: the lock must not go to somebody who has left
            with self._guard:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
                else:
                    self._pass_on()
            raise

    def __exit__(self, *exception) -> None:
        with self._guard:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._taken = False
