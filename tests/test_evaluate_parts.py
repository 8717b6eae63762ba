"""Parts of the Evaluate page without the page: figures, the report, the pictures behind a figure, and the carried threshold."""

import html
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from detector.bundle import read_bundle
from detector.classifier import Analysis, FileResult
from detector.delivery import CHAIN
from detector.evaluation.curves import Curves
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.slices import Slicing
from detector.images import read_image
from detector.preprocessing import Region
from ui import figures, threshold
from ui.evaluate import abstaining, report
from ui.evaluate.pictures import as_judged, picture_path, worst_first
from ui.evaluate.sources import Part, Source

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def rows():
    return pd.DataFrame({
        "id": list("abcd"), "y_true": np.int8([0, 0, 1, 1]), "y_score": [0.1, 0.7, 0.8, 0.3], "source": [HOSTILE, "=1+1", HOSTILE, "=1+1"],
    })  # fmt: skip


# ---- figures -----------------------------------------------------------------------------------------------------------------


def test_operating_points_move_and_the_curves_stay():
    curves = Curves.of(np.array([0, 0, 1, 1]), np.array([0.1, 0.7, 0.8, 0.3]))
    drawn = figures.mark(figures.threshold_figures({"m": curves}), {"m": (curves, 0.5)})
    points = {key: next(trace for trace in drawn[key].data if trace.meta) for key in ("roc", "precision-recall")}
    assert [(*point.x, *point.y) for point in points.values()] == [(0.5, 0.5), (0.5, 0.5)]
    before = json.loads(drawn["roc"].to_json())["data"][0]
    figures.mark(drawn, {"m": (curves, 0.75)})
    assert [(*point.x, *point.y) for point in points.values()] == [(0, 0.5), (0.5, 1)]
    assert json.loads(drawn["roc"].to_json())["data"][0] == before


def test_one_class_has_a_matrix_and_no_curves():
    assert list(figures.threshold_figures({"m": Curves.of(np.ones(3), np.array([0.1, 0.5, 0.9]))})) == ["confusion"]


def test_a_million_rows_make_small_figures():
    rng = np.random.default_rng(0)
    curves = Curves.of(rng.random(1_000_000) < 0.5, rng.random(1_000_000))
    drawn = figures.mark(figures.threshold_figures({"m": curves}), {"m": (curves, 0.5)})
    assert sum(len(figure.to_json()) for figure in drawn.values()) < 200_000


def test_names_are_escaped_in_figures(rows):
    curves = Curves.of(rows["y_true"], rows["y_score"])
    drawn = figures.mark(figures.threshold_figures({HOSTILE: curves}), {HOSTILE: (curves, 0.5)})
    table = Slicing.by(rows, "source").table(0.5)
    sliced = figures.slices(table, "accuracy", "Right", None)
    assert HOSTILE not in " ".join(str(trace.name) for trace in drawn["roc"].data)
    assert HOSTILE not in sliced.layout.to_plotly_json()["yaxis"]["ticktext"] and HOSTILE not in sliced.data[0].hovertext


def test_the_unsure_band_is_marked_at_the_models_own_threshold_alone(rows, tiny_bundle):
    source, evaluation = Source("m", rows, "band", 0.5, read_bundle(tiny_bundle)), Evaluation(rows)
    figure, sentences = abstaining.chart(source, evaluation, 0.5)  # unsure from 0.3 to 0.7, whose edges are answered
    point = next(trace for trace in figure.data if trace.name == "unsure band")
    assert (*point.x, *point.y) == (1.0, 0.5) and "leaves 0.0% of these pictures open; it gets 50.0%" in sentences[0]
    figure, sentences = abstaining.chart(source, evaluation, 0.75)
    assert not any(trace.name == "unsure band" for trace in figure.data) and any("belongs to its own threshold" in each for each in sentences)


def test_many_rows_make_a_small_curve_of_errors():
    rng = np.random.default_rng(0)
    evaluation = Evaluation(pd.DataFrame({"y_true": rng.random(200_000) < 0.5, "y_score": rng.random(200_000)}))
    figure, _ = abstaining.chart(Source("m", evaluation.rows, "many", 0.5), evaluation, 0.5)
    assert len(figure.to_json()) < 200_000


# ---- the report --------------------------------------------------------------------------------------------------------------


def test_the_report_escapes_every_name(rows):
    source = Source(HOSTILE, rows, "1", 0.5)
    page = report.html({HOSTILE: (source, Evaluation(rows), 0.5)}, Part(), "source")
    visible = page[: page.index("<script")] + page[page.rindex("</script>") :]
    assert "<img" not in visible and "&lt;img" in visible


def test_the_report_says_when_predictions_are_stale(rows):
    source = Source("m", rows, "1", 0.5, stale=True)
    assert "Stale: these predictions" in report.html({"m": (source, Evaluation(rows), 0.5)}, Part(), None)


def test_the_report_holds_every_part_of_the_page():
    rng = np.random.default_rng(0)
    y_true = np.arange(60) % 2
    clean = pd.DataFrame({
        "id": np.arange(60).astype(str), "y_true": y_true, "y_score": np.clip(0.3 + 0.4 * y_true + rng.normal(0, 0.2, 60), 0, 1), "delivery": "",
        "width": 100, "height": rng.integers(90, 110, 60),
    })  # fmt: skip
    rows = pd.concat([clean, clean.assign(delivery="web", y_score=1 - clean["y_score"])], ignore_index=True)
    others = clean.assign(y_score=0.5 * clean["y_score"])
    sources = {"mine": Source("mine", rows, "report 1", 0.5), "other": Source("other", others, "report 2", 0.5)}
    page = report.html({name: (source, Evaluation(source.rows[:60]), 0.5) for name, source in sources.items()}, Part(), None)
    visible = page[: page.index("<script")] + page[page.rindex("</script>") :]
    for words in ("McNemar's exact test: p ", "Shortcut check on 60 rows", "AURC", "Before and after delivery", "compressed again but not shrunk"):
        assert words in html.unescape(visible)
    assert "Expected calibration error" in visible[visible.index("other minus mine") :]
    for title in ("What each threshold costs", "Errors against answers", "Before and after delivery"):
        assert title in page


# ---- the pictures behind a figure --------------------------------------------------------------------------------------------


def test_errors_come_first_and_the_most_confident_of_them_first(rows):
    assert worst_first(rows, 0.46)["id"].tolist() == ["b", "d", "a", "c"]


@pytest.mark.parametrize("id", ["../secret.png", "/etc/passwd", "missing.png", "nul\0l.png", "x" * 5000, "", 7])
def test_an_id_cannot_lead_out_of_the_folder_nor_to_nothing(tmp_path, id):
    (tmp_path / "secret.png").touch()
    (tmp_path / "pictures").mkdir()
    assert picture_path(tmp_path / "pictures", id) is None


def test_a_link_cannot_lead_out_of_the_folder(tmp_path):
    (tmp_path / "secret.png").touch()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").symlink_to(tmp_path / "secret.png")
    assert picture_path(tmp_path / "pictures", "a.png") is None


def test_a_delivered_picture_is_shown_as_it_was_judged(photo_folder):
    path = photo_folder / "cool.jpg"
    clean = read_image(path)
    assert np.array_equal(as_judged(path, "").pixels, clean.pixels) and np.array_equal(as_judged(path, "forwarded").pixels, clean.pixels)
    assert np.array_equal(as_judged(path, "chain").pixels, CHAIN(clean.pixels))


# ---- the carried threshold ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("y_score", "verdict"), [(0.79, "real"), (0.8, "ai"), (0.5, "real")])
def test_a_carried_threshold_judges_anew_and_without_an_unsure_band(tiny_bundle, y_score, verdict):
    bundle = read_bundle(tiny_bundle)
    analysis = Analysis("unsure", y_score, 0.0, bundle.threshold, None, None, Region(0, 0, 1, 1), bundle.name)
    carried = replace(bundle, threshold=0.8, unsure=(0.8, 0.8))
    judged = threshold.judged_by(carried, FileResult("x.png", analysis)).analysis
    assert (judged.verdict, judged.threshold) == (verdict, 0.8)


def test_a_file_that_could_not_be_read_stays_so(tiny_bundle):
    result = FileResult("x.png", error="It is not a picture.")
    assert threshold.judged_by(read_bundle(tiny_bundle), result) is result
