"""Parts of the Evaluate page without the page: figures, the report, the pictures behind a figure, and the
carried threshold."""

import ast
import html
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from detector.bundle import read_bundle
from detector.classifier import Analysis, FileResult
from detector.evaluation.comparison import McNemar
from detector.evaluation.curves import Curves
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.intervals import Estimate
from detector.evaluation.slices import Slicing
from detector.images import read_image
from detector.perturbations import PERTURBATIONS
from detector.preprocessing import Region
from pages.evaluate import abstention_section, compare_tab, report_file, report_html, report_summary
from pages.evaluate.picture_browser import as_judged, picture_path, worst_first
from pages.evaluate.view import Part, Source, View
from ui import figures, threshold

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def rows():
    return pd.DataFrame(
        {
            "id": list("abcd"),
            "y_true": np.int8([0, 0, 1, 1]),
            "y_score": [0.1, 0.7, 0.8, 0.3],
            "source": [HOSTILE, "=1+1", HOSTILE, "=1+1"],
        }
    )


# ---- figures


def places(points):
    return [(*point.x, *point.y) for point in points.values()]


def test_operating_points_move_and_the_curves_stay():
    curves = Curves.of(np.array([0, 0, 1, 1]), np.array([0.1, 0.7, 0.8, 0.3]))
    drawn = figures.mark(figures.threshold_figures({"m": curves}), {"m": (curves, 0.5)})
    points = {
        key: next(trace for trace in drawn[key].data if trace.meta) for key in ("roc", "precision-recall")
    }
    assert places(points) == [(0.5, 0.5), (0.5, 0.5)]
    before = json.loads(drawn["roc"].to_json())["data"][0]
    figures.mark(drawn, {"m": (curves, 0.75)})
    assert places(points) == [(0, 0.5), (0.5, 1)]
    assert json.loads(drawn["roc"].to_json())["data"][0] == before


def test_one_class_has_a_matrix_and_no_curves():
    curves = Curves.of(np.ones(3), np.array([0.1, 0.5, 0.9]))
    assert list(figures.threshold_figures({"m": curves})) == ["confusion"]


def test_a_million_rows_make_small_figures():
    rng = np.random.default_rng(0)
    curves = Curves.of(rng.random(1_000_000) < 0.5, rng.random(1_000_000))
    drawn = figures.mark(figures.threshold_figures({"m": curves}), {"m": (curves, 0.5)})
    assert sum(len(figure.to_json()) for figure in drawn.values()) < 200_000


def test_names_are_escaped_in_figures(rows):
    curves = Curves.of(rows["y_true"], rows["y_score"])
    drawn = figures.mark(figures.threshold_figures({HOSTILE: curves}), {HOSTILE: (curves, 0.5)})
    table = Slicing.by(rows, "source").table(0.5)
    sliced = figures.slices(table, "accuracy", "Right", "n", None)
    assert HOSTILE not in " ".join(str(trace.name) for trace in drawn["roc"].data)
    assert (
        HOSTILE not in sliced.layout.to_plotly_json()["yaxis"]["ticktext"]
        and HOSTILE not in sliced.data[0].hovertext
    )


def test_the_unsure_band_is_marked_at_the_models_own_threshold_alone(rows, tiny_bundle):
    source, evaluation = Source("m", rows, "band", 0.5, read_bundle(tiny_bundle)), Evaluation(rows)
    figure, sentences = abstention_section.chart(
        View(source, evaluation, 0.5)
    )  # unsure from 0.3 to 0.7, whose edges are answered
    point = next(trace for trace in figure.data if trace.name == "unsure band")
    assert (*point.x, *point.y) == (
        1.0,
        0.5,
    ) and "leaves 0.0% of these pictures open; it gets 50.0%" in sentences[0]
    figure, sentences = abstention_section.chart(View(source, evaluation, 0.75))
    assert not any(trace.name == "unsure band" for trace in figure.data) and any(
        "belongs to its own threshold" in each for each in sentences
    )


def test_many_rows_make_a_small_curve_of_errors():
    rng = np.random.default_rng(0)
    evaluation = Evaluation(
        pd.DataFrame({"y_true": rng.random(200_000) < 0.5, "y_score": rng.random(200_000)})
    )
    source = Source("m", evaluation.rows, "many", 0.5)
    figure, _ = abstention_section.chart(View(source, evaluation, 0.5))
    assert len(figure.to_json()) < 200_000


# ---- drawn once


def look_at_many_sources():
    """A script: many sources are looked at one after the other, each forgotten before the next. Writes how
    many figures were not their own."""
    import numpy as np
    import pandas as pd
    import streamlit as st

    from detector.evaluation.evaluation import Evaluation
    from pages.evaluate import overview_tab
    from pages.evaluate.view import Part, Source, View

    rng = np.random.default_rng(0)
    wrong = 0
    for number in range(40):
        rows = pd.DataFrame({"y_true": np.arange(50) % 2, "y_score": rng.random(50)})
        view = View(Source("mine", rows, f"version {number}", 0.5), Evaluation(rows), 0.5)
        drawn = overview_tab.marked_figures([view], Part())
        area = f"AUC {view.evaluation.curves.roc_auc:.3f}"
        wrong += not drawn["roc"].data[0].name.endswith(area)
        del rows, view, drawn
    st.write(f"{wrong} of 40 figures are another source's")


def test_looking_at_many_sources_in_between_never_brings_back_another_ones_figure():
    page = AppTest.from_function(look_at_many_sources, default_timeout=60).run()
    assert not page.exception
    assert page.markdown[0].value == "0 of 40 figures are another source's"


def look_twice():
    """A script: two parts of one source, the first one twice."""
    import pandas as pd
    import streamlit as st

    from detector.evaluation.evaluation import Evaluation
    from pages.evaluate import overview_tab
    from pages.evaluate.view import Part, Source, View
    from ui import figures

    calls = []
    threshold_figures = figures.threshold_figures
    figures.threshold_figures = lambda models: calls.append(1) or threshold_figures(models)
    rows = pd.DataFrame({"y_true": [0, 1, 0, 1], "y_score": [0.1, 0.9, 0.8, 0.2]})
    source = Source("mine", rows, "looked at twice", 0.5)
    whole = View(source, Evaluation(rows), 0.5), Part()
    half = View(source, Evaluation(rows[:2]), 0.5), Part("test")
    try:
        for view, part in (whole, half, whole):
            drawn = overview_tab.marked_figures([view], part)
            st.write(drawn["roc"].data[0].name)
    finally:
        figures.threshold_figures = threshold_figures
    st.write(f"drawn {len(calls)} times")


def test_the_figures_of_a_part_are_its_own_and_drawn_once():
    page = AppTest.from_function(look_twice, default_timeout=60).run()
    assert not page.exception
    said = [element.value for element in page.markdown]
    assert said == ["mine, AUC 0.750", "mine, AUC 1.000", "mine, AUC 0.750", "drawn 2 times"]


def ids_in(source: str) -> list[str]:
    """Where a source asks for the ``id`` of an object, or hands ``id`` on as a function."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and is_id(node.func):
            found.append(f"line {node.lineno}: id(...)")
        is_hashing = isinstance(node, ast.keyword) and node.arg == "hash_funcs"
        if is_hashing and any(is_id(each) for each in ast.walk(node.value)):
            found.append(f"line {node.value.lineno}: hash_funcs")
    return found


def is_id(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "id"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("cached(id(rows))", ["line 1: id(...)"]),
        ("@cache(hash_funcs={Curves: id})\ndef f(): ...", ["line 1: hash_funcs"]),
        ("def path(folder, id): return folder / str(id)", []),
    ],
)
def test_an_id_as_a_key_is_recognised(source, expected):
    assert ids_in(source) == expected


def test_no_cache_is_keyed_by_the_id_of_an_object_that_may_be_freed():
    root = Path(__file__).parents[2]
    files = [file for folder in ("ui", "pages") for file in (root / folder).rglob("*.py")]
    found = {file.name: ids_in(file.read_text("utf-8")) for file in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


# ---- the report


def test_the_report_escapes_every_name(rows):
    source = Source(HOSTILE, rows, "1", 0.5)
    page = report_html.html([View(source, Evaluation(rows), 0.5)], Part(), "source")
    visible = page[: page.index("<script")] + page[page.rindex("</script>") :]
    assert "<img" not in visible and "&lt;img" in visible


def test_a_slice_called_like_a_formula_stays_text_in_the_csv(rows):
    view = View(Source("m", rows, "1", 0.5), Evaluation(rows), 0.5)
    assert set(pd.read_csv(io.StringIO(report_file.slices_csv(view, "source")))["slice"]) == {
        HOSTILE,
        "'=1+1",
    }


def test_the_report_says_when_predictions_are_stale(rows):
    source = Source("m", rows, "1", 0.5, stale=True)
    assert "Stale: these predictions" in report_html.html([View(source, Evaluation(rows), 0.5)], Part(), None)


def test_the_report_holds_every_part_of_the_page():
    rng = np.random.default_rng(0)
    y_true = np.arange(60) % 2
    clean = pd.DataFrame(
        {
            "id": np.arange(60).astype(str),
            "y_true": y_true,
            "y_score": np.clip(0.3 + 0.4 * y_true + rng.normal(0, 0.2, 60), 0, 1),
            "delivery": "",
            "width": 100,
            "height": rng.integers(90, 110, 60),
        }
    )
    rows = pd.concat([clean, clean.assign(delivery="web", y_score=1 - clean["y_score"])], ignore_index=True)
    others = clean.assign(y_score=0.5 * clean["y_score"])
    mine = Source("mine", rows, "report 1", 0.5)
    other = Source("other", others, "report 2", 0.5)
    views = [View(mine, Evaluation(clean), 0.5), View(other, Evaluation(others), 0.5)]
    page = report_html.html(views, Part(), None)
    visible = page[: page.index("<script")] + page[page.rindex("</script>") :]
    for words in (
        "McNemar's exact test: p ",
        "Shortcut check on 60 rows",
        "AURC",
        "Before and after delivery",
        "compressed again but not shrunk",
    ):
        assert words in html.unescape(visible)
    assert "Expected calibration error" in visible[visible.index("other minus mine") :]
    for title in ("What each threshold costs", "Errors against answers", "Before and after delivery"):
        assert title in page


def text_of(page: str) -> str:
    return html.unescape(page[: page.index("<script")] + page[page.rindex("</script>") :])


def test_the_report_begins_with_the_headline_figures_and_their_intervals(rows):
    page = report_html.html([View(Source("m", rows, "first", 0.5), Evaluation(rows), 0.5)], Part(), None)
    start = page[: page.index('class="figures"')]
    assert start.index("<h2>Summary</h2>") < start.index("Balanced accuracy") < start.index("50.0%")
    assert '<dd class="interval">9.5% to 90.5%</dd>' in start  # Wilson, one of two


def test_the_summary_of_the_report_says_what_delivery_costs_and_how_models_compare():
    clean = pd.DataFrame(
        {"id": list("abcdefgh"), "y_true": [0, 1] * 4, "y_score": [0.1, 0.9] * 4, "delivery": ""}
    )
    hard = clean.assign(delivery="hard", y_score=0.1)
    mine = Source("mine", pd.concat([clean, hard], ignore_index=True), "summary 1", 0.5)
    other = Source("other", clean.assign(y_score=0.9), "summary 2", 0.5)
    views = [View(mine, Evaluation(clean), 0.5), View(other, Evaluation(other.rows), 0.5)]
    told = " ".join(report_summary.sentences(views, Part()))
    assert (
        "Delivered as “hard”, the same pictures of “all rows” change balanced accuracy by -50.0 points"
        in told
    )
    assert "On the 8 pictures both have judged, other minus mine in balanced accuracy: -50.0 points" in told


def test_figures_in_the_reports_tables_have_the_decimals_of_their_kind():
    table = pd.DataFrame({"a": [0.12345, None], "b": [1234, 5], "c": [-0.5, 0.25], "d": ["<x>", None]})
    page = report_html._table("t", table, {"a": "percent", "c": "%+.3f"})
    cells = re.findall("<td>(.*?)</td>", page)
    assert cells == ["12.3%", "1,234", "-0.500", "&lt;x&gt;", "–", "5", "+0.250", "–"]


# ---- two tests of one difference


def estimates(accuracy: tuple[float, float], balanced: tuple[float, float]) -> dict[str, Estimate]:
    ends = {"accuracy": accuracy, "balanced_accuracy": balanced}
    return {name: Estimate((low + high) / 2, low, high) for name, (low, high) in ends.items()}


DECIDED, UNDECIDED = McNemar(0, 20), McNemar(9, 11)
ABOVE, AROUND = (0.01, 0.05), (-0.01, 0.05)


@pytest.mark.parametrize(
    ("test", "accuracy", "balanced", "said"),
    [
        (DECIDED, ABOVE, ABOVE, []),
        (UNDECIDED, AROUND, AROUND, []),
        (UNDECIDED, ABOVE, ABOVE, ["which does not hold zero, disagree"]),
        (DECIDED, AROUND, AROUND, ["which holds zero, disagree"]),
        (DECIDED, ABOVE, AROUND, ["balanced accuracy gives both classes the same weight"]),
        (UNDECIDED, AROUND, ABOVE, ["balanced accuracy gives both classes the same weight"]),
        (UNDECIDED, ABOVE, AROUND, ["does not hold zero", "the same weight"]),
    ],
)
def test_mcnemar_and_the_paired_difference_never_disagree_without_a_sentence_why(
    test, accuracy, balanced, said
):
    sentences = compare_tab.disagreements(test, estimates(accuracy, balanced))
    assert len(sentences) == len(said)
    assert all(words in sentence for words, sentence in zip(said, sentences, strict=True))


# ---- the pictures behind a figure


def test_errors_come_first_and_the_most_confident_of_them_first(rows):
    assert worst_first(rows, 0.46)["id"].tolist() == ["b", "d", "a", "c"]


@pytest.mark.parametrize(
    "id", ["../secret.png", "/etc/passwd", "missing.png", "nul\0l.png", "x" * 5000, "", 7]
)
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
    assert np.array_equal(as_judged(path, "").pixels, clean.pixels) and np.array_equal(
        as_judged(path, "forwarded").pixels, clean.pixels
    )
    assert np.array_equal(as_judged(path, "chain").pixels, PERTURBATIONS["chain"](clean.pixels))


# ---- the carried threshold


@pytest.mark.parametrize(
    ("y_score", "verdict"), [(0.63, "real"), (0.64, "unsure"), (0.8, "unsure"), (0.9, "unsure"), (0.91, "ai")]
)
def test_a_carried_threshold_keeps_an_unsure_band_that_is_as_wide_in_logits(tiny_bundle, y_score, verdict):
    """The band 0.3 to 0.7 around 0.5 is 0.847 logits wide to either side, and 0.8 is at 1.386 logits: from
    0.539 to 2.234 logits, 0.632 to 0.903."""
    bundle = read_bundle(tiny_bundle)
    analysis = Analysis("unsure", y_score, 0.0, bundle.threshold, None, None, Region(0, 0, 1, 1), bundle.name)
    carried = bundle.at_threshold(0.8)
    judged = threshold.judged_by(carried, FileResult("x.png", analysis)).analysis
    assert (judged.verdict, judged.threshold) == (verdict, 0.8)


def test_a_file_that_could_not_be_read_stays_so(tiny_bundle):
    result = FileResult("x.png", error="It is not a picture.")
    assert threshold.judged_by(read_bundle(tiny_bundle), result) is result
