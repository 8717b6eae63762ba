"""detector.evaluation.scorecard and its intervals: by hand, and against scikit-learn to 1e-9."""

import numpy as np
import pytest
from sklearn import metrics as sk

from detector.evaluation import scorecard
from detector.evaluation.curves import ConfusionMatrix, Curves
from detector.evaluation.formulas import Rows
from detector.evaluation.intervals import mean, on_logit_scale, resampled, wilson
from detector.evaluation.metrics import METRICS, headline
from detector.evaluation.reliability import Reliability, bin_of, histogram

OF_CALLS = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
    "cohen_kappa": sk.cohen_kappa_score,
    "mcc": sk.matthews_corrcoef,
    "specificity": lambda y_true, y_pred: sk.recall_score(y_true, y_pred, pos_label=0),
}
OF_SCORES = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
}


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(3)
    y_true = (rng.random(3000) < 0.3).astype(float)
    y_score = np.clip(rng.normal(0.35 + 0.3 * y_true, 0.25), 0, 1).round(
        3
    )  # scores of exactly 0 and 1 among them
    return y_true, y_score


def whole(y_true, y_score, threshold):
    rows = Rows(y_true, y_score)
    confusion_matrix = rows.curves.at(threshold)
    return scorecard.at_threshold(confusion_matrix) | scorecard.without_threshold(rows)


@pytest.mark.parametrize("metric", OF_CALLS)
@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.93])
def test_metrics_of_calls_equal_scikit_learn(drawn, metric, threshold):
    y_true, y_score = drawn
    assert whole(*drawn, threshold)[metric].value == pytest.approx(
        OF_CALLS[metric](y_true, y_score >= threshold), abs=1e-9
    )


@pytest.mark.parametrize("metric", OF_SCORES)
def test_metrics_of_scores_equal_scikit_learn(drawn, metric):
    expected = OF_SCORES[metric](*drawn)
    assert whole(*drawn, 0.5)[metric].value == pytest.approx(expected, abs=1e-9)


def test_calibration_error_equals_the_one_on_the_card(drawn):
    on_card = headline(*drawn, 0.5)["expected_calibration_error"]
    assert whole(*drawn, 0.5)["expected_calibration_error"].value == pytest.approx(on_card, abs=1e-12)


def test_every_metric_has_a_name_and_is_within_its_interval(drawn):
    card = whole(*drawn, 0.5)
    assert set(card) == set(METRICS)
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in card.values())


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.93])
def test_per_class_report_reads_as_scikit_learns(drawn, threshold):
    y_true, y_score = drawn
    confusion_matrix = Curves.of(y_true, y_score).at(threshold)
    expected = sk.classification_report(
        y_true, y_score >= threshold, target_names=["real", "AI-generated"], digits=3
    )
    assert scorecard.per_class_report(confusion_matrix) == expected


def test_matthews_correlation_is_zero_where_everything_is_called_the_same():
    assert scorecard.at_threshold(ConfusionMatrix(tn=0, fp=3, fn=0, tp=2))["mcc"].value == 0


def test_precision_is_undefined_where_nothing_is_called_ai_generated():
    assert scorecard.at_threshold(ConfusionMatrix(tn=3, fp=0, fn=2, tp=0))["precision"] is None


def test_one_class_leaves_undefined_what_needs_both():
    card = whole(np.ones(4), np.array([0.2, 0.6, 0.7, 0.9]), 0.5)
    undefined = {name for name, estimate in card.items() if estimate is None}
    assert undefined == {
        "balanced_accuracy",
        "specificity",
        "false_alarm_rate",
        "cohen_kappa",
        "mcc",
        "roc_auc",
        "average_precision",
    }
    assert card["recall"].value == 0.75


def test_no_rows_leave_everything_undefined():
    empty = np.empty(0)
    assert set(scorecard.at_threshold(ConfusionMatrix(0, 0, 0, 0)).values()) == {None}
    assert set(scorecard.without_threshold(Rows(empty, empty)).values()) == {None}


def test_one_row_of_each_class_still_has_an_interval():
    auc = whole(np.array([0.0, 1.0]), np.array([0.2, 0.9]), 0.5)["roc_auc"]
    assert auc.value == 1 and 0 < auc.low < 0.5 and auc.high == 1


# ---- intervals


def test_wilson_by_the_book():
    # Newcombe (1998), table I: 81 of 263 -> 0.2553 to 0.3662; 0 of 20 -> 0 to 0.1611.
    book = wilson(81, 263), wilson(0, 20)
    assert [round(edge, 4) for estimate in book for edge in (estimate.low, estimate.high)] == [
        0.2553,
        0.3662,
        0,
        0.1611,
    ]


def test_no_rows_have_no_proportion():
    assert wilson(0, 0) is None and mean(np.empty(0)) is None


def test_an_area_of_one_gets_wilsons_interval():
    assert on_logit_scale(1.0, 0.0, 20) == wilson(20, 20)


def test_an_areas_interval_stays_within_zero_and_one():
    estimate = on_logit_scale(0.99, 0.1**2, 20)
    assert 0 < estimate.low < 0.99 < estimate.high < 1


def test_posterior_of_a_proportion_is_the_beta_distribution():
    from scipy.stats import beta

    estimate = resampled(0.9, np.array([90, 10]), lambda shares: shares[:, 0])
    assert (estimate.low, estimate.high) == pytest.approx(beta.ppf((0.025, 0.975), 90.5, 10.5), abs=0.01)


def test_balanced_accuracy_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(5)
    recall, specificity = rng.binomial(60, 0.8, 300), rng.binomial(60, 0.7, 300)
    covered = []
    for tp, tn in zip(recall.tolist(), specificity.tolist(), strict=True):
        confusion_matrix = ConfusionMatrix(tn=tn, fp=60 - tn, fn=60 - tp, tp=tp)
        estimate = scorecard.at_threshold(confusion_matrix)["balanced_accuracy"]
        covered.append(estimate.low <= 0.75 <= estimate.high)
    assert 0.91 < np.mean(covered) < 0.99


# ---- reliability


def test_a_score_of_one_is_in_the_last_bin():
    assert bin_of(np.array([0, 0.49, 0.5, 1]), 2).tolist() == [0, 0, 1, 1]


def test_reliability_by_hand():
    found = Reliability.of(np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.4, 0.9]), bins=3)
    np.testing.assert_array_equal(found.counts, [1, 1, 1])
    np.testing.assert_allclose(found.prob_pred, [0.2, 0.4, 0.9])
    np.testing.assert_allclose(found.prob_true, [0, 1, 1])
    assert found.expected_calibration_error == pytest.approx((0.2 + 0.6 + 0.1) / 3)


def test_an_empty_bin_has_no_share():
    found = Reliability.of(np.array([1.0]), np.array([0.9]), bins=2)
    assert np.isnan(found.prob_true[0]) and found.counts.tolist() == [0, 1]


def test_histogram_parts_the_classes():
    real, ai = histogram(np.array([0, 0, 1]), np.array([0.1, 0.6, 0.7]), 2)
    assert (real.tolist(), ai.tolist()) == ([1, 1], [0, 1])
