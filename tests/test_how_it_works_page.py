"""How it works, run by Streamlit's AppTest with a tiny model. Choosing patches needs a browser: tests/browser/test_how_it_works.py."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from detector import architectures, read_image
from detector.bundle import CARD, WEIGHTS, file_sha256
from detector.explain.walkthrough import walk_through
from ui.gallery import Album, Picture, samples
from ui.how_it_works.figures import FIGURES
from ui.how_it_works.steps import STEPS

ROOT = Path(__file__).parents[1]
PAGE = str(ROOT / "pages" / "how_it_works.py")


@pytest.fixture(scope="session")
def own(classifier):
    """The walkthrough of the temple at the model's own temperature."""
    return walk_through(classifier, read_image(samples()["temple"]))


@pytest.fixture
def open_page(tiny_bundle, monkeypatch):
    """``open_page(**query)``: the page, run once at that address; ``album`` is what the session has brought in before."""
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))

    def run(album: Album | None = None, **query) -> AppTest:
        page = AppTest.from_file(PAGE, default_timeout=120)
        if album:
            page.session_state["album"] = album
        for name, value in query.items():
            page.query_params[name] = value
        return checked(page.run())

    return run


@pytest.fixture
def temple(open_page):
    """``temple(**query)``: the page with the sample photo chosen."""
    return lambda **query: click(open_page(**query), "walk-sample-temple")


def checked(page: AppTest) -> AppTest:
    assert not page.exception, page.exception[0].message
    return page


def click(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click()
    return checked(page.run())


def album(*pictures: Picture) -> Album:
    return Album(others={picture.id: picture for picture in pictures})


def png(name: str, pixels: np.ndarray) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return Picture.of(name, buffer.getvalue())


def headings(page: AppTest) -> list[str]:
    return [heading.value for heading in page.header]


def figures(page: AppTest) -> int:
    return len(page.get("bidi_component"))


def sent(page: AppTest) -> dict:
    """What the browser gets for the first figure."""
    return json.loads(page.get("bidi_component")[0].proto.json)


def metric(page: AppTest, label: str):
    return next(metric for metric in page.metric if metric.label == label)


# ---- the picture ----


def test_without_a_picture_the_page_asks_for_one(open_page):
    page = open_page()
    assert "Upload one, or take a sample" in page.info[0].value
    assert not headings(page) and not figures(page)


def test_a_sample_is_walked_through_and_called_a_stand_in(temple):
    page = temple()
    assert headings(page) == ["1. Resize"] and figures(page) == 1
    assert "scikit-learn" in page.caption[0].value


def test_pictures_from_classify_can_be_chosen(open_page, photo):
    warm, cool = png("warm.png", photo("warm")), png("cool.png", photo("cool"))
    page = open_page(album(warm, cool), step="Probability")
    assert page.selectbox(key="walked").options == ["warm.png", "cool.png"]
    assert metric(page, "Verdict").value == "AI-generated"
    page.selectbox(key="walked").set_value(cool.id)
    assert metric(checked(page.run()), "Verdict").value == "Real"


def test_pictures_of_the_same_name_can_be_told_apart(open_page, photo):
    page = open_page(album(png("a.png", photo("warm")), png("a.png", photo("cool"))))
    assert page.selectbox(key="walked").options == ["a.png", "a.png (2)"]


def test_a_picture_that_classify_took_away_is_forgotten(open_page, photo):
    warm, cool = png("warm.png", photo("warm")), png("cool.png", photo("cool"))
    page = open_page(album(warm, cool))
    page.selectbox(key="walked").set_value(cool.id)
    checked(page.run())
    page.session_state["album"] = album(warm)
    assert checked(page.run()).selectbox(key="walked").value == warm.id


def test_an_upload_joins_the_album_and_is_walked_through(open_page, photo):
    page = open_page()
    mine = png("mine.png", photo("warm"))
    page.file_uploader[0].upload(mine.name, mine.content)
    checked(page.run())
    assert page.selectbox(key="walked").value == mine.id and headings(page) == ["1. Resize"]
    assert page.session_state["album"].wanted == mine.id


def test_an_unreadable_picture_gets_a_sentence(open_page):
    page = open_page(album(Picture.of("<b>notes</b>.jpg", b"hello")))
    assert "notes" in page.warning[0].value and "<b>" not in page.warning[0].value
    assert not figures(page)


# ---- the model ----


def test_without_a_model_the_page_says_so(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path))
    page = open_page()
    assert "There is no model" in page.error[0].value


def test_a_model_that_cannot_start_gets_a_sentence(open_page, monkeypatch, tiny_bundle, tmp_path, photo):
    shutil.copytree(tiny_bundle, tmp_path / "spoilt")
    card = json.loads((tmp_path / "spoilt" / CARD).read_text())
    card["architecture"]["arguments"]["heads"] = 2
    (tmp_path / "spoilt" / CARD).write_text(json.dumps(card))
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path))
    page = open_page(album(png("warm.png", photo("warm"))))
    assert "do not fit its architecture" in page.error[0].value and not figures(page)


def test_a_network_without_these_steps_says_so(open_page, monkeypatch):
    tiny = architectures.get("tiny-attention")
    monkeypatch.setitem(vars(tiny), "head", ("pooled", "logit"))
    page = open_page()
    assert "no attention head" in page.info[0].value and not figures(page)


# ---- the steps ----


def test_next_and_back_go_through_all_steps(temple):
    page = temple()
    seen = headings(page)
    assert page.button(key="step-Back").disabled
    for _ in STEPS[1:]:
        seen += headings(click(page, "step-Next"))
    assert seen == [f"{number}. {step.title}" for number, step in enumerate(STEPS, start=1)]
    assert page.button(key="step-Next").disabled
    assert headings(click(page, "step-Back")) == ["7. Pooling"]


def test_the_step_is_in_the_address(temple):
    assert headings(temple(step="Softmax")) == ["5. Softmax"]


def test_all_steps_stand_one_below_the_other(temple):
    page = temple(step="All steps")
    assert len(headings(page)) == figures(page) == len(STEPS)
    assert len(page.select_slider) == 1 and len(page.latex) == len(STEPS)


def test_every_step_has_its_formula_its_shapes_and_a_question(temple):
    page = temple(step="Q, K, V")
    assert "W_Q" in page.latex[0].value
    assert any("X: 16 × 24, each W: 24 × 8 → Q, K, V: 16 × 8" in text.value for text in page.markdown)
    assert page.info[-1].value.startswith("**Look at this.**")


def test_the_page_says_how_exactly_the_steps_agree_with_the_network(temple):
    assert re.search(r"differ from what the network itself answers by at most \de-\d+", temple().caption[-1].value)


# ---- the temperature ----


def test_at_its_own_temperature_the_page_shows_the_models_answer(temple, own):
    page = temple(step="Softmax")
    assert metric(page, "P(AI-generated)").value == f"{own.y_score:.1%}"
    assert metric(page, "Patches a patch looks at").value == f"{own.patches_in_view:.1f} of 16"
    assert not page.warning


def test_temperature_changes_the_wording_and_the_probability_and_is_marked(temple, own):
    page = temple(step="Softmax")
    values = {}
    for temperature in (0.1, 10.0):
        page.select_slider(key="temperature").set_value(temperature)
        checked(page.run())
        at = own.at(temperature)
        values[temperature] = metric(page, "Heatmap").value
        assert values[temperature] == ("diffuse" if at.heatmap.diffuse else "focused")
        assert metric(page, "P(AI-generated)").value == f"{at.y_score:.1%}" != f"{own.y_score:.1%}"
        assert "Not the model's own attention" in page.warning[0].value and f"says {own.y_score:.1%}" in page.warning[0].value
        assert f"t = {temperature:g}" in page.latex[0].value
    assert values == {0.1: "focused", 10.0: "diffuse"}


def test_what_a_button_chooses_is_no_second_default(temple, monkeypatch, caplog):
    monkeypatch.setattr("streamlit.elements.lib.policies._shown_default_value_warning", False)  # said once per process
    page = click(temple(step="Scores"), "step-Next")
    page.select_slider(key="temperature").set_value(10.0)
    click(checked(page.run()), "own_temperature")
    assert page.select_slider(key="temperature").value == 1.0 and headings(page) == ["5. Softmax"]
    assert "created with a default value" not in caplog.text


def test_temperature_stays_from_step_to_step_and_can_be_taken_back(temple, own):
    page = temple(step="Softmax", temperature="10")
    for _ in range(3):
        click(page, "step-Next")
    assert headings(page) == ["8. Probability"]
    assert any(f"p = {own.at(10.0).y_score:.3f}" in text.value for text in page.markdown)
    click(page, "own_temperature")
    assert any(f"p = {own.y_score:.3f}" in text.value for text in page.markdown) and not page.warning


def test_a_threshold_carried_from_evaluate_judges_here_too(open_page, tiny_bundle, photo):
    page = open_page(album(png("mixed.png", photo("mixed"))), step="Probability")
    assert metric(page, "Verdict").value == "Unsure"
    sha256 = json.loads((tiny_bundle / CARD).read_text())["weights_sha256"]
    page.session_state["carried_thresholds"] = {sha256: 0.9}
    assert metric(checked(page.run()), "Verdict").value == "Real"


# ---- several heads ----


@pytest.fixture
def two_heads(tiny_bundle, tmp_path) -> Path:
    """A bundle like the tiny one with two heads, alone in its folder."""
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "two-heads"))
    network = architectures.get("tiny-attention").build(None, heads=2)
    network.save_weights(folder / WEIGHTS)
    card = json.loads((folder / CARD).read_text())
    card["architecture"]["arguments"]["heads"] = 2
    card["weights_sha256"] = file_sha256(folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(card))
    return folder


def test_each_head_can_be_looked_at(open_page, two_heads, monkeypatch, photo):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(two_heads.parent))
    page = open_page(album(png("warm.png", photo("warm"))), step="Scores")
    first = sent(page)["words"]
    page.segmented_control(key="head-of-2").set_value(1)
    assert sent(checked(page.run()))["words"] != first
    page.segmented_control(key="step").set_value("rollout")
    checked(page.run())
    assert headings(page) == ["6. Rollout"] and "mean of 2 heads" in page.markdown[1].value


# ---- the figures ----


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_words_for_each_patch_and_each_panel(own, name):
    figure = FIGURES[name](own, 0)
    assert len(figure["words"]) == 16 and len(set(figure["words"])) > 1
    json.dumps(figure)  # it travels as JSON
    for panel in figure["panels"]:
        assert panel["title"] and panel["alt"]
        assert panel["image"] is None or panel["image"] in figure["images"]
        if panel["values"]:
            assert len(panel["values"]) * 3 // 4 // 4 >= panel["rows"] * panel["columns"] * (16 if panel["follows"] else 1)
            assert all(low < high for low, high in zip(panel["lows"], panel["highs"], strict=True))
            assert len(panel["highs"]) == len(panel["tops"]) == len(panel["bottoms"]) in (1, 16)


@pytest.mark.parametrize(("height", "width"), [(60, 1800), (1800, 60)])
def test_of_a_long_strip_the_middle_is_shown(classifier, photo, height, width):
    panel = FIGURES["resize"](walk_through(classifier, photo("warm", height, width)), 0)["panels"][0]
    assert panel["aspect"] == (3 if width > height else 1 / 3) and "only its middle" in panel["note"]
    seen = panel["within"]
    assert (seen["right"] - seen["left"]) * panel["aspect"] == pytest.approx(seen["bottom"] - seen["top"], abs=0.01)  # still a square


def test_the_patch_that_receives_most_is_chosen_at_first_whatever_the_temperature(own):
    strongest = int(own.heatmap.values.argmax())
    assert {FIGURES["softmax"](own.at(t), 0)["start"] for t in (0.1, 1.0, 10.0)} == {strongest}


def test_a_figure_sends_only_what_it_shows(own):
    assert len(json.dumps(FIGURES["scores"](own, 0))) < len(json.dumps(FIGURES["features"](own, 0)))
    assert all(panel["rows"] * panel["columns"] <= 16 * 16 for panel in FIGURES["scores"](own, 0)["panels"])
