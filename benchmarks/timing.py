"""Timings that mean something on a busy machine: tasks take turns, and what counts is the median of ratios
between neighbours.

A machine that slows down for a while slows down both sides of a ratio taken within one round; the median
forgets the rounds in which it hit only one of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """``work`` as a function that returns how many seconds it took."""

    def seconds() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return seconds


def take_turns(
    tasks: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """What each task returned (its seconds) in each round. Every task runs once a round; the order moves on
    by one each time.

    The first ``warm_up`` rounds are run and forgotten: they fill caches and compile.
    """
    names = list(tasks)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_up, rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            taken = tasks[name]()
            if number >= 0:
                seconds[name].append(taken)
    return seconds


def ratio(seconds: Mapping[str, list[float]], over: str, under: str) -> float:
    """Median over the rounds of one task's time divided by another's."""
    return median(a / b for a, b in zip(seconds[over], seconds[under], strict=True))
