"""Predictions of the user's own on the Evaluate page: any column names and label words, asked about in a form
that guesses first."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import train.runs  # noqa: F401 - first: AppTest looks for modules beside the page, and there lies a train.py
from tests.support.page_words import checked

PAGE = str(Path(__file__).parents[2] / "pages" / "evaluate" / "page.py")
STANDARD = b"id,y_true,y_score\na,1,0.9\nb,0,0.2\nc,1,0.4\n"
GERMAN = b"Datei;Klasse;Wert\na.png;KI;90\nb.png;echt;20\nc.png;KI;40\nd.png;unklar;50\n"


@pytest.fixture
def page(tiny_bundle, monkeypatch, tmp_path) -> AppTest:
    """The page with one model, "tiny", run once; nothing is remembered of the files of other tests."""
    st.cache_resource.clear()
    shutil.copytree(tiny_bundle, tmp_path / "weights" / "tiny")
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TELLTALE_RUNS", str(tmp_path / "runs"))
    return checked(AppTest.from_file(PAGE, default_timeout=120).run())


def upload(page: AppTest, content: bytes, name: str = "mine.csv") -> AppTest:
    page.file_uploader(key="predictions_file").upload(name, content, "text/csv").run()
    return checked(page)


def use(page: AppTest) -> AppTest:
    return checked(page.button(key="use_mapping").click().run())


def said(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "error", "subheader")
    return "\n".join(element.value for kind in kinds for element in page.get(kind)).replace("\\", "")


def headline(page: AppTest, label: str) -> str:
    return next(metric.value for metric in page.metric if metric.label == label)


def labelled(elements, label: str):
    return next(element for element in elements if element.label == label)


def is_asked(page: AppTest) -> bool:
    return "use_mapping" in [button.key for button in page.button]


def test_a_file_that_is_called_as_here_is_looked_at_at_once(page):
    upload(page, STANDARD)
    assert not is_asked(page) and "**3 pictures**" in said(page)


def test_other_names_are_asked_about_and_nothing_else_is_shown(page):
    upload(page, GERMAN)
    assert is_asked(page) and not page.metric
    assert "What do the columns of mine.csv mean?" in said(page)


def test_the_form_begins_with_a_guess_and_says_what_is_missing(page):
    upload(page, GERMAN)
    assert labelled(page.selectbox, "What it is").value == "Klasse"
    assert labelled(page.multiselect, "These mean AI-generated").value == ["KI"]
    assert labelled(page.multiselect, "These mean real").value == ["echt"]
    assert labelled(page.selectbox, "The score").value is None
    assert "Say which column holds the scores" in said(page) and page.button(key="use_mapping").disabled


def test_the_form_shows_counts_and_first_rows_and_then_uses_them(page):
    upload(page, GERMAN)
    labelled(page.selectbox, "The score").set_value("Wert").run()
    assert "values of Klasse mean: “unklar”" in said(page)
    labelled(page.multiselect, "These mean real").set_value(["echt", "unklar"]).run()
    assert "**2 AI-generated** and **2 real** pictures" in said(checked(page))
    first = page.dataframe[0].value
    assert first["P(AI)"].tolist() == [0.9, 0.2, 0.4, 0.5] and first["Truth"].tolist()[3] == "real"
    use(page)
    assert "**4 pictures**" in said(page) and headline(page, "Recall") == "50.0%"
    assert page.multiselect(key="models").value == ["mine.csv", "tiny"]


def test_rows_that_cannot_be_read_may_be_left_out(page):
    upload(page, GERMAN)
    labelled(page.selectbox, "The score").set_value("Wert").run()
    page.checkbox(key="mapping_leave_out").check().run()
    assert "1 row is left out" in said(page)
    assert "**3 pictures**" in said(use(page)) and "1 row is left out" in said(page)


def test_a_score_of_the_other_class_is_noticed_and_turned_round(page):
    numbers = np.linspace(0.01, 0.99, 20)
    lines = ["label,score"] + [f"{'fake' if p < 0.5 else 'real'},{p}" for p in numbers]
    upload(page, "\n".join(lines).encode())
    assert "Real pictures score higher than AI-generated ones here (ROC AUC 0.000)" in said(page)
    labelled(page.get("button_group"), "A high one means").set_value("real").run()
    assert "score higher" not in said(checked(page))
    assert headline(use(page), "ROC AUC") == "1.000"


def test_what_was_said_is_remembered_for_the_same_file(page):
    content = b"verdict,p\nyep,0.9\nnope,0.2\nyep,0.3\n"
    upload(page, content)
    labelled(page.selectbox, "What it is").set_value("verdict").run()
    labelled(page.multiselect, "These mean AI-generated").set_value(["yep"]).run()
    labelled(page.multiselect, "These mean real").set_value(["nope"]).run()
    use(page)
    again = AppTest.from_file(PAGE, default_timeout=120).run()
    upload(again, content, "renamed.csv")
    assert not is_asked(again) and "**3 pictures**" in said(again)
    assert "truth from verdict (AI-generated: yep)" in said(again)


def test_what_was_said_can_be_changed_later(page):
    upload(page, STANDARD)
    checked(page.button(key="change_mapping_mine.csv").click().run())
    labelled(page.multiselect, "These mean AI-generated").set_value(["0"]).run()
    labelled(page.multiselect, "These mean real").set_value(["1"]).run()
    use(page)
    assert headline(page, "Recall") == "0.0%" and headline(page, "False alarms on real") == "50.0%"


def test_cancel_goes_back_to_what_was_shown(page):
    upload(page, GERMAN)
    checked(page.button(key="leave_mapping").click().run())
    assert not is_asked(page) and page.multiselect(key="models").value == ["tiny"] and page.metric


@pytest.mark.parametrize("bad", [b"PK\x03\x04", b"", b"y_true,y_score\n", b"Gr\xf6\xdfe,b\n1,2\n"])
def test_after_a_bad_upload_the_page_says_that_what_it_shows_is_another_table(page, bad):
    upload(page, bad)
    assert "mine.csv" in page.error[0].value.replace("\\", "")
    assert "**What is below is not this file, but tiny.**" in page.error[0].value


def test_a_bad_upload_takes_the_older_one_of_its_name_away(page):
    upload(page, STANDARD)
    upload(page, b"PK\x03\x04")
    assert page.multiselect(key="models").value == ["tiny"]
    assert "mine.csv" not in page.multiselect(key="models").options


def test_scores_outside_their_scale_are_asked_about_and_never_taken_as_they_are(page):
    upload(page, b"y_true,y_score\n1,17\n0,3\n")
    assert is_asked(page) and labelled(page.selectbox, "Its numbers are").value == "percent"


def test_a_table_without_any_usable_column_can_be_left(page):
    upload(page, b"a,b\nx,y\n")
    assert is_asked(page) and page.button(key="use_mapping").disabled
    checked(page.button(key="leave_mapping").click().run())
    assert page.metric


def test_how_sure_of_its_label_a_detector_was_is_understood_and_can_be_taken_back(page):
    upload(page, b"bild;label;urteil;score\na;ai;ai;0.9\nb;real;real;0.8\nc;real;ai;0.6\n")
    assert is_asked(page)
    page.segmented_control(key="mapping_high_3").set_value("what was predicted").run()
    assert page.selectbox(key="mapping_predicted_3").value == "urteil"
    shown = page.dataframe[-1].value
    assert shown["P(AI)"].tolist() == pytest.approx([0.9, 0.2, 0.6])
    page.segmented_control(key="mapping_high_3").set_value("real").run()
    assert page.dataframe[-1].value["P(AI)"].tolist() == pytest.approx([0.1, 0.2, 0.4])
