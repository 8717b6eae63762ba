"""Numbers in a bundle's card, which anybody may have written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detector.evaluation.intervals import Estimate


def number(value: Any, low: float, high: float) -> float:
    """``value`` as a float. Raises ValueError for what is none in that range; NaN is in no range."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise ValueError("not a number in range")
    return float(value)


def written(name: str, measured: Estimate) -> dict[str, Any]:
    """A figure and its interval as JSON values, to four digits."""
    interval = [round(measured.low, 4), round(measured.high, 4)]
    return {name: round(measured.value, 4), f"{name}_interval": interval}


def estimate(section: Mapping[str, Any], name: str, low: float, high: float) -> Estimate:
    """The figure of that name, in [low, high], and its interval, as ``written``. Raises KeyError, ValueError,
    and TypeError for what is no pair."""
    value, interval = section[name], section[f"{name}_interval"]
    # A normal interval may reach a little beyond.
    bottom, top = (number(end, low - 1, high + 1) for end in interval)
    value = number(value, low, high)
    if not bottom <= value <= top:
        raise ValueError("the interval does not hold the value")
    return Estimate(value, bottom, top)
