"""detector.evaluation: calibration, decision, metrics and the predictions table, by hand or against
scikit-learn."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk

from detector.evaluation.calibration import (
    calibrated,
    choose_threshold,
    choose_unsure_band,
    fit_temperature,
    sigmoid,
)
from detector.evaluation.metrics import headline
from detector.evaluation.predictions import Predictions, PredictionsError, read_predictions, write_predictions
from detector.evaluation.reliability import Reliability
from detector.evaluation.subsets import quoted_subsets


def log_odds(probability):
    return np.log(probability / (1 - probability))


# ---- calibration


def test_sigmoid_by_hand():
    logits = [0, np.log(3), -np.log(3)]
    np.testing.assert_allclose(sigmoid(logits), [0.5, 0.75, 0.25], rtol=1e-12)


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(sigmoid(np.float32([-1e30, 1e30])), [0, 1])


def test_sigmoid_is_float64_and_keeps_the_shape():
    result = sigmoid(np.zeros((2, 3), np.float32))
    assert result.dtype == np.float64 and result.shape == (2, 3)


def test_calibrated_divides_by_the_temperature():
    assert calibrated(2 * np.log(3), 2.0) == pytest.approx(0.75)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_temperature_recovers_a_known_one(temperature):
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, 20_000)  # log-odds that are right on average
    y_true = rng.random(len(honest)) < sigmoid(honest)
    assert fit_temperature(y_true, honest * temperature) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("temperature", [0.05, 0.7, 20])
def test_temperature_moves_no_image_across_one_half(temperature):
    logits = np.linspace(-30, 30, 1001)
    np.testing.assert_array_equal(calibrated(logits, temperature) >= 0.5, logits >= 0)


def test_temperature_of_perfectly_separated_rows_stays_in_its_bounds():
    assert 0.05 <= fit_temperature([0, 0, 1, 1], [-1.0, -2.0, 1.0, 2.0]) < 0.06


def test_temperature_of_hopeless_rows_stays_in_its_bounds():
    assert 19 < fit_temperature([1, 1, 0, 0], [-1.0, -2.0, 1.0, 2.0]) <= 20


@pytest.mark.parametrize("y_true", [[1, 1], [0, 0], []])
def test_temperature_needs_both_classes(y_true):
    with pytest.raises(ValueError, match="both classes"):
        fit_temperature(y_true, np.zeros(len(y_true)))


# ---- threshold


def test_threshold_lies_midway_between_separated_classes():
    assert choose_threshold([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.8]) == pytest.approx(0.5)


def test_threshold_has_the_best_balanced_accuracy():
    # candidates .1 .25 .35 .5 .65 .85: recall 1 1 1 2/3 1/3 0, false alarms 1 2/3 1/3 1/3 1/3 0 -> best 1 -
    # 1/3 at .35
    assert choose_threshold([0, 0, 1, 1, 0, 1], [0.2, 0.3, 0.4, 0.6, 0.7, 0.7]) == pytest.approx(0.35)


def test_threshold_weighs_classes_and_not_rows():
    # at .225: recall 1, false alarms 1/4; at .65: recall 1/2, false alarms 0. Plain accuracy would not tell
    # them apart (5 of 6).
    assert choose_threshold([0, 0, 0, 1, 0, 1], [0.1, 0.1, 0.1, 0.35, 0.4, 0.9]) == pytest.approx(0.225)


def test_among_equal_thresholds_the_one_nearest_one_half_wins():
    # .15 and .55 both find one of two AI images more than they raise false alarms
    assert choose_threshold([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]) == pytest.approx(0.55)


def test_images_with_one_score_stay_on_one_side():
    threshold = choose_threshold([0, 0, 1, 1], [0.2, 0.6, 0.6, 0.6])
    assert threshold == pytest.approx(0.4)


def test_threshold_obeys_the_limit_on_false_alarms():
    y_true, y_score = [0, 0, 1, 1, 0, 1], [0.2, 0.3, 0.4, 0.6, 0.7, 0.8]
    assert choose_threshold(y_true, y_score) == pytest.approx(0.35)  # recall 1, false alarms 1/3
    assert choose_threshold(y_true, y_score, max_false_alarms=0.0) == pytest.approx(0.75)  # recall 1/3, none
    assert choose_threshold(y_true, y_score, max_false_alarms=0.34) == pytest.approx(0.35)


def test_limit_that_cannot_be_met_leaves_as_few_false_alarms_as_can_be():
    # a real image scored 1 is a false alarm at every threshold; .05 would add the other one
    assert choose_threshold([0, 0, 1], [0.1, 1.0, 0.5], max_false_alarms=0.0) == pytest.approx(0.3)


@pytest.mark.parametrize("y_true", [[0, 0], [1, 1]])
def test_threshold_has_log_odds_even_for_one_class(y_true):
    assert 0 < choose_threshold(y_true, [0.4, 0.4]) < 1


# ---- unsure band


def test_no_band_where_few_enough_are_wrong():
    assert choose_unsure_band([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 0.5, 0.0) == (0.5, 0.5)


def test_band_by_hand():
    # Nearest to 0.5 first: .6 (wrong), .35, .2, .9 (right). With .6 outside 1 of 4 is wrong, without it none:
    # the edge is midway to .35.
    low, high = choose_unsure_band([0, 0, 0, 1], [0.6, 0.35, 0.2, 0.9], 0.5, 0.1)
    half = (log_odds(0.6) + log_odds(0.65)) / 2
    assert low == pytest.approx(sigmoid(-half))
    assert high == pytest.approx(sigmoid(half))


def test_band_is_symmetric_in_log_odds_around_the_threshold():
    low, high = choose_unsure_band([1, 1, 0, 1], [0.6, 0.25, 0.1, 0.95], 0.3, 0.1)
    assert low < 0.3 < high
    below = log_odds(0.3) - log_odds(low)
    above = log_odds(high) - log_odds(0.3)
    assert below == pytest.approx(above)


def test_band_leaves_out_no_more_than_it_must():
    # One of four wrong is allowed: no band. None allowed: the wrong one, which is nearest, goes inside.
    y_true, y_score = [1, 0, 0, 1], [0.45, 0.2, 0.1, 0.9]
    assert choose_unsure_band(y_true, y_score, 0.5, 0.25) == (0.5, 0.5)
    low, high = choose_unsure_band(y_true, y_score, 0.5, 0.2)
    assert 0.2 < low < 0.45 and 0.55 < high < 0.8


def test_rows_at_the_same_distance_are_not_parted():
    # Two rows at .7, one right and one wrong: both inside, the edge midway to .1, or both outside.
    y_true, y_score = [0, 1, 1, 0], [0.1, 0.95, 0.7, 0.7]
    low, _ = choose_unsure_band(y_true, y_score, 0.5, 0.0)
    assert low == pytest.approx(sigmoid(-(log_odds(0.7) + log_odds(0.9)) / 2))
    assert choose_unsure_band(y_true, y_score, 0.5, 0.25) == (0.5, 0.5)


def test_at_least_five_percent_stay_outside():
    y_true, y_score = np.zeros(100, int), np.linspace(0.51, 0.99, 100)  # all wrong
    low, high = choose_unsure_band(y_true, y_score, 0.5, 0.1)
    assert ((y_score <= low) | (y_score >= high)).sum() == 5


def test_errors_outside_the_band_are_as_promised():
    rng = np.random.default_rng(3)
    y_true = rng.integers(0, 2, 2000)
    y_score = sigmoid(rng.normal(2 * y_true - 1, 1.5))
    for threshold, allowed in ((0.5, 0.1), (0.35, 0.05), (0.8, 0.2)):
        low, high = choose_unsure_band(y_true, y_score, threshold, allowed)
        outside = (y_score <= low) | (y_score >= high)
        wrong = (y_score >= threshold) != (y_true == 1)
        assert wrong[outside].mean() <= allowed < wrong.mean()


def test_band_around_a_threshold_of_0_begins_at_0():
    low, high = choose_unsure_band(
        [0, 1, 1], [0.0, 1e-6, 0.9], 0.0, 0.0
    )  # the score of 0 is called AI-generated, and wrong
    assert low == 0 and 0 < high < 1e-6


def test_band_holds_its_threshold_whatever_the_rounding():
    for threshold in (*np.random.default_rng(0).random(500), 0.0, 1.0):
        for max_error in (0.0, 0.5):
            low, high = choose_unsure_band([0, 1], [0.2, 0.8], threshold, max_error)
            assert 0 <= low <= threshold <= high <= 1


# ---- metrics


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 300)
    return y_true, np.round(sigmoid(rng.normal(2 * y_true - 1, 2)), 2)  # rounded, so that scores repeat


def test_figures_equal_scikit_learn(rows):
    y_true, y_score = rows
    y_pred = y_score >= 0.4
    figures = headline(y_true, y_score, 0.4)
    expected = {
        "accuracy": sk.accuracy_score(y_true, y_pred),
        "balanced_accuracy": sk.balanced_accuracy_score(y_true, y_pred),
        "precision": sk.precision_score(y_true, y_pred),
        "recall": sk.recall_score(y_true, y_pred),
        "f1": sk.f1_score(y_true, y_pred),
        "false_alarm_rate": 1 - sk.recall_score(y_true, y_pred, pos_label=0),
        "roc_auc": sk.roc_auc_score(y_true, y_score),
        "average_precision": sk.average_precision_score(y_true, y_score),
        "log_loss": sk.log_loss(y_true, y_score),
        "brier": sk.brier_score_loss(y_true, y_score),
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected)
    assert figures["confusion_matrix"] == sk.confusion_matrix(y_true, y_pred).tolist()
    n_ai = y_true.sum()
    assert (figures["n"], figures["n_ai"], figures["n_real"]) == (300, n_ai, 300 - n_ai)


def test_confusion_matrix_is_truth_by_prediction_with_real_first():
    # real .1 right, real .6 wrong; AI .3 wrong, AI .7 and .9 right
    assert headline([0, 0, 1, 1, 1], [0.1, 0.6, 0.3, 0.7, 0.9], 0.5)["confusion_matrix"] == [[1, 1], [1, 2]]


def test_score_at_the_threshold_counts_as_ai():
    assert headline([1, 0], [0.5, 0.4], 0.5)["confusion_matrix"] == [[1, 0], [0, 1]]


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_some_figures_undefined(label):
    figures = headline([label, label], [0.2, 0.9], 0.5)
    assert figures["roc_auc"] is figures["average_precision"] is figures["balanced_accuracy"] is None
    assert figures["accuracy"] == 0.5
    assert figures["brier"] == pytest.approx(((0.2 - label) ** 2 + (0.9 - label) ** 2) / 2)
    assert (figures["recall"] is None) == (label == 0) and (figures["false_alarm_rate"] is None) == (
        label == 1
    )


def test_nothing_called_ai_has_no_precision():
    figures = headline([0, 1], [0.1, 0.2], 0.5)
    assert figures["precision"] is None and figures["recall"] == 0 and figures["f1"] == 0


def test_no_rows_have_no_figures():
    assert headline([], [], 0.5) == {"n": 0}


def test_certain_and_wrong_scores_are_finite():
    assert np.isfinite(headline([0, 1], [1.0, 0.0], 0.5)["log_loss"])


def test_figures_are_plain_numbers(rows):
    import json

    json.dumps(headline(*rows, 0.5), allow_nan=False)


def calibration_error(y_true, y_score, bins):
    return Reliability.of(y_true, y_score, bins).expected_calibration_error


def test_calibration_error_by_hand():
    # two bins: {.2, .4} holds one AI of two (gap .5 - .3, weight 1/2), {.6, .8} two of two (gap 1 - .7,
    # weight 1/2)
    assert calibration_error([0, 1, 1, 1], [0.2, 0.4, 0.6, 0.8], bins=2) == pytest.approx(0.25)


def test_calibration_error_takes_a_score_of_1_into_the_last_bin():
    assert calibration_error([1, 0], [1.0, 0.0], bins=10) == 0


def test_subsets_are_named_and_empty_ones_left_out():
    rows = pd.DataFrame({"split": ["test", "test", "unseen"], "paired": [True, False, True]})
    subsets = quoted_subsets(rows)
    assert {name: chosen.tolist() for name, chosen in subsets.items()} == {
        "test": [True, True, False],
        "test, paired": [True, False, False],
        "unseen": [False, False, True],
        "unseen, paired": [False, False, True],
    }


# ---- the predictions table


@pytest.fixture
def table():
    figures = {"y_true": np.int8([0, 1]), "logit": np.float32([-1, 2]), "y_score": [0.25, 0.9]}
    return pd.DataFrame({"id": ["a", "é/b"], **figures, "paired": [True, False]})


def test_predictions_round_trip(table, tmp_path):
    write_predictions(Predictions(table, "ab" * 32), tmp_path / "p.parquet")
    read = read_predictions(tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(read.rows, table)
    assert read.weights_sha256 == "ab" * 32


def test_file_itself_carries_the_weights_hash(table, tmp_path):
    write_predictions(Predictions(table, "ab" * 32), tmp_path / "p.parquet")
    assert pq.read_schema(tmp_path / "p.parquet").metadata[b"telltale.weights_sha256"] == b"ab" * 32


def test_nothing_half_written_is_left_behind(table, tmp_path):
    write_predictions(Predictions(table, ""), tmp_path / "p.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_file_without_a_hash_is_nobodys(table, tmp_path):
    table.to_parquet(tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").weights_sha256 == ""


def test_bundles_predictions_are_those_of_its_weights(tiny_bundle):
    from detector.bundle import read_bundle

    predictions = read_predictions(tiny_bundle / "test_predictions.parquet")
    assert (
        predictions.weights_sha256 == read_bundle(tiny_bundle).weights_sha256 and len(predictions.rows) == 40
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"y_true": [0, 2]}, "0 or 1"),
        ({"y_true": ["0", "1"]}, "finite numbers"),
        ({"y_true": [0, None]}, "finite numbers"),
        ({"y_score": [0.5, 1.5]}, "between 0 and 1"),
        ({"y_score": [0.5, np.nan]}, "finite numbers"),
        ({"y_score": ["a", "b"]}, "finite numbers"),
        ({"y_score": [[0.5], [0.5]]}, "finite numbers"),
        ({"y_score": pd.to_datetime(["2024-01-01", "2024-01-02"])}, "finite numbers"),
        ({"logit": [1, np.inf]}, "finite numbers"),
        ({"logit": None}, "column logit"),
        ({"id": None, "y_score": None}, "column id, y_score"),
    ],
)
def test_values_out_of_range_are_refused(table, tmp_path, changes, sentence):
    for column, values in changes.items():
        table = table.drop(columns=column) if values is None else table.assign(**{column: values})
    table.to_parquet(tmp_path / "p.parquet")
    with pytest.raises(PredictionsError, match=sentence):
        read_predictions(tmp_path / "p.parquet")


def test_repeated_column_is_refused(tmp_path):
    names, columns = ["id", "y_true", "logit", "y_score", "y_score"], [["a"], [1], [0.5], [0.5], [0.5]]
    arrays = [pa.array(column) for column in columns]
    pq.write_table(pa.table(arrays, names=names), tmp_path / "p.parquet")
    with pytest.raises(PredictionsError, match="y_score"):
        read_predictions(tmp_path / "p.parquet")


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"id,y_true\n"],
    ids=["empty", "magic", "zeros", "csv"],
)
def test_file_that_is_no_parquet_is_refused(tmp_path, content):
    (tmp_path / "p.parquet").write_bytes(content)
    with pytest.raises(PredictionsError, match="p.parquet cannot be read"):
        read_predictions(tmp_path / "p.parquet")


def test_damaged_parquet_is_refused_or_read_but_never_trips(table, tmp_path):
    write_predictions(Predictions(table, "ab" * 32), tmp_path / "p.parquet")
    good = (tmp_path / "p.parquet").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(good)
        for position in rng.integers(4, len(good) - 4, 3):
            damaged[position] = rng.integers(256)
        (tmp_path / "d.parquet").write_bytes(damaged)
        try:
            read_predictions(tmp_path / "d.parquet")
        except PredictionsError:
            continue


def test_missing_file_and_folder_are_refused(tmp_path):
    for path in (tmp_path / "nothing.parquet", tmp_path):
        with pytest.raises(PredictionsError):
            read_predictions(path)


def test_odd_pandas_metadata_is_ignored(table, tmp_path):
    arrow = pa.Table.from_pandas(table).replace_schema_metadata({b"pandas": b"{not json"})
    pq.write_table(arrow, tmp_path / "p.parquet")
    assert len(read_predictions(tmp_path / "p.parquet").rows) == 2


def test_claim_of_billions_of_rows_is_refused(table, tmp_path, monkeypatch):
    from detector.evaluation import predictions

    monkeypatch.setattr(predictions, "MAX_ROWS", 1)
    write_predictions(Predictions(table, ""), tmp_path / "p.parquet")
    with pytest.raises(PredictionsError, match="claims 2 rows"):
        read_predictions(tmp_path / "p.parquet")


def test_table_without_rows_is_read(table, tmp_path):
    write_predictions(Predictions(table.iloc[:0], ""), tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").rows.empty
