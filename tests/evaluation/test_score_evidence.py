"""Of pictures scored like this, how many were AI-generated: counted by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from detector.bundle import SHIPPED, SHIPPED_WEIGHTS, read_bundle
from detector.evaluation import score_evidence
from detector.evaluation.predictions import read_predictions
from detector.evaluation.score_evidence import CARD_KEY, ScoreBin, ScoreEvidence
from detector.verdicts import Side

BINS = (ScoreBin(0.0, 0.25, 100, 10), ScoreBin(0.25, 0.75, 100, 50), ScoreBin(0.75, 1.0, 100, 96))


def rows(y_score, y_true, split="unseen", paired=True) -> pd.DataFrame:
    return pd.DataFrame({"y_score": y_score, "y_true": y_true, "split": split, "paired": paired})


def test_unseen_paired_rows_are_counted_in_bins_of_equal_counts():
    scores = np.linspace(0.0, 1.0, 140)
    found = score_evidence.measure(rows(scores, (scores > 0.9).astype(int)))
    assert [(each.n, each.n_ai) for each in found.bins] == [(70, 0), (70, 14)]
    assert [(each.low, each.high) for each in found.bins] == [(0.0, 0.5), (0.5, 1.0)]


def test_other_rows_do_not_count():
    scores = np.linspace(0.0, 1.0, 140)
    counted = rows(scores, (scores > 0.5).astype(int), "unseen2")
    others = [rows(scores, 1, split, paired) for split, paired in (("test", True), ("unseen", False))]
    found = score_evidence.measure(pd.concat([counted, *others], ignore_index=True))
    assert (found.n, found.n_ai) == (140, 70)


def test_too_few_rows_are_no_evidence():
    assert score_evidence.measure(rows(np.linspace(0, 1, 139), 1)) is None


@pytest.mark.parametrize(("y_score", "number"), [(0.0, 0), (0.2499, 0), (0.25, 1), (0.9, 2), (1.0, 2)])
def test_a_score_is_like_those_of_its_bin(y_score, number):
    assert ScoreEvidence(BINS).like(y_score) == BINS[number]


def test_shares_of_both_sides_have_wilsons_interval():
    ai, real = BINS[2].share(Side.AI), BINS[2].share(Side.REAL)
    assert (ai.value, real.value) == (0.96, 0.04)
    assert (ai.low, ai.high) == pytest.approx((0.9016, 0.9843), abs=1e-4)  # Wilson, 96 of 100
    assert (1 - real.high, 1 - real.low) == pytest.approx((ai.low, ai.high))


def test_a_card_gives_back_what_was_put_in():
    card = json.loads(json.dumps({CARD_KEY: score_evidence.to_card(ScoreEvidence(BINS))}))
    assert score_evidence.from_card(card) == ScoreEvidence(BINS)


@pytest.mark.parametrize(
    "section",
    [None, [], {}, {"bins": []}, {"bins": [1]}, {"bins": [{"low": 0, "high": 1, "n": 5, "n_ai": 6}]}]
    + [{"bins": [{"low": 0.5, "high": 0.2, "n": 5, "n_ai": 5}]}]
    + [{"bins": [{"low": 0, "high": float("nan"), "n": 5, "n_ai": 5}]}],
)
def test_a_card_that_makes_no_sense_is_no_evidence(section):
    assert score_evidence.from_card({CARD_KEY: section}) is None


@pytest.mark.parametrize("name", SHIPPED)
def test_the_cards_that_ship_hold_what_their_predictions_say(name):
    bundle = read_bundle(SHIPPED_WEIGHTS / name)
    found = score_evidence.measure(read_predictions(bundle.path / "test_predictions.parquet").rows)
    assert score_evidence.from_card(bundle.card) == found
