"""Guess first in Chromium: a whole game by keyboard, and nothing of the model in the page before the
guess."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from PIL import Image

from detector.images import IMAGE_SUFFIXES
from tests.browser.download_button import download

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}
PROJECTORS = ({"width": 1280, "height": 720}, {"width": 1920, "height": 1080})


def test_a_game_by_keyboard_on_a_phone_with_nothing_told_before_the_guess(
    app_server, open_page, tiny_bundle, photo, tmp_path
):
    for name, kind in {"ai/=warm.png": "warm", "real/warm.png": "warm"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(photo(kind, 240, 320)).save(tmp_path / name)
    tab = open_page(viewport=PHONE)
    tab.goto(f"{app_server(ROOT / 'streamlit_app.py', TELLTALE_WEIGHTS=str(tiny_bundle.parent))}/guess")

    def says(text: str) -> None:
        tab.get_by_text(text).first.wait_for()

    def press(key: str, button: str) -> None:
        """Press a button's key, once the button is there to hear it."""
        tab.get_by_role("button", name=button).wait_for()
        tab.keyboard.press(key)

    says("Practice round")
    tab.get_by_text("Folder on this machine").click()
    tab.get_by_role("textbox", name="Folder").fill(str(tmp_path))
    tab.keyboard.press("Enter")
    says("2 pictures: 1 AI-generated and 1 real")
    tab.get_by_role("button", name="Start").click()

    for number in (1, 2):
        says(f"Picture {number} of 2")
        says("What is this picture?")
        tab.get_by_role("img", name=f"Picture {number} of 2").wait_for()
        tab.get_by_test_id("heatmap-viewer").wait_for(state="detached")  # the last picture's, which fades
        page = tab.get_by_test_id("stMain").inner_html()
        assert "P(AI" not in page
        assert "threshold" not in page
        assert not any(suffix in page for suffix in IMAGE_SUFFIXES - {".jpg"}), (
            "a file's name may tell what it is"
        )
        press("ArrowRight", "Real")
        says("You say: real")
        press("Backspace", "Back")
        says("What is this picture?")
        press("ArrowRight", "Real")
        says("You say: real")
        press("2", "Fairly sure")
        says("You said: real. And now?")
        assert tab.get_by_test_id("verdict").inner_text() == "AI-generated"
        tab.get_by_test_id("heatmap-viewer").wait_for()
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        press("ArrowLeft", "Change to AI-generated")

    says("The model misled you once and corrected you once")
    rows = list(csv.DictReader(io.StringIO(download(tab, "Answers (CSV)").read_text())))
    assert {(row["truth"], row["first_guess"], row["final_answer"], row["effect"]) for row in rows} == {
        ("AI-generated", "real", "AI-generated", "wrong → right, with the model"),
        ("real", "real", "AI-generated", "right → wrong, with the model"),
    }
    tab.get_by_role("button", name="Other pictures").press("Enter")
    says("2 pictures: 1 AI-generated and 1 real")


@pytest.mark.parametrize("size", PROJECTORS, ids=lambda size: f"{size['width']}x{size['height']}")
def test_picture_and_question_fit_a_projector_and_a_clickers_two_keys_answer(
    app_server, open_page, tiny_bundle, size
):
    tab = open_page(viewport=size)
    tab.goto(f"{app_server(ROOT / 'streamlit_app.py', TELLTALE_WEIGHTS=str(tiny_bundle.parent))}/guess")
    tab.get_by_role("button", name="Start").click()
    tab.get_by_text("What is this picture?").wait_for()
    tab.get_by_role("button", name="Present").wait_for()
    for _ in range(20):  # the button may be drawn before the page listens to keys
        tab.keyboard.press("p")
        if tab.evaluate("document.documentElement.hasAttribute('data-presenting')"):
            break
        tab.wait_for_timeout(500)
    tab.get_by_test_id("stHeader").wait_for(state="hidden")

    def lies_within_the_window(place) -> None:
        within = "({top, bottom, height}) => height > 0 && top >= 0 && bottom <= innerHeight"
        place.wait_for_function(f"element => ({within})(element.getBoundingClientRect())")

    lies_within_the_window(tab.get_by_role("img", name="Picture 1 of 10"))
    lies_within_the_window(tab.get_by_role("button", name="Real"))
    tab.keyboard.press("PageDown")
    lies_within_the_window(tab.get_by_text("You say: real. How sure are you?"))
    tab.get_by_role("button", name="A hunch").wait_for()
    tab.keyboard.press("PageUp")
    lies_within_the_window(tab.get_by_text("You said: real. And now?"))
    lies_within_the_window(tab.get_by_role("button", name="Stay with real"))
    lies_within_the_window(tab.get_by_test_id("heatmap-viewer").locator(".stage"))
