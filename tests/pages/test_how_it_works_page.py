"""How it works, run by Streamlit's AppTest with a tiny model. Choosing patches needs a browser:
tests/browser/test_how_it_works.py."""

import io
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from detector import architectures, read_image
from detector.bundle import CARD, ENCODERS, WEIGHTS, file_sha256
from detector.explain.stage_maps import stage_maps
from detector.explain.walkthrough import walk_through
from pages.how_it_works.backbone_figures import backbone
from pages.how_it_works.picture_choice import NOT_IN_LINK
from pages.how_it_works.step import Step
from pages.how_it_works.step_figures import FIGURES
from pages.how_it_works.steps import steps_of
from pages.how_it_works.walk_state import HowItWorksState
from tests.support.networks import TINY_TILED, TINY_VIT, built, noise
from tests.support.page_words import checked
from ui import known_samples, session
from ui.album import Album, samples
from ui.pictures import Picture
from ui.session import Session

ROOT = Path(__file__).parents[2]
PAGE = str(ROOT / "pages" / "how_it_works" / "page.py")
STEPS = steps_of(architectures.get("tiny-attention"))
VIT_STEPS = steps_of(TINY_VIT)


@pytest.fixture(scope="session")
def own(classifier):
    """The walkthrough of the temple at the model's own temperature."""
    return walk_through(classifier, read_image(samples()["temple"]))


@pytest.fixture
def open_page(tiny_bundle, monkeypatch):
    """``open_page(**query)``: the page, run once at that address; ``album`` is what the session has
    brought in before."""
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))

    def run(album: Album | None = None, **query) -> AppTest:
        page = AppTest.from_file(PAGE, default_timeout=120)
        if album:
            page.session_state[session.KEY] = Session(album)
        for name, value in query.items():
            page.query_params[name] = value
        return checked(page.run())

    return run


@pytest.fixture
def temple(open_page):
    """``temple(**query)``: the page with the sample photo chosen."""
    return lambda **query: click(open_page(**query), "walk-sample-temple")


def click(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click()
    return checked(page.run())


def album(*pictures: Picture) -> Album:
    return Album(others={picture.id: picture for picture in pictures})


def png(name: str, pixels: np.ndarray) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return Picture.of(name, buffer.getvalue())


def numbered(steps: Sequence[Step]) -> list[str]:
    return [f"{number}. {step.title}" for number, step in enumerate(steps, start=1)]


def headings(page: AppTest) -> list[str]:
    return [heading.value for heading in page.header]


def figures(page: AppTest) -> int:
    return len(shown_figures(page))


def shown_figures(page: AppTest) -> list[dict]:
    """What the browser gets for each figure; the presenter's buttons are a component, too."""
    sent = [json.loads(component.proto.json) for component in page.get("bidi_component")]
    return [figure for figure in sent if "panels" in figure]


def sent(page: AppTest) -> dict:
    """What the browser gets for the first figure."""
    return shown_figures(page)[0]


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
    page.session_state[session.KEY].album = album(warm)
    assert checked(page.run()).selectbox(key="walked").value == warm.id


def test_an_upload_joins_the_album_and_is_walked_through(open_page, photo):
    page = open_page()
    mine = png("mine.png", photo("warm"))
    page.file_uploader[0].upload(mine.name, mine.content)
    checked(page.run())
    assert page.selectbox(key="walked").value == mine.id and headings(page) == ["1. Resize"]
    assert page.session_state[session.KEY].album.wanted == mine.id


def test_the_uploader_says_which_machine_a_picture_does_not_leave(open_page):
    assert "Nothing leaves the machine that Telltale runs on" in open_page().file_uploader[0].help


def test_an_unreadable_picture_gets_a_sentence(open_page):
    page = open_page(album(Picture.of("<b>notes</b>.jpg", b"hello")))
    assert "notes" in page.warning[0].value and "<b>" not in page.warning[0].value
    assert not figures(page)


def test_the_picture_stays_while_it_is_there_then_the_first_proposal_that_is_then_the_first():
    state = HowItWorksState()
    assert state.choose(["a", "b", "c"], (None, "gone", "b")) == "b"
    assert state.choose(["a", "b", "c"], ("c",)) == "b"
    assert state.choose(["a", "c"], (None, "b")) == "a"
    assert state.picture_id == "a"


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
    assert seen == numbered(STEPS)
    assert page.button(key="step-Next").disabled
    assert headings(click(page, "step-Back")) == ["8. Pooling"]


def test_the_step_is_in_the_address(temple):
    assert headings(temple(step="Softmax")) == ["6. Softmax"]


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
    assert re.search(
        r"differ from what the network itself answers by at most \de-\d+", temple().caption[-1].value
    )


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
        assert (
            "Not the model's own attention" in page.warning[0].value
            and f"says {own.y_score:.1%}" in page.warning[0].value
        )
        assert f"t = {temperature:g}" in page.latex[0].value
    assert values == {0.1: "focused", 10.0: "diffuse"}


def test_what_a_button_chooses_is_no_second_default(temple, monkeypatch, caplog):
    monkeypatch.setattr(
        "streamlit.elements.lib.policies._shown_default_value_warning", False
    )  # said once per process
    page = click(temple(step="Scores"), "step-Next")
    page.select_slider(key="temperature").set_value(10.0)
    click(checked(page.run()), "own_temperature")
    assert page.select_slider(key="temperature").value == 1.0 and headings(page) == ["6. Softmax"]
    assert "created with a default value" not in caplog.text


def test_temperature_stays_from_step_to_step_and_can_be_taken_back(temple, own):
    page = temple(step="Softmax", temperature="10")
    for _ in range(3):
        click(page, "step-Next")
    assert headings(page) == ["9. Probability"]
    assert any(f"p = {own.at(10.0).y_score:.3f}" in text.value for text in page.markdown)
    click(page, "own_temperature")
    assert any(f"p = {own.y_score:.3f}" in text.value for text in page.markdown) and not page.warning


def test_a_threshold_carried_from_evaluate_judges_here_too(open_page, tiny_bundle, photo):
    page = open_page(album(png("mixed.png", photo("mixed"))), step="Probability")
    assert metric(page, "Verdict").value == "Unsure"
    sha256 = json.loads((tiny_bundle / CARD).read_text())["weights_sha256"]
    page.session_state[session.KEY].carried_thresholds[sha256] = 0.9
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
    assert headings(page) == ["7. Rollout"] and "mean of 2 heads" in page.markdown[1].value


# ---- the figures ----


@pytest.fixture(scope="session")
def figures_of(own, classifier):
    """``figures_of(name) -> figure``: of the small network's steps, and those of a transformer."""
    vit, stages = walk_through(built(TINY_VIT), noise()), stage_maps(classifier, own.image)
    tiled = walk_through(built(TINY_TILED), noise(64))

    def figure(name: str) -> dict:
        if name == "backbone":
            return backbone(own, stages)
        if name == "tiles":
            return FIGURES[name](tiled, 0)
        return FIGURES[name](vit if name in {step.name for step in VIT_STEPS[1:5]} else own, 0)

    return figure


@pytest.mark.parametrize("name", ["backbone", *(name for name in FIGURES if name != "logit")])
def test_every_figure_has_words_for_each_patch_and_each_panel(figures_of, name):
    figure = figures_of(name)
    rows, columns = figure["grid"]
    count = rows * columns
    assert len(figure["words"]) == count and len(set(figure["words"])) > 1
    json.dumps(figure)  # it travels as JSON
    for panel in figure["panels"]:
        assert panel["title"] and panel["alt"]
        assert panel["image"] is None or panel["image"] in figure["images"]
        if panel["values"]:
            assert len(panel["values"]) * 3 // 4 // 4 >= panel["rows"] * panel["columns"] * (
                count if panel["follows"] else 1
            )
            assert all(low < high for low, high in zip(panel["lows"], panel["highs"], strict=True))
            assert len(panel["highs"]) == len(panel["tops"]) == len(panel["bottoms"]) in (1, count)


@pytest.mark.parametrize(("height", "width"), [(60, 1800), (1800, 60)])
def test_of_a_long_strip_the_middle_is_shown(classifier, photo, height, width):
    panel = FIGURES["resize"](walk_through(classifier, photo("warm", height, width)), 0)["panels"][0]
    assert panel["aspect"] == (3 if width > height else 1 / 3) and "only its middle" in panel["note"]
    seen = panel["within"]
    assert (seen["right"] - seen["left"]) * panel["aspect"] == pytest.approx(
        seen["bottom"] - seen["top"], abs=0.01
    )  # still a square


def test_the_patch_that_receives_most_is_chosen_at_first_whatever_the_temperature(own):
    strongest = int(own.heatmap.values.argmax())
    assert {FIGURES["softmax"](own.at(t), 0)["start"] for t in (0.1, 1.0, 10.0)} == {strongest}


def test_a_figure_sends_only_what_it_shows(own):
    assert len(json.dumps(FIGURES["scores"](own, 0))) < len(json.dumps(FIGURES["features"](own, 0)))
    assert all(panel["rows"] * panel["columns"] <= 16 * 16 for panel in FIGURES["scores"](own, 0)["panels"])


# ---- what a matrix and a question tell


def test_matrices_say_which_side_asks_and_which_answers(figures_of):
    for name in ("scores", "softmax", "rollout"):
        table = next(panel for panel in figures_of(name)["panels"] if panel["kind"] == "matrix")
        assert table["sides"] == ("who asks (query)", "who answers (key)")


def test_every_question_has_an_answer_that_is_hidden_at_first(temple):
    page = temple(step="All steps")
    answers = page.get("expander")
    assert len(answers) == len(STEPS) and not any(answer.proto.expanded for answer in answers)
    assert all(len(answer.markdown[0].value) > 40 for answer in answers)


def test_the_answers_are_worked_out_for_this_picture(own):
    softmax = next(step for step in STEPS if step.name == "softmax").text(own).answer
    assert f"{own.at(10.0).patches_in_view:.1f} at 10" in softmax
    scores = next(step for step in STEPS if step.name == "scores").text(own).answer
    gap = np.abs(own.scores[0] - own.scores[0].T).max()
    assert f"up to {gap:.2f}" in scores


# ---- the backbone


def test_the_backbone_is_opened_at_the_stages_its_entry_names(temple):
    page = temple(step="Backbone")
    titles = [panel["title"] for panel in sent(page)["panels"]]
    assert titles == ["Stage 1: 16 × 16 × 8", "Stage 2: 8 × 8 × 16"]


# ---- a link


def test_a_link_opens_at_its_sample_without_a_click(open_page):
    page = open_page(picture="flower", step="Scores")
    flower = known_samples.picture(known_samples.BY_NAME["flower"])
    assert headings(page) == ["5. Scores"] and page.selectbox(key="walked").value == flower.id


def test_the_address_holds_the_sample_that_is_shown_and_lets_go_of_it_for_an_upload(temple, photo):
    page = temple()
    assert page.query_params["picture"] == "temple" and NOT_IN_LINK not in page.caption[0].value
    mine = png("mine.png", photo("warm"))
    page.file_uploader[0].upload(mine.name, mine.content)
    checked(page.run())
    assert "picture" not in page.query_params and page.caption[0].value == NOT_IN_LINK


def test_an_address_that_names_no_sample_asks_for_a_picture(open_page):
    page = open_page(picture="../secret")
    assert "Upload one, or take a sample" in page.info[0].value and not figures(page)


# ---- two pictures


def test_two_pictures_go_through_the_same_step_side_by_side(open_page):
    page = open_page(picture="temple", beside="flower", step="Rollout")
    assert headings(page) == ["7. Rollout"] and figures(page) == 2
    words = [figure["words"] for figure in shown_figures(page)]
    assert words[0] != words[1]
    assert [title.value for title in page.markdown if title.value.startswith("####")][0].startswith(
        "#### temple"
    )
    page.selectbox(key="walked-beside").set_value("")
    checked(page.run())
    assert figures(page) == 1 and "beside" not in page.query_params


def test_the_temperature_holds_for_both_pictures(open_page):
    page = open_page(picture="temple", beside="flower", step="Softmax", temperature="10")
    tops = [figure["panels"][0]["values"] for figure in shown_figures(page)]
    page.select_slider(key="temperature").set_value(1.0)
    own = [figure["panels"][0]["values"] for figure in shown_figures(checked(page.run()))]
    assert tops[0] != own[0] and tops[1] != own[1]


def test_every_step_can_be_shown_for_two_pictures(open_page):
    page = open_page(picture="temple", beside="flower", step="All steps")
    assert figures(page) == 2 * len(STEPS) and headings(page) == numbered(STEPS)


# ---- a transformer


@pytest.fixture
def transformer(tiny_bundle, tmp_path, monkeypatch) -> None:
    """The weights folder holds a transformer alone."""
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "vit"))
    monkeypatch.setitem(architectures.ARCHITECTURES, TINY_VIT.name, TINY_VIT)
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path))
    (tmp_path / ENCODERS).mkdir()
    encoder = tmp_path / ENCODERS / "tiny-vit.npz"
    encoder.write_bytes(b"any")
    TINY_VIT.trained(TINY_VIT.build(None)).save_weights(folder / WEIGHTS)
    card = json.loads((folder / CARD).read_text())
    card["architecture"] = {"name": TINY_VIT.name, "arguments": TINY_VIT.complete({})}
    card["preprocessing"] = TINY_VIT.preprocessing.to_card()
    card["weights_sha256"] = file_sha256(folder / WEIGHTS)
    card["encoder"] = {"sha256": file_sha256(encoder)}
    (folder / CARD).write_text(json.dumps(card))


def test_a_transformer_is_walked_through_block_by_block(open_page, transformer):
    page = open_page(picture="temple", step="Resize")
    seen = headings(page)
    for _ in VIT_STEPS[1:]:
        seen += headings(click(page, "step-Next"))
        assert figures(page) == 1
    assert seen == numbered(VIT_STEPS)
    assert [step.title for step in VIT_STEPS[1:5]] == [
        "Patches",
        "Blocks",
        "Rollout by block",
        "Class tokens",
    ]
    assert "by at most" in page.caption[-1].value


def test_the_block_is_chosen_and_in_the_address(open_page, transformer):
    page = open_page(picture="temple", step="Blocks", block="1")
    first = sent(page)["words"]
    assert first[0].startswith("in block 1 ")
    page.segmented_control(key="block").set_value(2)
    second = sent(checked(page.run()))["words"]
    assert second[0].startswith("in block 2 ") and first != second


def test_the_heads_tokens_are_class_tokens_and_called_so(open_page, transformer):
    page = open_page(picture="temple", step="Softmax")
    figure = sent(page)
    assert figure["names"] == ["block 1", "block 2"] and figure["grid"] == [1, 2]
    assert metric(page, "Class tokens a class token looks at").value.endswith(" of 2")


def test_the_default_model_is_walked_through_its_blocks():
    steps = steps_of(architectures.get("clip-vit-b16-attention"))
    assert [step.title for step in steps] == [step.title for step in VIT_STEPS]


def test_a_model_that_cannot_be_walked_through_offers_the_one_that_can(monkeypatch):
    monkeypatch.delenv("TELLTALE_MODEL")
    monkeypatch.setitem(vars(architectures.get("clip-vit-b16-attention")), "blocks", None)
    page = AppTest.from_file(PAGE, default_timeout=120).run()
    assert not page.exception and "no attention head over the patches" in page.info[0].value
    page.button[0].click().run()
    assert not page.exception and "no attention head" not in " ".join(info.value for info in page.info)
    assert page.selectbox[0].value == "efficientnetv2b0-attention"
