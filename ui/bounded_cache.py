"""Values that are slow to make and large to keep: the ones used last, as long as they fit."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """Key -> value, made once and shared by all threads. What was not used for longest goes first.

    max_entries: values that are kept, at most. max_bytes: their size together, at most; a value that is
    larger by itself is made and given out, but not kept. size: bytes of a value.
    """

    def __init__(self, max_entries: int, max_bytes: int, size: Callable[[Value], int]):
        self.max_entries, self.max_bytes = max_entries, max_bytes
        self._size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._in_the_making: dict[Hashable, Future[Value]] = {}
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Of all values that are kept."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._values)

    def peek(self, key: Hashable) -> Value | None:
        """The value, if it is there; it counts as used."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value, made if it is not there. Threads that ask meanwhile wait for the one that makes it.

        Raises what ``make`` raises, in all of them; the next call tries again.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            future = self._in_the_making.get(key)
            mine = future is None
            if future is None:
                future = self._in_the_making[key] = Future()
        if mine:
            self._make(key, make, future)
        return future.result()

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._bytes = 0

    def _make(self, key: Hashable, make: Callable[[], Value], future: Future[Value]) -> None:
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._in_the_making[key]
            future.set_exception(error)
            return
        with self._lock:
            del self._in_the_making[key]
            self._keep(key, value)
        future.set_result(value)

    def _keep(self, key: Hashable, value: Value) -> None:
        size = self._size(value)
        if size > self.max_bytes:
            return
        self._values[key] = value
        self._bytes += size
        while len(self._values) > self.max_entries or self._bytes > self.max_bytes:
            _, oldest = self._values.popitem(last=False)
            self._bytes -= self._size(oldest)
