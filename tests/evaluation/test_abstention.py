"""detector.evaluation.abstention: errors against answers, by hand."""

import numpy as np
import pytest

from detector.evaluation.abstention import MAX_POINTS, RiskCoverage, band
from detector.evaluation.calibration import sigmoid
from detector.evaluation.curves import Curves


def risk(y_true, distances, threshold=0.5):
    """Of rows whose scores lie that far from the threshold in log-odds."""
    centre = np.log(threshold / (1 - threshold))
    y_score = sigmoid(centre + np.array(distances, float))
    return RiskCoverage.of(Curves.of(np.array(y_true), y_score), threshold)


def log_odds(probability):
    return np.log(probability / (1 - probability))


def test_the_most_confident_come_first_on_both_sides_of_the_threshold():
    # By distance: 4 right, -3 wrong (an AI called real), 2 right, -1 right.
    found = risk([1, 1, 1, 0], [4, -3, 2, -1])
    assert (found.answered.tolist(), found.wrong.tolist()) == ([1, 2, 3, 4], [0, 1, 1, 1])


def test_the_area_is_the_mean_of_the_curve():
    error_rates = [0, 1 / 2, 1 / 3, 1 / 4]
    found = risk([1, 1, 1, 0], [4, -3, 2, -1])
    assert found.area == pytest.approx(sum(error_rates) / 4)


def test_rows_of_one_confidence_come_in_random_order():
    # Equal scores, and the mirrored score on the other side: of the three, one is wrong, so each place holds
    # a third of an error.
    found = risk([1, 0, 0, 0], [2, 2, -2, -1])
    assert (found.answered.tolist(), found.wrong.tolist()) == ([3, 4], [1, 1])
    error_rates = [1 / 3, 1 / 3, 1 / 3, 1 / 4]
    assert found.at(0.5).value == pytest.approx((2 / 3) / 2)
    assert found.area == pytest.approx(sum(error_rates) / 4)


def test_confidence_is_measured_from_the_threshold_and_not_from_one_half():
    y_true, y_score = np.array([1, 0]), np.array([0.9, 0.7])
    assert RiskCoverage.of(Curves.of(y_true, y_score), 0.5).wrong.tolist() == [
        0,
        1,
    ]  # called AI both; 0.7 is the less sure
    assert RiskCoverage.of(Curves.of(y_true, y_score), 0.95).wrong.tolist() == [
        0,
        1,
    ]  # called real both; 0.9 is the less sure


def test_equals_a_plain_sort():
    rng = np.random.default_rng(0)
    y_true, y_score = rng.integers(0, 2, 500), rng.random(500)
    found = RiskCoverage.of(Curves.of(y_true, y_score), 0.3)
    distance = np.abs(log_odds(y_score) - log_odds(0.3))
    wrong = ((y_score >= 0.3) != (y_true == 1))[np.argsort(-distance)]
    np.testing.assert_array_equal(found.answered, np.arange(1, 501))
    np.testing.assert_array_equal(found.wrong, np.cumsum(wrong))
    error_rates = np.cumsum(wrong) / np.arange(1, 501)
    assert found.area == pytest.approx(np.mean(error_rates))


def test_with_many_scores_the_curve_is_known_at_some_of_them_and_exact_there():
    rng = np.random.default_rng(1)
    y_true, y_score = rng.integers(0, 2, 30_000), rng.random(30_000)
    found = RiskCoverage.of(Curves.of(y_true, y_score), 0.6)
    distance = np.abs(log_odds(y_score) - log_odds(0.6))
    is_wrong = (y_score >= 0.6) != (y_true == 1)
    wrong = is_wrong[np.argsort(-distance)]
    assert 1000 < len(found.answered) <= MAX_POINTS + 1 and found.n == 30_000
    np.testing.assert_array_equal(found.wrong, np.cumsum(wrong)[found.answered - 1])
    error_rates = np.cumsum(wrong) / np.arange(1, 30_001)
    assert found.area == pytest.approx(np.mean(error_rates), abs=1e-3)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_at_the_end_of_the_scale_is_fine(threshold):
    curves = Curves.of(np.array([0, 1, 1]), np.array([0.0, 0.5, 1.0]))
    found = RiskCoverage.of(curves, threshold)
    assert found.n == 3 and found.wrong[-1] == 1


def test_error_rate_at_a_coverage_comes_with_its_interval():
    estimate = risk([1, 1, 1, 0], [4, -3, 2, -1]).at(0.5)
    assert estimate.value == 0.5 and estimate.low < 0.5 < estimate.high


def test_no_rows_have_no_curve():
    found = RiskCoverage.of(Curves.of(np.empty(0), np.empty(0)), 0.5)
    assert found.n == 0 and found.area is None and found.at(0.5) is None


def test_the_band_leaves_open_what_lies_strictly_within():
    # 0.4 and 0.6 are its edges and answered; 0.5 is not. Of the four answered 0.7 (real) is wrong.
    found = band(np.array([0, 1, 1, 0, 1]), np.array([0.4, 0.5, 0.6, 0.7, 0.9]), 0.5, (0.4, 0.6))
    assert found.answered.value == 4 / 5 and found.error.value == 1 / 4


def test_a_band_that_holds_everything_has_no_error_rate():
    assert band(np.array([0, 1]), np.array([0.5, 0.6]), 0.5, (0.0, 1.0)).error is None


def test_no_rows_have_no_band():
    assert band(np.empty(0), np.empty(0), 0.5, (0.4, 0.6)) is None
