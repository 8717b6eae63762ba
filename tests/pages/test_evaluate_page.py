"""The Evaluate page, run by Streamlit's AppTest on cached predictions. What needs a browser is in
tests/browser/test_evaluate.py."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

import train.runs  # noqa: F401 - first: AppTest looks for modules beside the page, and there lies a train.py
from detector.bundle import PREDICTIONS
from detector.evaluation.predictions import Predictions, read_predictions, write_predictions
from detector.score.listing import listing_schema
from detector.score.scored_table import table_schema
from pages.evaluate.state import KEY, Click, Widget
from tests.support.page_words import checked, said

ROOT = Path(__file__).parents[2]
PAGE = str(ROOT / "pages" / "evaluate" / "page.py")
TABS = ["Overview", "Calibration", "Threshold", "Slices", "Shortcuts", "Explanations", "Take away"]


@pytest.fixture(scope="module")
def weights(tiny_bundle, tmp_path_factory) -> Path:
    """Two bundles with the same rows: "tiny", and "twin", whose logits are halved and which has never seen
    the first row."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("tiny", "twin"):
        shutil.copytree(tiny_bundle, folder / name)
    mine = read_predictions(folder / "twin" / PREDICTIONS)
    rows = mine.rows[1:]
    rows = rows.assign(y_score=1 / (1 + np.exp(-rows["logit"] / 4)))
    write_predictions(Predictions(rows, mine.weights_sha256), folder / "twin" / PREDICTIONS)
    return folder


@pytest.fixture
def open_page(weights, monkeypatch, tmp_path):
    """``open_page(**query)``: the page, run once at that address, with all rows unless it says which, or
    ``rows=None`` for the page's own choice."""
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(weights))
    monkeypatch.setenv("TELLTALE_RUNS", str(tmp_path / "runs"))

    def run(folder: Path | None = None, **query) -> AppTest:
        if folder:
            monkeypatch.setenv("TELLTALE_WEIGHTS", str(folder))
        page = AppTest.from_file(PAGE, default_timeout=120)
        for name, value in ({"rows": "all rows"} | query).items():
            if value is not None:
                page.query_params[name] = value
        return checked(page.run())

    return run


@pytest.fixture(scope="module")
def delivered(tiny_bundle, tmp_path_factory) -> Path:
    """The tiny bundle with its paired test rows and all unseen ones after two deliveries as well: web
    moves every score by 0.2 to 0, hard to 0."""
    folder = tmp_path_factory.mktemp("delivered")
    shutil.copytree(tiny_bundle, folder / "tiny")
    mine = read_predictions(folder / "tiny" / PREDICTIONS)
    clean = mine.rows.assign(delivery="")
    copies = clean[clean["paired"] | (clean["split"] == "unseen")]
    web = copies.assign(delivery="web", y_score=np.maximum(copies["y_score"] - 0.2, 0))
    rows = pd.concat([clean, web, copies.assign(delivery="hard", y_score=0.0)], ignore_index=True)
    write_predictions(Predictions(rows, mine.weights_sha256), folder / "tiny" / PREDICTIONS)
    return folder


@pytest.fixture(scope="module")
def rows(tiny_bundle) -> pd.DataFrame:
    return read_predictions(tiny_bundle / PREDICTIONS).rows


def charts(page: AppTest) -> list[dict]:
    return [json.loads(element.proto.spec) for element in page.get("plotly_chart")]


def headline(page: AppTest, label: str) -> str:
    return next(metric.value for metric in page.metric if metric.label == label)


# ---- opening


def test_the_page_never_loads_tensorflow_or_scikit_learn(weights):
    code = (
        "import sys; import train.runs; from streamlit.testing.v1 import AppTest;page ="
        " AppTest.from_file('pages/evaluate/page.py', default_timeout=90).run();assert len(page.metric) == 5;"
        " print([name for name in ('tensorflow', 'keras', 'sklearn') if name in sys.modules])"
    )
    environment = {"TELLTALE_WEIGHTS": str(weights), "PATH": ""}
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert process.stdout.strip() == "[]", process.stderr


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_by_its_address(open_page, tab):
    page = open_page(tab=tab)
    assert len(page.metric) >= 5 and not page.error


def test_without_predictions_the_page_says_what_to_do(open_page, tmp_path):
    assert "No model here has cached test predictions" in said(open_page(tmp_path))


def test_predictions_of_other_weights_are_marked_as_stale(open_page, tiny_bundle, tmp_path):
    shutil.copytree(tiny_bundle, tmp_path / "tiny")
    predictions = read_predictions(tmp_path / "tiny" / PREDICTIONS)
    write_predictions(Predictions(predictions.rows, "0" * 64), tmp_path / "tiny" / PREDICTIONS)
    assert "Stale" in open_page(tmp_path).warning[0].value


def test_damaged_predictions_get_a_sentence(open_page, tiny_bundle, tmp_path):
    shutil.copytree(tiny_bundle, tmp_path / "tiny")
    (tmp_path / "tiny" / PREDICTIONS).write_bytes(b"PAR1")
    assert "cannot be read as Parquet" in open_page(tmp_path).error[0].value


def test_the_bundle_of_a_finished_run_is_a_model_to_look_at(open_page, tiny_bundle, tmp_path):
    shutil.copytree(tiny_bundle, tmp_path / "runs" / "mine" / "bundle")
    page = open_page(models="run mine")
    assert page.multiselect(key="models").value == ["run mine"] and "**40 pictures**" in said(page)
    assert "carry" not in {button.key for button in page.button}  # it is on Classify only once it is promoted


# ---- the threshold


def test_the_threshold_starts_at_the_models_own(open_page):
    assert open_page().slider(key="threshold").value == 0.5


def test_the_address_restores_models_threshold_and_rows(open_page, rows):
    page = open_page(models=["twin", "tiny"], threshold="0.25", rows="unseen", by="kind", only="art")
    assert (
        page.multiselect(key="models").value == ["twin", "tiny"]
        and page.slider(key="threshold").value == 0.25
    )
    expected = ((rows["split"] == "unseen") & (rows["kind"] == "art")).sum()
    assert f"**{expected} pictures**" in said(page)


def test_a_model_of_the_address_that_is_not_here_is_named(open_page):
    page = open_page(models=["mine.csv", "twin"])
    assert page.multiselect(key="models").value == ["twin"]
    assert "names what is not here: mine.csv" in said(page).replace("\\", "")
    checked(page.slider(key="threshold").set_value(0.8).run())
    assert "what is not here" in said(page)
    checked(page.multiselect(key="models").set_value(["tiny"]).run())
    assert "what is not here" not in said(page)


@pytest.mark.parametrize("models", [["mine.csv"], ["mine.csv", "twin"]])
def test_the_threshold_of_a_model_that_is_not_here_is_not_another_ones(open_page, models):
    assert open_page(models=models, threshold="0.25").slider(key="threshold").value == 0.5


def test_the_threshold_stays_where_only_the_second_model_is_not_here(open_page):
    assert open_page(models=["twin", "mine.csv"], threshold="0.25").slider(key="threshold").value == 0.25


def test_the_page_says_that_its_address_does_not_restore_a_file_of_ones_own(open_page):
    page = open_page(tab="Take away")
    assert "but not your own file" not in said(page)
    csv = b"y_true,y_score\n0,0.1\n1,0.9\n0,0.2\n1,0.8\n"
    page.file_uploader(key="predictions_file").upload("mine.csv", csv, "text/csv").run()
    assert "but not your own file" in said(checked(page))


def test_a_threshold_move_changes_matrix_points_and_metrics_but_not_the_curves(open_page, rows):
    page = open_page()
    before = charts(page)
    checked(page.slider(key="threshold").set_value(0.8).run())
    after = charts(page)
    called, ai = rows["y_score"] >= 0.8, rows["y_true"] == 1
    caught, missed = called[ai].sum(), (~called[ai]).sum()
    false_alarms, cleared = called[~ai].sum(), (~called[~ai]).sum()
    tiles = [text.split("</b>")[0] for text in after[0]["data"][0]["text"]]
    assert tiles == [f"<b>{number}" for number in (cleared, false_alarms, missed, caught)]
    point = next(trace for trace in after[1]["data"] if trace.get("meta") == "tiny")
    assert (point["x"], point["y"]) == ([false_alarms / 20], [caught / 20])
    point = next(trace for trace in after[2]["data"] if trace.get("meta") == "tiny")
    precision = caught / (caught + false_alarms)
    assert (point["x"], point["y"]) == ([caught / 20], [precision])
    assert headline(page, "Recall") == f"{caught / 20:.1%}"
    for chart in (1, 2):
        curves = [
            [trace for trace in charts[chart]["data"] if trace.get("meta") != "tiny"]
            for charts in (before, after)
        ]
        assert curves[0] == curves[1]


def test_another_model_brings_its_own_threshold(open_page, weights, tmp_path):
    folder = Path(shutil.copytree(weights, tmp_path / "weights"))
    card = json.loads((folder / "twin" / "card.json").read_text())
    card["decision"] |= {"threshold": 0.35}
    (folder / "twin" / "card.json").write_text(json.dumps(card))
    page = open_page(folder)
    page.slider(key="threshold").set_value(0.9).run()
    checked(page.multiselect(key="models").set_value(["twin"]).run())
    assert page.slider(key="threshold").value == 0.35


def test_back_goes_to_the_models_own_threshold(open_page):
    page = open_page(threshold="0.9")
    checked(page.button(key="own_threshold").click().run())
    assert page.slider(key="threshold").value == 0.5


def test_a_limit_on_false_alarms_chooses_the_threshold(open_page, rows):
    page = open_page(tab="Threshold")
    page.segmented_control(key="choose_by").set_value("a limit on false alarms").run()
    page.number_input(key="max_false_alarms").set_value(0.0).run()
    checked(page.button(key="take_best").click().run())
    assert page.slider(key="threshold").value > rows["y_score"][rows["y_true"] == 0].max()
    assert headline(page, "False alarms on real") == "0.0%"


def test_dear_misses_lower_the_threshold(open_page):
    page = open_page(tab="Threshold")
    checked(page.number_input(key="cost_miss").set_value(50.0).run())
    page.button(key="take_best").click().run()
    assert headline(page, "Recall") == "100.0%"


def visit(page: AppTest, *tabs: str) -> AppTest:
    for tab in tabs:
        page.query_params["tab"] = tab
        page.session_state["tab"] = tab
        checked(page.run())
    return page


def test_what_mistakes_cost_is_kept_while_other_tabs_are_open(open_page):
    page = open_page(tab="Threshold")
    page.number_input(key="cost_miss").set_value(50.0)
    page.number_input(key="cost_false_alarm").set_value(2.0)
    page.slider(key="prevalence:50.0").set_value(10.0)
    visit(checked(page.run()), "Overview", "Threshold")
    assert [page.number_input(key=f"cost_{kind}").value for kind in ("miss", "false_alarm")] == [50, 2]
    assert page.slider(key="prevalence:50.0").value == 10


def test_the_limit_on_false_alarms_is_kept_while_other_tabs_are_open(open_page):
    page = open_page(tab="Threshold")
    page.segmented_control(key="choose_by").set_value("a limit on false alarms").run()
    page.number_input(key="max_false_alarms").set_value(1.0).run()
    visit(page, "Overview", "Threshold")
    assert page.number_input(key="max_false_alarms").value == 1


def test_the_share_of_ai_generated_pictures_starts_at_that_of_other_rows(open_page):
    page = open_page(tab="Threshold")
    csv = b"y_true,y_score\n0,0.1\n1,0.9\n0,0.2\n0,0.8\n"
    page.file_uploader(key="predictions_file").upload("mine.csv", csv, "text/csv").run()
    assert checked(page).slider(key="prevalence:25.0").value == 25


def test_the_column_of_the_slices_is_kept_while_other_tabs_are_open_and_taken_away(open_page):
    page = open_page(tab="Slices")
    page.segmented_control(key="slice_column").set_value("kind").run()
    assert "Slices by kind (CSV)" in [each.label for each in visit(page, "Take away").get("download_button")]
    visit(page, "Slices")
    assert page.segmented_control(key="slice_column").value == "kind"


def test_a_column_that_other_rows_do_not_have_is_not_taken_away(open_page):
    page = open_page(tab="Slices")
    page.segmented_control(key="slice_column").set_value("kind").run()
    csv = b"y_true,y_score,camera\n0,0.1,a\n1,0.9,b\n0,0.2,b\n1,0.8,a\n"
    page.file_uploader(key="predictions_file").upload("mine.csv", csv, "text/csv").run()
    labels = [each.label for each in visit(checked(page), "Take away").get("download_button")]
    assert "Slices by camera (CSV)" in labels and "Slices by kind (CSV)" not in labels


def test_classify_shows_a_carried_threshold_and_undoes_it(weights, monkeypatch):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(weights))
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    app.switch_page("pages/evaluate/page.py").run()
    app.slider(key="threshold").set_value(0.8).run()
    checked(app.button(key="carry").click().run())
    app.switch_page("pages/classify/page.py").run()
    assert any("threshold 0.800 from Evaluate" in info.value for info in checked(app).info)
    app.button(key="undo_threshold").click().run()
    assert not any("from Evaluate" in info.value for info in checked(app).info)


# ---- rows


def test_a_threshold_of_zero_is_not_carried_twice(open_page):
    page = open_page(threshold="0")
    checked(page.button(key="carry").click().run())
    assert page.button(key="carry").disabled
    checked(page.button(key="own_threshold").click().run())
    assert not page.button(key="carry").disabled


def test_rows_of_one_class_say_why_there_is_no_curve(open_page):
    page = open_page(by="generator", only="sdxl")
    assert len(charts(page)) == 1 and "There is no real picture in these rows, hence no curve" in said(page)
    assert headline(page, "ROC AUC") == "–"


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_stands_rows_of_one_class(open_page, tab):
    open_page(by="generator", only="sdxl", tab=tab)


def test_no_matching_rows_get_a_sentence(open_page):
    assert "No picture matches" in said(open_page(rows="test", by="source", only="elsewhere"))


def test_the_page_begins_with_the_paired_rows_of_unseen_sources(open_page, rows):
    page = open_page(rows=None)
    count = ((rows["split"] == "unseen") & rows["paired"]).sum()
    assert page.selectbox(key="rows").value == "unseen, paired" and f"**{count} pictures**" in said(page)


def test_a_file_without_splits_begins_with_all_its_rows(open_page):
    page = open_page(rows=None)
    page.file_uploader(key="predictions_file").upload(
        "mine.csv", b"y_true,y_score\n1,0.9\n0,0.2\n1,0.4\n", "text/csv"
    ).run()
    assert checked(page).selectbox(key="rows").value == "all rows" and "**3 pictures**" in said(page)


def scored(y_true: list[int | None]) -> bytes:
    """A table as a scoring run writes it."""
    schema = table_schema(listing_schema(()))
    rows = [
        {"id": f"{number}.png", "y_true": truth, "logit": 1.0, "y_score": 0.7, "verdict": "ai"}
        for number, truth in enumerate(y_true)
    ]
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), content)
    return content.getvalue()


def opened(open_page, table: bytes) -> AppTest:
    page = open_page(rows=None)
    page.file_uploader(key="predictions_file").upload("out.parquet", table, "application/octet-stream").run()
    return checked(page)


def test_the_table_of_a_scoring_run_opens(open_page):
    page = opened(open_page, scored([1, 0, 1]))
    assert "**3 pictures**" in said(page) and not page.error


def test_of_a_scoring_run_the_pictures_that_nobody_labelled_can_be_left_out(open_page):
    page = opened(open_page, scored([1, 0, None, 1]))
    assert not page.metric
    page.checkbox(key="mapping_leave_out").check().run()
    assert not checked(page).error


# ---- deliveries


def test_copies_of_a_picture_are_never_counted_together(open_page, delivered, rows):
    page = open_page(delivered)
    assert page.selectbox(key="delivered").options == [
        "as it is",
        "web",
        "hard",
    ] and f"**{len(rows)} pictures**" in said(page)


def test_without_copies_there_is_no_choice_of_delivery(open_page):
    assert "delivered" not in [box.key for box in open_page().selectbox]


def test_the_address_restores_a_delivery_and_everything_follows_it(open_page, delivered, rows):
    page = open_page(delivered, rows="unseen", delivered="web", threshold="0.5")
    unseen = rows[rows["split"] == "unseen"]
    assert f"**{len(unseen)} pictures**" in said(page)
    caught = (unseen["y_score"] - 0.2 >= 0.5)[unseen["y_true"] == 1].mean()
    assert headline(page, "Recall") == f"{caught:.1%}"


def test_a_set_that_was_delivered_in_part_says_so(open_page, delivered):
    assert "Of the 24 pictures of “test” only 12 were delivered." in said(
        open_page(delivered, rows="test", delivered="hard")
    )
    assert "were delivered" not in said(open_page(delivered, rows="unseen", delivered="hard"))


def test_slices_show_the_sets_before_and_after_delivery(open_page, delivered):
    page = open_page(delivered, tab="Slices")
    table = next(each.value for each in page.dataframe if "Delivery" in each.value)
    before = table[table["Delivery"] == "as it is"]
    hard = table[table["Delivery"] == "hard"]
    assert table["Set"].unique().tolist() == ["test, paired", "unseen", "unseen, paired", "unseen, unpaired"]
    assert hard["Balanced"].tolist() == [0.5] * 4  # everything is called real
    assert hard["Change, points"].tolist() == pytest.approx((100 * (0.5 - before["Balanced"])).tolist())
    assert any(
        trace["name"] == "hard" for chart in charts(page) for trace in chart["data"] if "name" in trace
    )
    assert "compressed again but not shrunk" in said(page)


def test_without_copies_the_page_says_what_would_bring_them(open_page):
    assert "python -m train.report" in said(open_page(tab="Slices"))


@pytest.mark.parametrize("tab", ["Calibration", "Slices", "Take away"])
def test_tabs_stand_a_delivery_of_one_class(open_page, delivered, tab):
    open_page(delivered, delivered="hard", by="generator", only="sdxl", tab=tab)


def test_deliveries_of_ones_own_are_told_apart(open_page):
    page = open_page(rows=None)
    mine = b"id,y_true,y_score,delivery\na,1,0.9,\nb,0,0.2,\na,1,0.3,forwarded\nb,0,0.1,forwarded\n"
    page.file_uploader(key="predictions_file").upload("mine.csv", mine, "text/csv").run()
    assert checked(page).selectbox(key="delivered").options == [
        "as it is",
        "forwarded",
    ] and "**2 pictures**" in said(page)
    checked(page.selectbox(key="delivered").set_value("forwarded").run())
    assert headline(page, "Recall") == "0.0%"


# ---- slices


def test_slices_are_listed_with_the_sets_side_by_side(open_page):
    page = open_page(tab="Slices")
    assert page.dataframe[0].value["Slice"].tolist()[:3] == ["all rows", "test", "test, paired"]
    checked(page.segmented_control(key="slice_column").set_value("kind").run())
    assert set(page.dataframe[1].value["Slice"]) == {"photo", "art"}


@pytest.fixture
def slice_of_photos(open_page) -> AppTest:
    """The pictures of a slice, none of them there."""
    page = open_page(tab="Slices")
    page.session_state[KEY].click = Click("slices_accuracy", ["photo"])
    page.session_state[Widget.SLICE_COLUMN] = "kind"
    return checked(page.run())


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", "x" * 300])
def test_a_picture_folder_that_is_none_is_a_sentence(slice_of_photos, path):
    slice_of_photos.text_input(key=Widget.PICTURE_FOLDER).set_value(path)
    assert "There is no folder" in checked(slice_of_photos.run()).warning[0].value


def test_the_path_of_the_picture_folder_may_be_pasted_in_quotes(slice_of_photos, tmp_path):
    slice_of_photos.text_input(key=Widget.PICTURE_FOLDER).set_value(f"'{tmp_path}'")
    assert "pictures are not in that folder" in said(checked(slice_of_photos.run()))


def test_pictures_that_are_in_the_folder_stand_beside_their_rows(slice_of_photos, tmp_path, png):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "000.jpg").write_bytes(png("warm"))
    slice_of_photos.text_input(key=Widget.PICTURE_FOLDER).set_value(str(tmp_path)).run()
    table = checked(slice_of_photos).dataframe[-2].value.set_index("id")
    assert table["Picture"]["images/000.jpg"].startswith("data:image/jpeg;base64,")
    assert table["Picture"].isna().sum() == len(table) - 1


def test_a_second_model_is_compared_on_the_shared_rows(open_page):
    page = open_page(models=["tiny", "twin"], tab="Compare")
    assert "39 pictures both have judged" in said(page) and "McNemar" in said(page)
    assert page.dataframe[0].value["Metric"].tolist()[:2] == ["Accuracy", "Balanced accuracy"]


# ---- files of one's own


def test_a_file_of_ones_own_becomes_the_main_model(open_page):
    page = open_page()
    page.file_uploader(key="predictions_file").upload(
        "mine.csv", b"y_true,y_score,phone\n1,0.9,a\n0,0.2,b\n1,0.4,b\n0,0.1,a\n", "text/csv"
    ).run()
    checked(page)
    assert page.multiselect(key="models").value == ["mine.csv", "tiny"]
    assert "**4 pictures**" in said(page) and headline(page, "Recall") == "50.0%"


def test_names_in_a_file_do_not_become_markup(open_page):
    page = open_page(tab="Slices")
    hostile = (
        b'y_true,y_score,"**[x](http://x)**"\n1,0.9,<img src=x>\n0,0.2,<b>b</b>\n1,0.4,<b>b</b>\n0,0.1,=1+1\n'
    )
    page.file_uploader(key="predictions_file").upload("<b>x.csv", hostile, "text/csv").run()
    assert "<img" not in json.dumps([chart["layout"] for chart in charts(checked(page))])


# ---- explanations


def score(gain: float, win_rate: float) -> dict:
    return {
        "deletion_gain": gain,
        "deletion_gain_interval": [gain - 0.02, gain + 0.02],
        "insertion_gain": gain,
        "insertion_gain_interval": [gain - 0.02, gain + 0.02],
        "win_rate_over_random": win_rate,
        "win_rate_over_random_interval": [win_rate - 0.05, win_rate + 0.05],
        "ms_per_map": 12.0,
    }


@pytest.fixture
def explained(tiny_bundle, tmp_path, open_page):
    """``explained(default, **changes)``: the tab for a model whose card holds figures on two methods,
    rollout no better than chance."""

    def run(default: str, **changes) -> AppTest:
        folder = tmp_path / "tiny"
        shutil.copytree(tiny_bundle, folder)
        card = json.loads((folder / "card.json").read_text())
        methods = {"attention rollout": score(0.0, 0.5), "token contributions": score(0.1, 0.9)}
        found = {
            "default": default,
            "images": 200,
            "measured_on": "200 pictures",
            "weights_sha256": card["weights_sha256"],
            "methods": methods,
        }
        (folder / "card.json").write_text(json.dumps(card | {"explanations": found | changes}))
        return open_page(tmp_path, tab="Explanations")

    return run


def test_explanations_that_were_not_measured_name_the_command(open_page):
    page = open_page(tab="Explanations")
    assert "Nobody has measured yet" in page.info[0].value
    assert page.code[0].value == "python -m train.explanation_scores --bundle tiny --data DIR --write"


def test_explanations_are_a_table_the_best_first_and_say_that_rollout_loses(explained):
    page = explained("token contributions")
    table = page.dataframe[0].value
    assert table["Method"].tolist() == ["Token contributions", "Attention rollout"]
    assert (
        table["Deletion gain"].tolist() == [0.1, 0.0]
        and table["95% interval, deletion"][0] == "+0.080 to +0.120"
    )
    told = page.warning[0].value
    assert "Token contributions is the most faithful" in told and "Attention rollout loses" in told
    assert "on 50% of the pictures (45% to 55%), no more often than chance would" in told
    assert len(charts(page)) == 1


def test_explanations_say_what_a_slow_winner_costs(explained):
    methods = {
        "occlusion": score(0.2, 0.95) | {"ms_per_map": 600},
        "grad-cam": score(0.1, 0.9),
        "attention rollout": score(0.0, 0.5),
    }
    told = explained("occlusion", methods=methods).warning[0].value
    assert "It takes about 50 times as long as Grad\\-CAM, the most faithful of the quick methods" in told


def test_explanations_do_not_say_so_where_rollout_wins(explained):
    methods = {"attention rollout": score(0.2, 0.9), "token contributions": score(0.1, 0.9)}
    page = explained("attention rollout", methods=methods)
    assert not page.warning and "Attention rollout wins" in page.success[0].value


def test_explanations_of_other_weights_are_not_shown(explained):
    page = explained("token contributions", weights_sha256="0" * 64)
    assert "measured with other weights" in page.warning[0].value and not page.dataframe


def test_explanations_of_a_method_nobody_knows_are_shown_as_text(explained):
    page = explained("new method", methods={"new method": score(0.2, 0.9)})
    assert page.dataframe[0].value["Method"].tolist() == ["new method"] and not page.exception
