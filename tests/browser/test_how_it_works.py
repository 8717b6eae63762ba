"""How it works in Chromium with a tiny model: the patch chosen at one step is the patch of every step."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}
SIDE = 4  # the tiny model's grid
PROJECTORS = ({"width": 1280, "height": 720}, {"width": 1920, "height": 1080})
TITLES = ("Resize", "Backbone", "Feature map", "Q, K, V", "Scores") + (
    "Softmax",
    "Rollout",
    "Pooling",
    "Probability",
)


class Page:
    """The page in a browser tab, as its user works it."""

    def __init__(self, tab):
        self.tab = tab
        self.figures = tab.get_by_test_id("step-figure")

    def take_the_temple(self) -> None:
        self.tab.get_by_role("button", name="Try the temple").click()

    def shows(self, heading: str) -> None:
        """Wait until that step's heading is there, and below it a figure with its patch marked."""
        self.tab.get_by_role("heading", name=heading).wait_for()
        self.tab.locator("[data-testid=step-figure][data-cell]").first.wait_for()

    def chosen(self, row: int, column: int, figure: int = 0) -> None:
        """Wait until that patch, counted from 1, is the figure's: in its boxes and in what is painted."""
        figure = self.figures.nth(figure)
        cell = (row - 1) * SIDE + column - 1
        figure.locator(f"xpath=self::*[@data-cell='{cell}']").wait_for()
        for place, value in enumerate((row, column)):  # while a step changes, its boxes are drawn anew
            expect(figure.locator("input").nth(place)).to_have_value(str(value))

    def words(self, figure: int = 0) -> str:
        return self.figures.nth(figure).locator("[data-part=words]").text_content()

    def stage(self, title: str, figure: int = 0):
        """The picture of that title."""
        return (
            self.figures.nth(figure)
            .locator("figure", has=self.tab.get_by_text(title, exact=False))
            .locator(".stage")
        )

    def click_patch(self, title: str, row: int, column: int, figure: int = 0) -> None:
        stage = self.stage(title, figure)
        box = stage.bounding_box()
        stage.click(
            position={"x": (column - 0.5) / SIDE * box["width"], "y": (row - 0.5) / SIDE * box["height"]}
        )

    def lies_within_the_window(self, place) -> None:
        """Wait until all of it is to be seen without scrolling."""
        place.wait_for_function(
            """element => {
                const {left, top, right, bottom, height} = element.getBoundingClientRect();
                return height > 0 && left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
            }"""
        )

    def painted(self, title: str, figure: int = 0) -> str:
        return self.stage(title, figure).locator("canvas").evaluate("canvas => canvas.toDataURL()")


@pytest.fixture
def visit(app_server, open_page, tiny_bundle):
    """``visit(step, **options) -> Page`` with the sample photo chosen. Nothing is asked of another
    machine."""
    requests = []

    def go(step: str, **options) -> Page:
        tab = open_page(**options)
        tab.on("request", lambda request: requests.append(request.url))
        url = app_server(ROOT / "streamlit_app.py", TELLTALE_WEIGHTS=str(tiny_bundle.parent))
        tab.goto(f"{url}/how_it_works?step={step}")
        page = Page(tab)
        page.take_the_temple()
        return page

    yield go
    assert [
        url
        for url in requests
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != "127.0.0.1"
    ] == []


def test_in_presenter_mode_every_step_fits_a_projector_with_the_header_away(visit):
    page = visit("Resize")
    page.shows("1. Resize")
    page.tab.keyboard.press("p")
    for number, title in enumerate(TITLES, start=1):
        for size in PROJECTORS:
            page.tab.set_viewport_size(size)
            page.shows(f"{number}. {title}")
            page.lies_within_the_window(page.tab.get_by_role("heading", name=f"{number}. {title}"))
            page.lies_within_the_window(page.figures.first)
        page.tab.keyboard.press("PageDown")
    assert "present=1" in page.tab.url
    assert not page.tab.get_by_test_id("stHeader").is_visible()
    assert not page.tab.get_by_text("Picture", exact=True).is_visible()
    page.tab.keyboard.press("Escape")
    page.tab.get_by_test_id("stHeader").wait_for()
    assert "present" not in page.tab.url


def test_a_clickers_keys_change_the_step_and_never_a_slider(visit):
    page = visit("Softmax")
    page.shows("6. Softmax")
    slider = page.tab.get_by_role("slider")
    slider.click(force=True)  # its handle lies over it
    page.tab.wait_for_url("**temperature=**")
    set_to = slider.input_value()
    for key, heading in (
        ("PageDown", "7. Rollout"),
        ("PageUp", "6. Softmax"),
        ("End", "9. Probability"),
        ("Home", "1. Resize"),
    ):
        page.tab.keyboard.press(key)
        page.shows(heading)
    for key, heading in (
        ("ArrowRight", "2. Backbone"),
        ("ArrowLeft", "1. Resize"),
        ("ArrowDown", "2. Backbone"),
        (" ", "3. Feature map"),
        ("ArrowUp", "2. Backbone"),
    ):
        page.tab.keyboard.press(key)
        page.shows(heading)
    page.tab.get_by_role("button", name="Next").click()  # which has the focus now
    page.shows("3. Feature map")
    page.tab.keyboard.press(" ")
    page.shows("4. Q, K, V")

    page.tab.get_by_role("radio", name="Softmax").click()
    page.shows("6. Softmax")
    expect(slider).to_have_value(set_to)
    slider.focus()
    slider.press("ArrowRight")
    expect(slider).to_have_value(str(int(set_to) + 1))
    page.shows("6. Softmax")


def test_a_link_shows_the_same_in_another_browser(visit, open_page):
    page = visit("Softmax")
    page.shows("6. Softmax")
    page.click_patch("What the chosen patch attends to", 3, 2)
    page.chosen(3, 2)
    slider = page.tab.get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    page.tab.wait_for_url("**temperature=1.5**")
    page.tab.get_by_text("Not the model's own attention").wait_for()

    other = Page(open_page())
    other.tab.goto(page.tab.url)
    other.shows("6. Softmax")
    other.chosen(3, 2)
    other.tab.get_by_text("temperature were 1.5").wait_for()
    words = other.figures.first.locator("[data-part=words]")
    words.wait_for_function("(element, words) => element.textContent === words", arg=page.words())
    painted = other.stage("Attention:").locator("canvas")
    painted.wait_for_function("(canvas, url) => canvas.toDataURL() === url", arg=page.painted("Attention:"))


def test_enter_shows_the_answer_to_the_question_and_hides_it_again(visit):
    page = visit("Rollout")
    page.shows("7. Rollout")
    answer = page.tab.get_by_text("half of everybody's share")
    assert not answer.is_visible()
    page.tab.keyboard.press("Enter")
    answer.wait_for()
    page.tab.keyboard.press("Enter")
    answer.wait_for(state="hidden")


def test_a_patch_chosen_at_one_step_is_chosen_at_the_others_and_after_a_reload(visit):
    page = visit("Softmax")
    page.shows("6. Softmax")
    before = page.painted("What the chosen patch attends to"), page.painted("Attention:")
    page.click_patch("What the chosen patch attends to", 3, 2)
    page.chosen(3, 2)
    assert before[0] != page.painted("What the chosen patch attends to") and before[1] != page.painted(
        "Attention:"
    )

    page.tab.get_by_role("button", name="Next").click()
    page.shows("7. Rollout")
    page.chosen(3, 2)
    assert "receives" in page.words()
    page.stage("The heatmap").press("ArrowRight")
    page.chosen(3, 3)

    page.tab.keyboard.press("PageDown")
    page.shows("8. Pooling")
    page.chosen(3, 3)
    page.tab.reload()
    page.shows("8. Pooling")
    page.chosen(3, 3)


def test_with_all_steps_on_the_page_one_choice_moves_all_figures(visit):
    page = visit("All+steps")
    page.shows("9. Probability")
    for number in range(9):
        page.figures.nth(number).locator("xpath=self::*[@data-cell]").wait_for()
    page.click_patch("What the model sees", 1, 4)
    for number in range(9):
        page.chosen(1, 4, number)
    assert len({page.words(number) for number in range(9)}) == 9  # each step has its own to say of it

    row = page.figures.nth(4).locator("input").first
    row.fill("9")  # beyond the grid: its last row
    row.press("Enter")
    for number in range(9):
        page.chosen(4, 4, number)


def test_rows_of_a_matrix_and_small_maps_choose_too_and_numbers_can_be_read(visit):
    page = visit("Scores")
    page.shows("5. Scores")
    stage = page.stage("Scores:")
    box = stage.bounding_box()
    stage.click(
        position={"x": 0.4 * box["width"], "y": 5.5 / 16 * box["height"]}
    )  # the sixth row: patch 6 of 16
    page.chosen(2, 2)
    note = page.figures.first.locator(".note").first
    assert note.text_content().startswith("row 2, column 2 → row 2, column 3: ")  # the seventh column

    page.tab.get_by_role("radio", name="Feature map").click()
    page.shows("3. Feature map")
    stage = page.stage("channels that vary most")
    box = stage.bounding_box()
    stage.click(
        position={"x": (SIDE + 3.5) / (4 * SIDE) * box["width"], "y": 0.5 / (3 * SIDE) * box["height"]}
    )  # the second map's top right
    page.chosen(1, 4)


def test_on_a_phone_nothing_is_cut_off_and_a_tap_chooses(visit):
    page = visit("Rollout", viewport=PHONE, has_touch=True)
    page.shows("7. Rollout")
    assert not page.tab.evaluate("document.documentElement.scrollWidth > innerWidth")
    stage = page.stage("The heatmap")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.tab.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + 0.1 * box["height"])
    page.chosen(1, 4)
    assert stage.get_attribute("aria-label").startswith("The heatmap, the mean of each column")
