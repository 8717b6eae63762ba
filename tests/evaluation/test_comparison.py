"""detector.evaluation.comparison, by hand and against resampling."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from detector.evaluation.comparison import McNemar, Pairs
from detector.evaluation.metrics import expected_calibration_error


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(2)
    y_true = (rng.random(1500) < 0.4).astype(int)
    shared = rng.normal(0, 0.15, 1500)
    first, second = (np.clip(0.4 + gain * y_true + shared + rng.normal(0, 0.1, 1500), 0, 1) for gain in (0.2, 0.25))
    return Pairs(y_true, first, second)


def table(ids, y_true, y_score):
    return pd.DataFrame({"id": ids, "y_true": y_true, "y_score": y_score})


def test_pairs_are_rows_that_both_have():
    pairs = Pairs.of(table(["a", "b", "c"], [0, 1, 1], [0.1, 0.2, 0.3]), table(["c", "a", "d"], [1, 0, 0], [0.9, 0.8, 0.7]))
    assert sorted(zip(pairs.y_true.tolist(), pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(0, 0.1, 0.8), (1, 0.3, 0.9)]


def test_a_row_with_another_truth_is_not_the_same_row():
    assert len(Pairs.of(table(["a"], [0], [0.1]), table(["a"], [1], [0.1])).y_true) == 0


def test_an_id_that_occurs_twice_is_left_out():
    assert len(Pairs.of(table(["a", "a"], [0, 0], [0.1, 0.2]), table(["a"], [0], [0.1])).y_true) == 0


def test_mcnemar_by_hand():
    # 1 against 5 of 6 disagreements: 2 * (1 + 6) / 64.
    assert McNemar(1, 5).p_value == pytest.approx(14 / 64)


def test_models_that_never_disagree_do_not_differ():
    assert McNemar(0, 0).p_value == 1


def test_mcnemar_counts_rows_only_one_calls_rightly():
    pairs = Pairs(np.array([0, 0, 1, 1]), np.array([0.1, 0.9, 0.9, 0.1]), np.array([0.9, 0.9, 0.9, 0.9]))
    assert pairs.mcnemar(0.5, 0.5) == McNemar(only_first=1, only_second=1)


OF_CALLS = {"accuracy": sk.accuracy_score, "f1": sk.f1_score, "cohen_kappa": sk.cohen_kappa_score, "mcc": sk.matthews_corrcoef}
OF_SCORES = {"roc_auc": sk.roc_auc_score, "average_precision": sk.average_precision_score, "log_loss": sk.log_loss, "brier": sk.brier_score_loss}


@pytest.mark.parametrize(("metric", "scorer"), OF_CALLS.items())
def test_differences_of_calls_are_second_minus_first_at_their_own_thresholds(drawn, metric, scorer):
    expected = scorer(drawn.y_true, drawn.second >= 0.6) - scorer(drawn.y_true, drawn.first >= 0.5)
    assert drawn.differences(0.5, 0.6)[metric].value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("metric", "scorer"), OF_SCORES.items())
def test_differences_of_scores_are_second_minus_first(drawn, metric, scorer):
    expected = scorer(drawn.y_true, drawn.second) - scorer(drawn.y_true, drawn.first)
    assert drawn.differences(0.5, 0.5)[metric].value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "accuracy", "f1"])
def test_paired_intervals_are_those_of_resampling_rows(drawn, metric):
    rng = np.random.default_rng(4)
    scorers = {
        "roc_auc": sk.roc_auc_score, "average_precision": sk.average_precision_score,
        "accuracy": lambda y, s: sk.accuracy_score(y, s >= 0.5), "f1": lambda y, s: sk.f1_score(y, s >= 0.5),
    }  # fmt: skip
    resamples = rng.integers(0, 1500, (300, 1500))
    draws = [scorers[metric](drawn.y_true[rows], drawn.second[rows]) - scorers[metric](drawn.y_true[rows], drawn.first[rows]) for rows in resamples]
    estimate = drawn.differences(0.5, 0.5)[metric]
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * np.std(draws), rel=0.15)


def test_difference_of_calibration_errors_by_hand():
    # First: .9 and .9 for one AI of two, a gap of .4. Second: .5 and .9, each in a bin of its own: gaps .5 and .1, .3 on average.
    found = Pairs(np.array([0, 1]), np.array([0.9, 0.9]), np.array([0.5, 0.9])).of_calibration()
    assert found.value == pytest.approx(0.3 - 0.4) and found.low <= found.value <= found.high


def test_interval_of_calibration_errors_is_that_of_resampling_rows(drawn):
    rng = np.random.default_rng(5)
    draws = []
    for rows in rng.integers(0, 1500, (400, 1500)):
        errors = [expected_calibration_error(drawn.y_true[rows], scores[rows]) for scores in (drawn.first, drawn.second)]
        draws.append(errors[1] - errors[0])
    estimate = drawn.of_calibration()
    low, high = np.quantile(draws, (0.025, 0.975))
    assert estimate.high - estimate.low == pytest.approx(high - low, rel=0.15)
    assert (estimate.low, estimate.high) == pytest.approx((2 * estimate.value - high, 2 * estimate.value - low), abs=0.15 * (high - low))


def test_a_model_does_not_differ_from_itself(drawn):
    same = Pairs(drawn.y_true, drawn.first, drawn.first)
    assert all(estimate.value == 0 for estimate in same.differences(0.5, 0.5).values())


def test_one_class_leaves_undefined_what_needs_both():
    found = Pairs(np.ones(3, int), np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.6, 0.9])).differences(0.5, 0.5)
    assert {name for name, estimate in found.items() if estimate} == {"log_loss", "brier", "expected_calibration_error"}


def test_no_shared_rows_leave_everything_undefined():
    empty = np.empty(0)
    assert set(Pairs(empty, empty, empty).differences(0.5, 0.5).values()) == {None}
