"""The Guess first page, run by Streamlit's AppTest with a tiny model."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from detector import architectures
from detector.bundle import CARD, WEIGHTS, file_sha256
from detector.classifier import Classifier
from detector.evaluation.method_scores import FIGURES
from detector.explain import METHODS
from detector.images import read_image
from detector.perturbations import AS_SENT
from detector.verdicts import Side
from pages.guess import setup
from pages.guess.game import Game
from pages.guess.guess_state import KEY
from tests.support.networks import TINY_TILED, noise, randomise

ROOT = Path(__file__).parents[2]
AI, REAL = Side.AI, Side.REAL


class Page:
    """The page in one browser tab, as its user works it."""

    def __init__(self):
        self.app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
        self.run()
        self.go("guess")

    def run(self) -> "Page":
        self.app.run()
        assert not self.app.exception
        return self

    def go(self, page: str) -> "Page":
        self.app.switch_page(f"pages/{page}/page.py")
        return self.run()

    def click(self, key: str) -> "Page":
        """Click the button whose key begins like this."""
        next(button for button in self.app.button if (button.key or "").startswith(key)).click()
        return self.run()

    def play(self, guess: Side, answer: Side, sure: int = 2) -> "Page":
        return self.click(f"guess_{guess}").click(f"sure_{sure}").click(f"answer_{answer}")

    def folder(self, path: Path, length: int = 5) -> "Page":
        self.app.segmented_control(key="guess_where").set_value("Folder on this machine")
        self.run()
        self.app.text_input(key="guess_folder").set_value(str(path))
        self.run()
        if not self.app.selectbox(key="guess_length").disabled:
            self.app.selectbox(key="guess_length").set_value(length)
        return self

    @property
    def game(self) -> Game:
        return self.app.session_state[KEY].game

    @property
    def shown(self) -> str:
        """Every text on the page, the browser's html included."""
        html = "".join(element.proto.body for element in self.app.get("html"))
        kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "button", "metric")
        return html + "\n".join(
            str(getattr(element, "value", "")) + element.label
            if kind in ("button", "metric")
            else str(element.value)
            for kind in kinds
            for element in getattr(self.app, kind)
        )


@pytest.fixture
def page(tiny_bundle, monkeypatch) -> Page:
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    return Page()


@pytest.fixture
def labelled(tmp_path, photo) -> Path:
    """ai/: two the model calls AI and one it calls real; real/: one it calls real and one it calls AI."""
    for name, kind in {
        "ai/a": "warm",
        "ai/b": "warm",
        "ai/c": "cool",
        "real/d": "cool",
        "real/e": "warm",
    }.items():
        path = tmp_path / "set" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(kind, 60, 80)).save(path)
    return tmp_path / "set"


def test_a_practice_game_from_start_to_end_and_again(page):
    assert "simulated generator" in page.shown
    page.app.selectbox(key="guess_length").set_value(5)
    page.click("guess_start")
    assert len(page.game.rounds) == 5
    for _ in range(5):
        page.play(AI, AI)
    assert [metric.label for metric in page.app.metric] == [
        "You, before",
        "You, after hearing the model",
        "The model alone",
    ]
    first = [each.candidate.name for each in page.game.rounds]
    page.click("guess_again")
    assert (page.game.at, len(page.game.rounds), page.game.seed) == (0, 5, 2)
    assert [each.candidate.name for each in page.game.rounds] != first


def test_the_end_of_a_game_with_known_truth_by_hand(page, labelled):
    page.folder(labelled)
    assert "5 pictures: 3 AI-generated and 2 real" in page.shown
    page.click("guess_start")
    answers = {
        "a.png": (AI, AI),
        "b.png": (REAL, AI),
        "c.png": (AI, REAL),
        "d.png": (REAL, REAL),
        "e.png": (REAL, REAL),
    }
    for _ in range(5):
        page.play(*answers[page.game.current.candidate.name.rpartition("/")[2]])
    assert [(metric.label, metric.value) for metric in page.app.metric] == [
        ("You, before", "4 of 5"),
        ("You, after hearing the model", "4 of 5"),
        ("The model alone", "3 of 5"),
    ]
    assert page.app.subheader[0].value == "The model misled you once and corrected you once"
    assert "1 of the 2 times that you were right and it leaned the other way" in page.shown  # c, of c and e
    assert "1 of the one time that you were wrong and it leaned the other way" in page.shown  # b
    assert "80%, 95% interval 38–96%" in page.app.metric[0].delta
    table = page.app.dataframe[0].value.set_index("Name")
    assert table.loc["ai/c.png", "Effect"] == "right → wrong, with the model"
    assert table.loc["ai/b.png", "Truth"] == "AI-generated"


def test_nothing_of_the_model_the_truth_or_the_name_is_on_the_page_before_the_guess(page, labelled):
    page.folder(labelled).click("guess_start")
    for _ in range(2):
        for key in ("guess_ai", "sure_1"):
            assert page.game.current.result is None
            assert [component.key for component in page.app.get("bidi_component")] == ["presenter"]
            assert not re.search(r"P\(AI|threshold|verdict|\.png|ai/|real/", page.shown)
            page.click(key)
        assert 'data-testid="verdict"' in page.shown
        assert "guess_viewer" in [component.key for component in page.app.get("bidi_component")]
        assert ".png" not in page.shown, "the name may tell the truth"
        page.click("answer_ai")


def test_a_map_that_nobody_tested_is_called_that(page):
    page.click("guess_start").click("guess_ai").click("sure_1")
    assert "**Attention rollout**" in page.shown
    assert "was not tested for this model" in page.shown


def test_the_map_is_the_most_faithful_of_the_quick_ones(spoilable_bundle, monkeypatch):
    card = json.loads((spoilable_bundle / CARD).read_text())
    gains = {"occlusion": 0.3, "grad-cam": 0.2, "token contributions": 0.1, "attention rollout": 0.0}
    interval = {f"{name}_interval": [-1, 1] for name in FIGURES}
    methods = {
        name: dict.fromkeys(FIGURES, gain) | interval | {"ms_per_map": 1} for name, gain in gains.items()
    }
    card["explanations"] = {
        "default": "occlusion",
        "images": 200,
        "measured_on": "validation images",
        "weights_sha256": card["weights_sha256"],
        "methods": methods,
    }
    (spoilable_bundle / CARD).write_text(json.dumps(card))
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(spoilable_bundle.parent))
    page = Page().click("guess_start").click("guess_ai").click("sure_1")
    assert f"**{METHODS['grad-cam'].title}**" in page.shown
    assert page.game.current.heatmap.method == "grad-cam"
    assert page.app.get("bidi_component") and "not tested" not in page.shown


@pytest.fixture
def tiled_bundle(spoilable_bundle, monkeypatch) -> Path:
    """The weights folder holds a model alone that looks at tiles, too."""

    def build(backbone_weights=None, *, tile_head=True):
        return TINY_TILED.build(backbone_weights)

    architecture = replace(TINY_TILED, build=build)
    monkeypatch.setitem(architectures.ARCHITECTURES, architecture.name, architecture)
    network = architecture.build(None)
    randomise(network, 3)
    network.save_weights(spoilable_bundle / WEIGHTS)
    card = json.loads((spoilable_bundle / CARD).read_text())
    card["architecture"] = {"name": architecture.name, "arguments": architecture.complete({})}
    card["preprocessing"] = architecture.preprocessing.to_card()
    card["weights_sha256"] = file_sha256(spoilable_bundle / WEIGHTS)
    (spoilable_bundle / CARD).write_text(json.dumps(card))
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(spoilable_bundle.parent))
    return spoilable_bundle


def test_a_model_with_tiles_judges_the_pixels_that_it_judges_elsewhere(tiled_bundle, tmp_path):
    path = tmp_path / "large" / "x.png"
    path.parent.mkdir()
    Image.fromarray(noise(1024)).save(path)
    page = Page().folder(path.parent).click("guess_start").click("guess_ai").click("sure_1")
    expected = Classifier.load(tiled_bundle).analyse(read_image(path, AS_SENT))
    assert page.game.current.result.analysis.logit == pytest.approx(expected.logit, abs=1e-5)


def test_a_slip_is_taken_back_before_the_model_is_heard_and_an_answer_from_the_next_picture(page):
    page.click("guess_start").click("guess_ai").click("back")
    assert page.game.current.stage == "guess"
    page.click("guess_real").click("sure_3")
    assert not any((button.key or "").startswith("back") for button in page.app.button)
    page.click("answer_ai").click("back")
    assert (page.game.at, page.game.current.stage, page.game.current.guess) == (0, "reveal", REAL)


def test_a_game_survives_a_visit_to_another_page(page):
    page.click("guess_start").play(AI, REAL).click("guess_real")
    page.go("classify").go("guess")
    assert (page.game.at, page.game.current.guess, page.game.current.stage) == (1, REAL, "confidence")
    assert "How sure are you" in page.shown


def test_an_unlabelled_folder_counts_agreement_only(page, tmp_path, photo):
    Image.fromarray(photo("warm")).save(tmp_path / "x.png")
    page.folder(tmp_path)
    assert "can only be compared with the model" in page.shown
    page.click("guess_start").play(REAL, AI)
    assert page.app.subheader[0].value == "The model moved you 1 of 1 time that you disagreed"
    assert [metric.label for metric in page.app.metric] == [
        "In agreement, before",
        "In agreement, after hearing the model",
    ]
    assert "Truth" not in page.app.dataframe[0].value


def test_unreadable_pictures_are_skipped_with_a_sentence(page, labelled):
    for name in ("ai/broken.png", "real/broken.png"):
        (labelled / name).write_bytes(b"no picture")
    page.folder(labelled, length=50).click("guess_start")
    while page.game.current:
        page.play(AI, AI)
    assert len(page.game.rounds) == 5
    assert page.shown.count("This is not an image") == 2


def test_a_game_of_nothing_but_unreadable_pictures_ends_and_says_so(page, tmp_path):
    (tmp_path / "x.png").write_bytes(b"no picture")
    page.folder(tmp_path).click("guess_start")
    assert "nothing to count" in page.shown
    page.click("guess_other")
    assert page.game is None


@pytest.mark.parametrize(
    "path", ["/no/such/folder", "\0", "x" * 5000, "![x](http://example.com)", "~nobody-of-that-name/x"]
)
def test_a_folder_that_is_none_is_a_sentence(page, path):
    page.folder(path)
    assert "There is no folder" in page.shown
    assert next(button for button in page.app.button if button.key == "guess_start").disabled


@pytest.mark.parametrize("limit", ["MOST_FILES", "LONGEST_LOOK"])
def test_a_folder_that_holds_too_much_is_not_looked_through(page, labelled, monkeypatch, limit):
    monkeypatch.setattr(setup, limit, -1)
    page.folder(labelled)
    assert "holds too much to look through" in page.shown
    assert page.app.button(key="guess_start").disabled


def test_a_folder_without_pictures_is_a_sentence(page, tmp_path):
    page.folder(tmp_path)
    assert "There are no images in" in page.shown


def test_the_path_of_a_folder_may_be_pasted_in_quotes(page, labelled):
    page.folder(f'"{labelled}"')
    assert "5 pictures: 3 AI-generated and 2 real" in page.shown


def test_ending_early_counts_what_was_finished(page):
    page.click("guess_start").play(AI, AI).click("guess_ai").click("stop")
    assert page.app.metric[0].value in ("0 of 1", "1 of 1")


def test_no_key_leaves_the_end_of_a_game(page):
    page.click("guess_start").play(AI, AI).click("stop")
    assert [button.label for button in page.app.button] == ["Play again", "Other pictures"]
    assert not any(button.proto.shortcut for button in page.app.button)


@pytest.fixture
def without_model(spoilable_bundle, monkeypatch) -> Page:
    """A game whose model was removed after its first picture."""
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(spoilable_bundle.parent))
    page = Page().click("guess_start").play(AI, AI)
    shutil.rmtree(spoilable_bundle)
    return page.run()


def test_a_game_whose_model_is_gone_still_counts_what_was_finished(without_model):
    assert without_model.app.error
    assert without_model.click("stop").app.metric[0].value in ("0 of 1", "1 of 1")


def test_a_game_whose_model_is_gone_can_be_left_for_other_pictures(without_model):
    assert without_model.click("guess_other").game is None
