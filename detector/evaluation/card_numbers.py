"""Numbers in a bundle's card, which anybody may have written."""

from __future__ import annotations

from typing import Any

from detector.evaluation.intervals import Estimate


def number(value: Any, low: float, high: float) -> float:
    """``value`` as a float. Raises ValueError for what is none in that range; NaN is in no range."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise ValueError("not a number in range")
    return float(value)


def estimate(value: Any, interval: Any, low: float, high: float) -> Estimate:
    """A figure in [low, high] and its interval, [from, to]. Raises ValueError, and TypeError for what is no
    pair."""
    # A normal interval may reach a little beyond.
    bottom, top = (number(end, low - 1, high + 1) for end in interval)
    value = number(value, low, high)
    if not bottom <= value <= top:
        raise ValueError("the interval does not hold the value")
    return Estimate(value, bottom, top)
