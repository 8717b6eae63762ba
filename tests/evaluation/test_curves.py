"""detector.evaluation.curves: by hand, and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk

from detector.evaluation.curves import ConfusionMatrix, Curves, thin

# Real rows at 0.1, 0.4, 0.4 and AI-generated ones at 0.4, 0.8: one tie across the classes.
Y_TRUE, Y_SCORE = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.4, 0.8])


def drawn(n=2000, decimals=2, seed=0):
    """Overlapping classes with many ties."""
    rng = np.random.default_rng(seed)
    y_true = rng.random(n) < 0.4
    y_score = rng.normal(0.4 + 0.2 * y_true, 0.2)
    return y_true.astype(int), np.clip(y_score, 0, 1).round(decimals)


def test_equal_scores_become_one_point():
    curves = Curves.of(Y_TRUE, Y_SCORE)
    assert curves.scores.tolist() == [0.1, 0.4, 0.8]
    assert curves.tp.tolist() == [2, 2, 1]
    assert curves.fp.tolist() == [3, 2, 0]


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.0, ConfusionMatrix(0, 3, 0, 2)),
        (0.1, ConfusionMatrix(0, 3, 0, 2)),
        (0.11, ConfusionMatrix(1, 2, 0, 2)),
        (0.4, ConfusionMatrix(1, 2, 0, 2)),
        (0.41, ConfusionMatrix(3, 0, 1, 1)),
        (0.8, ConfusionMatrix(3, 0, 1, 1)),
        (0.81, ConfusionMatrix(3, 0, 2, 0)),
        (1.0, ConfusionMatrix(3, 0, 2, 0)),
    ],
)
def test_a_score_at_the_threshold_is_called_ai_generated(threshold, expected):
    assert Curves.of(Y_TRUE, Y_SCORE).at(threshold) == expected


def test_matrix_has_truth_in_rows_and_prediction_in_columns():
    assert ConfusionMatrix(tn=1, fp=2, fn=3, tp=4).matrix == [[1, 2], [3, 4]]


def test_roc_auc_counts_ties_half():
    # Of 3 x 2 pairs, 0.4 beats one and ties with two, 0.8 beats three: (1 + 2 / 2 + 3) / 6.
    assert Curves.of(Y_TRUE, Y_SCORE).roc_auc == pytest.approx(5 / 6)


def test_average_precision_by_hand():
    # The upper AI-generated row has precision 1; at 0.4 two of four are AI-generated.
    assert Curves.of(Y_TRUE, Y_SCORE).average_precision == pytest.approx((1 + 0.5) / 2)


@pytest.mark.parametrize("decimals", [1, 2, 17])
def test_roc_equals_scikit_learn(decimals):
    y_true, y_score = drawn(decimals=decimals)
    for ours, theirs in zip(
        Curves.of(y_true, y_score).roc(), sk.roc_curve(y_true, y_score, drop_intermediate=False), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("decimals", [1, 2, 17])
def test_precision_recall_equals_scikit_learn(decimals):
    y_true, y_score = drawn(decimals=decimals)
    precision, recall, thresholds = sk.precision_recall_curve(y_true, y_score)
    ours = Curves.of(y_true, y_score).precision_recall()
    np.testing.assert_allclose(ours[0], recall[::-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours[1], precision[::-1], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(ours[2][1:], thresholds[::-1])


@pytest.mark.parametrize("decimals", [0, 2, 17])
def test_areas_equal_scikit_learn(decimals):
    y_true, y_score = drawn(decimals=decimals)
    curves = Curves.of(y_true, y_score)
    assert curves.roc_auc == pytest.approx(sk.roc_auc_score(y_true, y_score), abs=1e-12)
    assert curves.average_precision == pytest.approx(sk.average_precision_score(y_true, y_score), abs=1e-12)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_counts_but_no_areas(label):
    curves = Curves.of(np.full(3, label), np.array([0.2, 0.5, 0.5]))
    assert curves.at(0.5) == (ConfusionMatrix(0, 0, 1, 2) if label else ConfusionMatrix(1, 2, 0, 0))
    assert (curves.both, curves.roc_auc, curves.average_precision) == (False, None, None)


def test_no_rows_have_empty_counts():
    curves = Curves.of(np.empty(0), np.empty(0))
    assert curves.at(0.5) == ConfusionMatrix(0, 0, 0, 0) and curves.roc_auc is None


def test_delong_variance_by_hand():
    # Placements: AI-generated (1 + 2 / 2) / 3 and 1; real 1, (1 + 1 / 2) / 2 twice. Each variance over its
    # number of rows.
    curves = Curves.of(Y_TRUE, Y_SCORE)
    expected = np.var([2 / 3, 1], ddof=1) / 2 + np.var([1, 0.75, 0.75], ddof=1) / 3
    assert curves.variance(curves.roc_auc_influence()) == pytest.approx(expected)


@pytest.mark.parametrize("area", ["roc_auc", "average_precision"])
def test_variance_of_an_area_is_that_of_resampling(area):
    y_true, y_score = drawn(1000)
    curves = Curves.of(y_true, y_score)
    rng = np.random.default_rng(1)
    draws = []
    for rows in rng.integers(0, 1000, (1000, 1000)):
        resampled = Curves.of(y_true[rows], y_score[rows])
        draws.append(getattr(resampled, area))
    influence = getattr(curves, f"{area}_influence")()
    assert curves.variance(influence) == pytest.approx(np.var(draws), rel=0.15)


def test_average_precision_influences_cancel_out():
    y_true, y_score = drawn()
    curves = Curves.of(y_true, y_score)
    of_ai, of_real = curves.average_precision_influence()
    place = np.searchsorted(curves.scores, y_score)
    of_row = np.where(y_true == 1, of_ai[place], of_real[place])
    assert of_row.sum() == pytest.approx(0, abs=1e-12)


def test_thinning_keeps_short_curves_whole():
    kept = thin(np.linspace(0, 1, 50), np.zeros(50))
    assert kept.tolist() == list(range(50))


def test_thinning_bounds_the_number_of_points():
    x = np.linspace(0, 1, 100_000)
    assert len(thin(x, np.sin(1000 * x), columns=100)) <= 400


def test_thinning_keeps_the_ends_and_each_strips_extremes():
    x = np.linspace(0, 1, 10_001)
    y = np.zeros_like(x)
    y[4321], y[4322] = 5, -5
    assert {0, 10_000, 4321, 4322} <= set(thin(x, y, columns=10).tolist())
