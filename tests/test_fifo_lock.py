"""detector.fifo_lock: one at a time, in order, and nobody is forgotten."""

import threading
import time

import pytest

from detector.fifo_lock import FifoLock

PATIENCE = 60


def started(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def until(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_only_one_at_a_time():
    lock, inside, most = FifoLock(), [], []

    def work():
        for _ in range(200):
            with lock:
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [started(work) for _ in range(4)]
    for thread in threads:
        thread.join(PATIENCE)
    assert len(most) == 800 and max(most) == 1


def test_waiters_are_served_in_the_order_they_came():
    lock, served = FifoLock(), []

    def work(number):
        with lock:
            served.append(number)

    threads = []
    with lock:
        for number in range(5):
            threads.append(started(lambda number=number: work(number)))
            until(lambda number=number: len(lock._waiting) == number + 1)
    for thread in threads:
        thread.join(PATIENCE)
    assert served == [0, 1, 2, 3, 4]


def test_whoever_takes_it_again_and_again_lets_a_waiter_in_between():
    lock, served = FifoLock(), []

    def work():
        with lock:
            served.append("waiter")

    with lock:
        thread = started(work)
        until(lambda: lock._waiting)
    for number in range(100):
        with lock:
            served.append(number)
    thread.join(PATIENCE)
    assert served[0] == "waiter"


def test_an_exception_inside_gives_the_turn_on():
    lock = FifoLock()
    with pytest.raises(ValueError), lock:
        raise ValueError
    with lock:
        pass


def test_whoever_is_interrupted_while_waiting_blocks_nobody(monkeypatch):
    """Ctrl-C raises in the main thread, wherever that is: here inside the wait."""
    lock, real, served = FifoLock(), threading.Lock, []

    class Interrupted:
        def __init__(self):
            self.lock, self.asked = real(), 0

        def acquire(self):
            self.asked += 1
            if self.asked == 2:
                raise KeyboardInterrupt
            return self.lock.acquire()

        def release(self):
            self.lock.release()

    def work():
        with lock:
            served.append(1)

    with lock:
        monkeypatch.setattr(threading, "Lock", Interrupted)
        with pytest.raises(KeyboardInterrupt), lock:
            pass
        monkeypatch.undo()
        thread = started(work)
        until(lambda: lock._waiting)
    thread.join(PATIENCE)
    assert served == [1]
