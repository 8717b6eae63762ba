"""How well a model's region maps find a part that was put into a photo: what ``train.region_scores`` writes
into a bundle's card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detector.evaluation.card_numbers import estimate, number, written
from detector.evaluation.intervals import Estimate

SECTION = "regions"
"""Of the card."""


@dataclass(frozen=True)
class RegionScores:
    """ai: the chance that a part of what was put in scores higher than one of the rest, where that came from
    an AI-generated picture of the same subject: the ROC AUC over the parts of a picture, mean over pictures,
    with its 95% interval; half is guessing. real: the same where it came from another real photo. pictures:
    how many. measured_on: which, in words."""

    ai: Estimate
    real: Estimate
    pictures: int
    measured_on: str

    def to_card(self, weights_sha256: str) -> dict[str, Any]:
        """As JSON values, bound to the weights that were measured."""
        figures = written("ai", self.ai) | written("real", self.real)
        rest = {"pictures": self.pictures, "measured_on": self.measured_on}
        return {**figures, **rest, "weights_sha256": weights_sha256}


def from_card(card: Mapping[str, Any]) -> RegionScores | None:
    """A card's scores; None where there are none, where they make no sense, or where they were measured with
    other weights."""
    try:
        section = card[SECTION]
        if section["weights_sha256"] != card["weights_sha256"]:
            return None
        return RegionScores(
            ai=estimate(section, "ai", 0, 1),
            real=estimate(section, "real", 0, 1),
            pictures=int(number(section["pictures"], 1, 1e9)),
            measured_on=str(section["measured_on"])[:300],
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def in_words(scores: RegionScores | None) -> str:
    """How far a region map can be believed, as plain text."""
    if scores is None:
        return "A hint where to look: how well this model finds such parts was not measured."
    return (
        "A hint where to look, no proof: a part of another picture was pasted into"
        f" {scores.pictures} {scores.measured_on}; a piece of it scored higher than a piece of the rest"
        f" {scores.ai.value:.0%} of the time if it was AI-generated, and {scores.real.value:.0%} if it was as"
        " real as the photo. 50% is guessing."
    )
