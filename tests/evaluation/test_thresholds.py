"""detector.evaluation.thresholds, by hand."""

import numpy as np
import pytest

from detector.evaluation.curves import Curves
from detector.evaluation.thresholds import cheapest, expected_cost, most_caught

# Sorted: real 0.1, real 0.2, AI 0.3, real 0.5, AI 0.6, AI 0.9.
CURVES = Curves.of(np.array([0, 0, 1, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.5, 0.6, 0.9]))


@pytest.mark.parametrize(
    ("miss", "false_alarm", "expected"),
    [(1, 1, 0.55), (3, 1, 0.25), (1, 3, 0.55), (1, 0, 0.25), (0, 1, 0.95)],
    ids=[
        "equal costs tie, so fewest false alarms",
        "misses dear",
        "false alarms dear",
        "false alarms free",
        "misses free",
    ],
)
def test_cheapest_threshold(miss, false_alarm, expected):
    assert cheapest(CURVES, miss, false_alarm, prevalence=0.5) == pytest.approx(expected)


def test_rare_ai_generated_pictures_raise_the_threshold():
    assert cheapest(CURVES, 2, 1, prevalence=0.01) > cheapest(CURVES, 2, 1, prevalence=0.9)


def test_cheapest_agrees_with_trying_every_threshold():
    rng = np.random.default_rng(0)
    y_true = rng.random(300) < 0.4
    y_score = rng.normal(0.4 + 0.2 * y_true, 0.15).clip(0, 1).round(2)
    curves = Curves.of(y_true, y_score)

    def cost(threshold):
        counts = curves.at(threshold)
        return expected_cost(counts.fn / curves.n_ai, counts.fp / curves.n_real, 3, 1, 0.2)

    assert cost(cheapest(curves, 3, 1, 0.2)) == pytest.approx(
        min(cost(threshold) for threshold in np.linspace(0, 1, 2001))
    )


@pytest.mark.parametrize(("rate", "expected"), [(0, 0.55), (0.34, 0.25), (0.67, 0.15), (1, 0.0)])
def test_most_caught_within_the_bearable_false_alarms(rate, expected):
    assert most_caught(CURVES, rate) == pytest.approx(expected)


def test_no_false_alarms_where_a_real_picture_scores_one():
    curves = Curves.of(np.array([0, 1]), np.array([1.0, 0.5]))
    assert curves.at(most_caught(curves, 0)).fp == 0
