"""How true of a model each explanation method is over many pictures: what ``train.explanation_scores``
writes into a bundle's card."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.evaluation.card_numbers import estimate, number, written
from detector.evaluation.intervals import Estimate, mean, proportion

COMMAND = "python -m train.explanation_scores"
"""What measures them."""
FIGURES = ("deletion_gain", "insertion_gain", "win_rate_over_random")
_LIMITS = {"deletion_gain": (-1, 1), "insertion_gain": (-1, 1), "win_rate_over_random": (0, 1)}
_NAME = re.compile(r"[a-z][a-z0-9 -]{0,39}")
MAX_METHODS = 20


@dataclass(frozen=True)
class MethodScore:
    """One method over the pictures; see ``detector.explain.faithfulness`` for the gains, which are areas in
    [-1, 1], positive is good.

    deletion_gain, insertion_gain: the means with their 95% intervals. win_rate_over_random: the share of
    pictures on which the method's order beats the average random one, half is chance; Wilson's interval.
    ms_per_map: median.
    """

    deletion_gain: Estimate
    insertion_gain: Estimate
    win_rate_over_random: Estimate
    ms_per_map: float

    @property
    def gain(self) -> float:
        """Mean of both gains: what methods are ranked by."""
        return (self.deletion_gain.value + self.insertion_gain.value) / 2

    def to_card(self) -> dict[str, Any]:
        """As JSON values, to four digits."""
        figures: dict[str, Any] = {"ms_per_map": round(self.ms_per_map, 2)}
        for name in FIGURES:
            figures |= written(name, getattr(self, name))
        return figures

    @classmethod
    def of(
        cls, deletion_gains: Sequence[float], insertion_gains: Sequence[float], seconds: Sequence[float]
    ) -> MethodScore:
        """From one value per picture; ValueError without pictures."""
        gains = np.add(deletion_gains, insertion_gains)
        ties = np.count_nonzero(gains == 0)
        wins = np.count_nonzero(gains > 0) + ties / 2
        of_deletion = mean(np.array(deletion_gains))
        of_insertion = mean(np.array(insertion_gains))
        if of_deletion is None or of_insertion is None:
            raise ValueError("There is no picture to score a method on.")
        return cls(
            deletion_gain=of_deletion,
            insertion_gain=of_insertion,
            win_rate_over_random=proportion(wins, len(gains)),
            ms_per_map=1000 * float(np.median(seconds)),
        )


@dataclass(frozen=True)
class Explanations:
    """A card's ``explanations``. default: the method to show first, the most faithful of those whose map is
    not waited for too long. images: how many pictures. measured_on: which, in words. methods: by name."""

    default: str
    images: int
    measured_on: str
    methods: Mapping[str, MethodScore]

    @property
    def ranked(self) -> list[tuple[str, MethodScore]]:
        """The best first."""
        return sorted(self.methods.items(), key=lambda item: -item[1].gain)

    @property
    def most_faithful(self) -> str:
        """The method that won, at whatever price."""
        return self.ranked[0][0]

    def to_card(self, weights_sha256: str) -> dict[str, Any]:
        """As JSON values, bound to the weights that were measured."""
        return {
            "default": self.default,
            "images": self.images,
            "measured_on": self.measured_on,
            "weights_sha256": weights_sha256,
            "methods": {name: score.to_card() for name, score in self.ranked},
        }


def from_card(card: Mapping[str, Any]) -> Explanations | None:
    """A card's ``explanations``; None where there are none, where they are not valid, or where they were
    measured with other weights."""
    try:
        return _read(card["explanations"], card["weights_sha256"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _read(section: Mapping[str, Any], weights_sha256: str) -> Explanations | None:
    """The section of a card; None where it was measured with other weights or holds no method that can be
    shown. Raises what a malformed one makes raise."""
    is_of_these_weights = section["weights_sha256"] == weights_sha256
    if not is_of_these_weights or not 1 <= len(section["methods"]) <= MAX_METHODS:
        return None
    methods = {}
    for name, score in section["methods"].items():
        methods[_name(name)] = _score(score)
    if section["default"] not in methods:
        return None
    return Explanations(
        default=section["default"],
        images=int(number(section["images"], 1, 1e9)),
        measured_on=str(section["measured_on"])[:300],
        methods=methods,
    )


def _name(name: Any) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("not a method's name")
    return name


def _score(score: Mapping[str, Any]) -> MethodScore:
    figures = {name: estimate(score, name, *_LIMITS[name]) for name in FIGURES}
    return MethodScore(**figures, ms_per_map=number(score["ms_per_map"], 0, 1e9))
