"""detector.evaluation.comparison, by hand and against resampling."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from detector.evaluation.comparison import McNemar, Pairs
from detector.evaluation.reliability import Reliability


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(2)
    y_true = (rng.random(1500) < 0.4).astype(int)
    shared = rng.normal(0, 0.15, 1500)
    first = 0.4 + 0.2 * y_true + shared + rng.normal(0, 0.1, 1500)
    second = 0.4 + 0.25 * y_true + shared + rng.normal(0, 0.1, 1500)
    return Pairs(y_true, np.clip(first, 0, 1), np.clip(second, 0, 1))


def table(ids, y_true, y_score):
    return pd.DataFrame({"id": ids, "y_true": y_true, "y_score": y_score})


def test_pairs_are_rows_that_both_have():
    pairs = Pairs.of(
        table(["a", "b", "c"], [0, 1, 1], [0.1, 0.2, 0.3]), table(["c", "a", "d"], [1, 0, 0], [0.9, 0.8, 0.7])
    )
    rows = np.column_stack([pairs.y_true, pairs.first, pairs.second])
    assert sorted(rows.tolist()) == [[0, 0.1, 0.8], [1, 0.3, 0.9]]


def test_a_row_with_another_truth_is_not_the_same_row():
    pairs = Pairs.of(table(["a"], [0], [0.1]), table(["a"], [1], [0.1]))
    assert len(pairs.y_true) == 0


def test_an_id_that_occurs_twice_is_left_out():
    twice = table(["a", "a"], [0, 0], [0.1, 0.2])
    pairs = Pairs.of(twice, table(["a"], [0], [0.1]))
    assert len(pairs.y_true) == 0


def test_mcnemar_by_hand():
    # 1 against 5 of 6 disagreements: 2 * (1 + 6) / 64.
    assert McNemar(1, 5).p_value == pytest.approx(14 / 64)


def test_models_that_never_disagree_do_not_differ():
    assert McNemar(0, 0).p_value == 1


def test_mcnemar_counts_rows_only_one_calls_rightly():
    y_true = np.array([0, 0, 1, 1])
    first = np.array([0.1, 0.9, 0.9, 0.1])
    second = np.array([0.9, 0.9, 0.9, 0.9])
    pairs = Pairs(y_true, first, second)
    assert pairs.mcnemar(0.5, 0.5) == McNemar(only_first=1, only_second=1)


OF_CALLS = {
    "accuracy": sk.accuracy_score,
    "f1": sk.f1_score,
    "cohen_kappa": sk.cohen_kappa_score,
    "mcc": sk.matthews_corrcoef,
}
OF_SCORES = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
}


@pytest.mark.parametrize(("metric", "scorer"), OF_CALLS.items())
def test_differences_of_calls_are_second_minus_first_at_their_own_thresholds(drawn, metric, scorer):
    first = scorer(drawn.y_true, drawn.first >= 0.5)
    second = scorer(drawn.y_true, drawn.second >= 0.6)
    found = drawn.differences(0.5, 0.6)[metric]
    assert found.value == pytest.approx(second - first, abs=1e-12)


@pytest.mark.parametrize(("metric", "scorer"), OF_SCORES.items())
def test_differences_of_scores_are_second_minus_first(drawn, metric, scorer):
    expected = scorer(drawn.y_true, drawn.second) - scorer(drawn.y_true, drawn.first)
    assert drawn.differences(0.5, 0.5)[metric].value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "accuracy", "f1"])
def test_paired_intervals_are_those_of_resampling_rows(drawn, metric):
    rng = np.random.default_rng(4)
    scorers = {
        "roc_auc": sk.roc_auc_score,
        "average_precision": sk.average_precision_score,
        "accuracy": lambda y, s: sk.accuracy_score(y, s >= 0.5),
        "f1": lambda y, s: sk.f1_score(y, s >= 0.5),
    }
    resamples = rng.integers(0, 1500, (300, 1500))
    draws = [
        scorers[metric](drawn.y_true[rows], drawn.second[rows])
        - scorers[metric](drawn.y_true[rows], drawn.first[rows])
        for rows in resamples
    ]
    estimate = drawn.differences(0.5, 0.5)[metric]
    width = 2 * 1.96 * np.std(draws)
    assert estimate.high - estimate.low == pytest.approx(width, rel=0.15)


def test_difference_of_calibration_errors_by_hand():
    # First: .9 and .9 for one AI of two, a gap of .4. Second: .5 and .9, each in a bin of its own: gaps .5
    # and .1, .3 on average.
    pairs = Pairs(np.array([0, 1]), np.array([0.9, 0.9]), np.array([0.5, 0.9]))
    found = pairs.difference("expected_calibration_error", 0.5, 0.5)
    assert found.value == pytest.approx(0.3 - 0.4)
    assert found.low <= found.value <= found.high


def test_interval_of_calibration_errors_is_that_of_resampling_rows(drawn):
    rng = np.random.default_rng(5)
    draws = []
    for rows in rng.integers(0, 1500, (400, 1500)):
        errors = [
            Reliability.of(drawn.y_true[rows], scores[rows]).expected_calibration_error
            for scores in (drawn.first, drawn.second)
        ]
        draws.append(errors[1] - errors[0])
    estimate = drawn.difference("expected_calibration_error", 0.5, 0.5)
    low, high = np.quantile(draws, (0.025, 0.975))
    assert estimate.high - estimate.low == pytest.approx(high - low, rel=0.15)
    tolerance = 0.15 * (high - low)
    assert estimate.low == pytest.approx(2 * estimate.value - high, abs=tolerance)
    assert estimate.high == pytest.approx(2 * estimate.value - low, abs=tolerance)


def test_a_model_does_not_differ_from_itself(drawn):
    same = Pairs(drawn.y_true, drawn.first, drawn.first)
    assert all(estimate.value == 0 for estimate in same.differences(0.5, 0.5).values())


def test_one_class_leaves_undefined_what_needs_both():
    pairs = Pairs(np.ones(3, int), np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.6, 0.9]))
    found = pairs.differences(0.5, 0.5)
    assert {name for name, estimate in found.items() if estimate} == {
        "log_loss",
        "brier",
        "expected_calibration_error",
    }


def test_no_shared_rows_leave_everything_undefined():
    empty = np.empty(0)
    assert set(Pairs(empty, empty, empty).differences(0.5, 0.5).values()) == {None}


def named(*ids: str, y_true: int = 1) -> pd.DataFrame:
    return pd.DataFrame({"id": ids, "y_true": y_true, "y_score": np.arange(len(ids)) / 10})


def test_tables_that_share_no_id_are_matched_by_the_names_of_files():
    shared = Pairs.of(named("a/1.png", "a/2.png", "a/3.png"), named("b/3.jpg", "c\\1.jpg", "4.jpg"))
    assert shared.by_file_name
    assert (shared.first.tolist(), shared.second.tolist()) == ([0.0, 0.2], [0.1, 0.0])


@pytest.mark.parametrize(
    "other",
    [
        named("b/1.jpg", "b/8.jpg", "b/9.jpg"),  # too few to be the same pictures
        named("b/1.jpg", "c/1.jpg", "b/2.jpg", "c/2.jpg"),  # which of both?
        named("b/1.jpg", "b/2.jpg", "b/3.jpg", y_true=0),
    ],
)
def test_names_of_files_that_may_be_others_match_nothing(other):
    assert not len(Pairs.of(named("a/1.png", "a/2.png", "a/3.png"), other).y_true)


def test_a_shared_id_is_enough_to_match_by_ids_alone():
    shared = Pairs.of(named("a/1.png", "a/2.png"), named("a/1.png", "b/2.png"))
    assert not shared.by_file_name and len(shared.y_true) == 1
