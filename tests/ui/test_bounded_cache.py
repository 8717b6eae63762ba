"""What is kept, what goes, and who makes it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ui.bounded_cache import BoundedCache


def cache(max_entries: int = 3, max_bytes: int = 100) -> BoundedCache[bytes]:
    return BoundedCache(max_entries, max_bytes, size=len)


def make(*_) -> bytes:
    return b"12345"


def never() -> bytes:
    raise AssertionError("made again")


def test_a_value_is_made_once():
    kept = cache()
    assert kept.get("a", make) is kept.get("a", never)


def test_the_value_used_longest_ago_goes_first():
    kept = cache(max_entries=2)
    kept.get("a", make)
    kept.get("b", make)
    kept.get("a", never)
    kept.get("c", make)
    assert kept.peek("b") is None
    assert kept.peek("a") == kept.peek("c") == b"12345"


def test_a_peek_counts_as_use():
    kept = cache(max_entries=2)
    kept.get("a", make)
    kept.get("b", make)
    kept.peek("a")
    kept.get("c", make)
    assert kept.peek("a")


def test_values_never_take_more_bytes_than_there_are_for_them():
    kept = cache(max_entries=100, max_bytes=12)
    for number in range(500):
        kept.get(number, make)
        assert kept.bytes <= 12
    assert (len(kept), kept.bytes) == (2, 10)


def test_a_value_too_large_to_be_kept_is_given_out_and_drives_nothing_away():
    kept = cache(max_bytes=12)
    kept.get("a", make)
    assert kept.get("large", lambda: b"x" * 13) == b"x" * 13
    assert kept.peek("large") is None
    assert kept.peek("a")


def test_what_could_not_be_made_is_tried_again():
    kept = cache()
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 / 0)
    assert kept.get("a", make) == b"12345"


def test_threads_that_ask_meanwhile_wait_for_the_one_that_makes_it():
    kept, calls = cache(), []
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> bytes:
        calls.append(1)
        begun.set()
        assert go_on.wait(30)
        return b"12345"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(kept.get, "a", slowly)
        assert begun.wait(30)
        others = [pool.submit(kept.get, "a", slowly) for _ in range(3)]
        go_on.set()
        values = {id(future.result(30)) for future in [first, *others]}
    assert len(values) == len(calls) == 1


def test_nothing_is_left_after_clearing():
    kept = cache()
    kept.get("a", make)
    kept.clear()
    assert (len(kept), kept.bytes, kept.peek("a")) == (0, 0, None)
