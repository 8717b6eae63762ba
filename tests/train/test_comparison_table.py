"""train.comparison_table: figures worked out by hand, and how they are written."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from detector.evaluation.intervals import Estimate
from train.comparison_table import Row, Speed, as_json, as_markdown, as_text, cells, estimates_of, headings

# At 0.5: 4 real ones called real and 1 called AI-generated, 2 AI-generated ones called real and 3 called so.
SCORES = {0: (0.1, 0.2, 0.3, 0.4, 0.6), 1: (0.25, 0.45, 0.7, 0.8, 0.9)}


@pytest.fixture(scope="module")
def estimates():
    table = pd.DataFrame(
        [{"y_true": y_true, "y_score": score} for y_true, scores in SCORES.items() for score in scores]
    )
    n, estimates = estimates_of(table, 0.5)
    assert n == 10
    return estimates


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("accuracy", 7 / 10),
        ("balanced_accuracy", (3 / 5 + 4 / 5) / 2),
        ("f1", 2 * 3 / (2 * 3 + 1 + 2)),
        # Agreement 0.7. By chance: 4 of 10 are called AI-generated and 5 are so, 0.2; 6 and 5 for real, 0.3.
        ("cohen_kappa", (0.7 - 0.5) / (1 - 0.5)),
        # 0.25 beats two real ones, 0.45 four, the others all five.
        ("roc_auc", (2 + 4 + 5 + 5 + 5) / 25),
    ],
)
def test_a_metric_by_hand(estimates, metric, value):
    estimate = estimates[metric]
    assert estimate.value == pytest.approx(value)
    assert estimate.low < estimate.value < estimate.high


@pytest.fixture
def rows(estimates):
    speed = Speed(4_050_852, Estimate(31.4, 30.2, 33.9))
    small = Speed(5_013, Estimate(1.04, 0.99, 1.2))
    done = {"rows": "test", "n": 10, "estimates": estimates, "minutes": 3.97}
    return [
        Row("efficientnetb0", "compare-efficientnetb0", speed=speed, **done),
        Row("tiny-attention", "compare-tiny-attention", speed=small, **done),
        Row("resnet18", "compare-resnet18", error="The disk is full."),
    ]


def test_every_figure_has_its_interval_and_every_column_its_heading(rows):
    written = dict(zip(headings(), cells(rows[0]), strict=True))
    assert written["Recipe"] == "efficientnetb0"
    assert written["Accuracy"] == "70.0% (39.7% to 89.2%)"
    assert written["Cohen's kappa"].startswith("0.400 (")
    assert (written["Parameters"], written["Time per picture"]) == ("4.1 M", "31 (30 to 34) ms")
    assert written["Training"] == "4.0 min"


def test_a_small_network_has_thousands_of_weights_and_parts_of_a_millisecond(rows):
    written = dict(zip(headings(), cells(rows[1]), strict=True))
    assert (written["Parameters"], written["Time per picture"]) == ("5.0 k", "1.0 (1.0 to 1.2) ms")


@pytest.mark.parametrize("written", [as_text, as_markdown])
def test_a_recipe_that_failed_is_a_row_without_figures_and_its_sentence_below(rows, written):
    text = written(rows)
    (row,) = (line for line in text.splitlines() if "resnet18" in line and "–" in line)
    assert row.count("–") == len(headings()) - 1
    assert "resnet18: The disk is full." in text
    assert "Judged on 10 pictures of the set “test”; 95% intervals in brackets." in text


def test_markdown_has_a_cell_for_every_heading(rows):
    head, line, *body = as_markdown(rows).splitlines()[: 2 + len(rows)]
    assert {each.count("|") for each in (head, line, *body)} == {len(headings()) + 1}


def test_json_holds_values_and_limits(rows):
    first, _, failed = json.loads(json.dumps(as_json(rows)))
    assert first["estimates"]["cohen_kappa"]["value"] == pytest.approx(0.4)
    assert first["speed"] == {
        "parameters": 4_050_852,
        "milliseconds": {"value": 31.4, "low": 30.2, "high": 33.9},
    }
    assert (failed["error"], failed["estimates"], failed["speed"]) == ("The disk is full.", {}, None)
