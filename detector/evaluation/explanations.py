"""How true of a model each explanation method is over many pictures: what ``benchmarks.explanations`` writes into a bundle's card."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.evaluation.intervals import Estimate, mean, wilson

FIGURES = ("deletion_gain", "insertion_gain", "win_rate_over_random")
_LIMITS = {"deletion_gain": (-1, 1), "insertion_gain": (-1, 1), "win_rate_over_random": (0, 1)}
_NAME = re.compile(r"[a-z][a-z0-9 -]{0,39}")
MAX_METHODS = 20


@dataclass(frozen=True)
class MethodScore:
    """One method over the pictures; see ``detector.explain.faithfulness`` for the gains, which are areas in [-1, 1], positive is good.

    deletion_gain, insertion_gain: the means with their 95% intervals. win_rate_over_random: the share of pictures on which the method's
    order beats the average random one, half is chance; Wilson's interval. ms_per_map: median.
    """

    deletion_gain: Estimate
    insertion_gain: Estimate
    win_rate_over_random: Estimate
    ms_per_map: float

    @property
    def gain(self) -> float:
        """Mean of both gains: what methods are ranked by."""
        return (self.deletion_gain.value + self.insertion_gain.value) / 2

    @classmethod
    def of(cls, deletion_gains: Sequence[float], insertion_gains: Sequence[float], seconds: Sequence[float]) -> MethodScore:
        """From one value per picture; at least one."""
        gains = np.add(deletion_gains, insertion_gains)
        wins = np.count_nonzero(gains > 0) + np.count_nonzero(gains == 0) / 2
        return cls(mean(np.array(deletion_gains)), mean(np.array(insertion_gains)), wilson(wins, len(gains)), 1000 * float(np.median(seconds)))


@dataclass(frozen=True)
class Explanations:
    """A card's ``explanations``. default: the method that won. images: how many pictures. measured_on: which, in words. methods: by name."""

    default: str
    images: int
    measured_on: str
    methods: Mapping[str, MethodScore]

    @property
    def ranked(self) -> list[tuple[str, MethodScore]]:
        """The best first."""
        return sorted(self.methods.items(), key=lambda item: -item[1].gain)

    def to_card(self, weights_sha256: str) -> dict[str, Any]:
        """As JSON values, bound to the weights that were measured."""
        methods = {}
        for name, score in self.ranked:
            methods[name] = {"ms_per_map": round(score.ms_per_map, 2)}
            for figure in FIGURES:
                estimate = getattr(score, figure)
                methods[name] |= {figure: round(estimate.value, 4), f"{figure}_interval": [round(estimate.low, 4), round(estimate.high, 4)]}
        return {
            "default": self.default, "images": self.images, "measured_on": self.measured_on, "weights_sha256": weights_sha256, "methods": methods
        }  # fmt: skip


def from_card(card: Mapping[str, Any]) -> Explanations | None:
    """A card's ``explanations``; None where there are none, where they are not valid, or where they were measured with other weights."""
    try:
        found = card["explanations"]
        if found["weights_sha256"] != card["weights_sha256"] or not 1 <= len(found["methods"]) <= MAX_METHODS:
            return None
        methods = {_name(name): _score(score) for name, score in found["methods"].items()}
        if found["default"] not in methods:
            return None
        return Explanations(found["default"], int(_number(found["images"], 1, 1e9)), str(found["measured_on"])[:300], methods)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _name(name: Any) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("not a method's name")
    return name


def _score(score: Mapping[str, Any]) -> MethodScore:
    figures = {figure: _estimate(score[figure], score[f"{figure}_interval"], *_LIMITS[figure]) for figure in FIGURES}
    return MethodScore(**figures, ms_per_map=_number(score["ms_per_map"], 0, 1e9))


def _estimate(value: Any, interval: Any, low: float, high: float) -> Estimate:
    bottom, top = (_number(end, low - 1, high + 1) for end in interval)  # a normal interval may reach a little beyond
    value = _number(value, low, high)
    if not bottom <= value <= top:
        raise ValueError("the interval does not hold the value")
    return Estimate(value, bottom, top)


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:  # NaN is in no range
        raise ValueError("not a number in range")
    return float(value)
