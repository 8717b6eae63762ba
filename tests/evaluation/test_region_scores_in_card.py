"""A card's word on region maps: what is written is read again, and what makes no sense is not believed."""

from __future__ import annotations

import json

import pytest

from detector.evaluation.intervals import Estimate
from detector.evaluation.localisation_scores import RegionScores, from_card

SCORES = RegionScores(Estimate(0.8, 0.75, 0.85), Estimate(0.6, 0.5, 0.7), 150, "150 real photos, unseen")


@pytest.fixture
def card() -> dict:
    return json.loads(json.dumps({"weights_sha256": "abc", "regions": SCORES.to_card("abc")}))


def test_a_card_is_read_as_it_was_written(card):
    assert from_card(card) == SCORES


@pytest.mark.parametrize(
    "change",
    [
        {"weights_sha256": "of others"},
        {"ai": 1.2},
        {"ai": float("nan")},
        {"real_interval": [0.7, 0.8]},  # does not hold the value
        {"real_interval": 0.7},
        {"pictures": 0},
        {"pictures": "many"},
    ],
)
def test_what_makes_no_sense_or_is_of_other_weights_counts_as_not_measured(card, change):
    card["regions"] |= change
    assert from_card(card) is None


@pytest.mark.parametrize("section", [None, [], "x", {}])
def test_a_section_that_is_none_counts_as_not_measured(card, section):
    assert from_card(card | {"regions": section}) is None
    assert from_card({}) is None
