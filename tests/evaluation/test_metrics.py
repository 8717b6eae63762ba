"""detector.evaluation.metrics: one entry is all that a new metric takes."""

import json

import numpy as np
import pandas as pd
import pytest

from detector.bundle import read_bundle
from detector.evaluation.comparison import Pairs
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.formulas import OfRows, proportion_of
from detector.evaluation.metrics import METRICS, Direction, Format, Metric, Place, headline, in_text, shown_in
from detector.evaluation.scoreboard import markdown, markdown_of_parts, scoreboard, to_json
from detector.evaluation.slices import Slicing
from pages.evaluate import compare_tab, overview_tab, report_html, slices_tab
from pages.evaluate.view import Part, Source, View
from ui import about_model

EVERYWHERE = dict.fromkeys(Place, 99)


@pytest.fixture
def rows() -> pd.DataFrame:
    """Four pictures of each class: of the real ones 1, of the AI-generated ones 2 are called wrongly.
    Half of them are paired, and these are also there after web, with the same scores."""
    y_score = [0.1, 0.2, 0.3, 0.9, 0.8, 0.7, 0.2, 0.4]
    table = pd.DataFrame(
        {
            "id": list("abcdefgh"),
            "y_true": np.int8([0] * 4 + [1] * 4),
            "y_score": y_score,
            "split": "test",
            "paired": [True, True, False, False] * 2,
            "source": ["s", "t"] * 4,
            "generator": "g",
            "delivery": "",
        }
    )
    web = table[table["paired"]].assign(delivery="web")
    return pd.concat([table, web], ignore_index=True)


@pytest.fixture
def clean(rows) -> pd.DataFrame:
    return rows[:8]


@pytest.fixture
def miss_rate(monkeypatch) -> Metric:
    """A new metric, entered into the table for one test. Half of the AI-generated pictures are missed."""
    metric = Metric(
        "miss_rate",
        "Miss rate",
        proportion_of(hits=("fn",), among=("fn", "tp")),
        direction=Direction.LOWER,
        format=Format.PERCENT,
        places=EVERYWHERE,
    )
    monkeypatch.setitem(METRICS, metric.name, metric)
    return metric


def test_a_new_metric_is_on_cards(miss_rate, clean):
    assert headline(clean["y_true"], clean["y_score"], 0.5)["miss_rate"] == 0.5


def test_a_new_metric_is_estimated(miss_rate, clean):
    estimate = Evaluation(clean).estimates(0.5)["miss_rate"]
    assert estimate.value == 0.5
    assert 0 < estimate.low < 0.5 < estimate.high < 1


def test_a_new_metric_is_compared(miss_rate, clean):
    better = clean.assign(y_score=np.where(clean["y_true"] == 1, 0.9, clean["y_score"]))
    differences = Pairs.of(clean, better).differences(0.5, 0.5)
    assert differences["miss_rate"].value == -0.5


def test_a_new_metric_is_on_the_scoreboard_and_in_its_json(miss_rate, rows):
    board = scoreboard(rows, 0.5, (0.4, 0.6))
    assert markdown(board).splitlines()[0].endswith("| miss rate |")
    assert markdown_of_parts(board).splitlines()[0].endswith("| miss rate |")
    content = json.loads(json.dumps(to_json(board)))
    assert content["sets"]["test"]["miss_rate"][0] == 0.5
    assert content["sources"]["test: s"]["miss_rate"][0] == 0.5
    assert content["drops"]["test, paired, web"]["miss_rate"][0] == 0


def test_a_new_metric_is_a_figure_of_slices_and_a_column_of_the_page(miss_rate, clean):
    table = Slicing.by(clean, "source").table(0.5)
    assert table["miss_rate"].tolist() == [0.5, 0.5]
    assert slices_tab.readable(table)["Miss rate"].tolist() == [0.5, 0.5]


def test_a_new_metric_is_in_the_lists_of_the_page(miss_rate, clean):
    estimates = Evaluation(clean).estimates(0.5)
    table = overview_tab.table(estimates).set_index("Metric")
    assert table.loc["Miss rate", "Value"] == 0.5
    differences = Pairs.of(clean, clean).differences(0.5, 0.5)
    assert "Miss rate" in compare_tab.table(differences)["Metric"].tolist()


def test_a_new_metric_is_in_the_report(miss_rate, rows):
    source = Source("mine", rows, "a new metric", 0.5)
    view = View(source, Evaluation(rows[:8]), 0.5)
    page = report_html.html([view], Part(), "source")
    in_summary, in_lists, in_sets, in_slices, before_and_after = 1, 1, 1, 1, 2
    assert page.count("Miss rate") == in_summary + in_lists + in_sets + in_slices + before_and_after


def test_a_new_metric_is_read_from_cards(miss_rate, tiny_bundle):
    card = read_bundle(tiny_bundle).card | {"metrics": {"test": {"miss_rate": 0.25}}}
    assert about_model.measured(card) == {"test": {"miss_rate": 0.25}}


def test_a_new_metric_of_each_row_takes_one_entry_as_well(monkeypatch, clean):
    absolute_error = Metric(
        "absolute_error",
        "Absolute error",
        OfRows(lambda y_true, y_score: np.abs(y_true - y_score)),
        direction=Direction.LOWER,
        places={Place.SLICES: 99},
    )
    monkeypatch.setitem(METRICS, absolute_error.name, absolute_error)
    table = Slicing.by(clean, "source").table(0.5).set_index("slice")
    # Source s: 0.1 and 0.3 off of the real ones, 0.2 and 0.8 of the AI-generated ones.
    assert table.loc["s", "absolute_error"] == pytest.approx((0.1 + 0.3 + 0.2 + 0.8) / 4)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_a_title_and_says_what_it_means(name):
    metric = METRICS[name]
    assert metric.name == name
    assert metric.title
    assert metric.meaning.endswith(".")


@pytest.mark.parametrize("place", Place)
def test_no_two_metrics_have_one_position(place):
    positions = [metric.places[place] for metric in shown_in(place)]
    assert len(set(positions)) == len(positions) > 0


@pytest.mark.parametrize(
    ("name", "difference", "is_better"),
    [("recall", 0.1, True), ("recall", -0.1, False), ("brier", 0.1, False), ("brier", -0.1, True)],
)
def test_which_way_is_better_is_the_metrics_own(name, difference, is_better):
    assert METRICS[name].is_better(difference) is is_better


@pytest.mark.parametrize(
    ("title", "expected"),
    [("Accuracy", "accuracy"), ("ROC AUC", "ROC AUC"), ("F1", "F1"), ("AI-generated", "AI-generated")],
)
def test_titles_within_a_sentence_keep_their_acronyms(title, expected):
    assert in_text(title) == expected


def test_the_false_alarm_rate_mirrors_the_specificity(clean):
    estimates = Evaluation(clean).estimates(0.5)
    alarms, specificity = estimates["false_alarm_rate"], estimates["specificity"]
    mirrored = (1 - specificity.value, 1 - specificity.high, 1 - specificity.low)
    assert (alarms.value, alarms.low, alarms.high) == pytest.approx(mirrored)
