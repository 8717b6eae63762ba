"""The Evaluate page in Chromium: what a threshold move changes, what a click opens, and what can be taken
away."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image

from detector.bundle import PREDICTIONS
from detector.evaluation.predictions import read_predictions
from tests.browser.download_button import download

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}
DRAWN = (
    "[...document.querySelectorAll('.js-plotly-plot')].filter(plot => plot.querySelector('.main-svg')).length"
)
FITS = (
    "[...document.querySelectorAll('.figures > div')].every(cell =>"
    " [...cell.querySelectorAll('.main-svg')].every(plot => plot.getBoundingClientRect().right <="
    " cell.getBoundingClientRect().right + 1))"
)


@pytest.fixture(scope="module")
def rows(tiny_bundle):
    return read_predictions(tiny_bundle / PREDICTIONS).rows


@pytest.fixture(scope="module")
def image_folder(rows, tmp_path_factory) -> Path:
    """A picture for every row but the last."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "images").mkdir()
    for number, id in enumerate(rows["id"][:-1]):
        pixels = np.full((48, 64, 3), 6 * number, np.uint8)
        Image.fromarray(pixels).save(folder / id)
    return folder


class Page:
    """The Evaluate page in a browser tab, as its user works it."""

    def __init__(self, tab):
        self.tab = tab
        self.plots = tab.locator(".js-plotly-plot")

    def ready(self, plots: int) -> Page:
        self.tab.wait_for_function(f"n => {DRAWN} >= n", arg=plots)
        self.tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        return self

    def numbers(self) -> list[int]:
        """The matrix as it reads: TN, FP, FN, TP."""
        texts = self.plots.nth(0).evaluate("plot => plot.data[0].text")
        return [int(text.split("</b>")[0].removeprefix("<b>")) for text in texts]

    def point(self, plot: int) -> list[float]:
        """Where an operating point is drawn."""
        return self.plots.nth(plot).evaluate(
            "plot => plot.data.filter(trace => trace.meta).map(trace => [trace.x[0], trace.y[0]])[0]"
        )

    def click(self, plot: int, mark: int) -> None:
        """Click the middle of a bar, counted over all traces."""
        box = self.plots.nth(plot).locator(".bars .point").nth(mark).bounding_box()
        x = box["x"] + box["width"] / 2
        y = box["y"] + box["height"] / 2
        self.tab.mouse.click(x, y)

    def says(self, text: str) -> None:
        self.tab.get_by_text(text).first.wait_for()

    def listed(self, column: str) -> list[str]:
        """A column of the table of pictures, as screen readers get it."""
        table = self.tab.get_by_test_id("stDataFrame").first
        table.locator("th", has_text=column).first.wait_for(state="attached")
        place = 1 + table.locator("th").all_text_contents().index(column)
        return table.locator(f"tbody td:nth-child({place})").all_text_contents()


@pytest.fixture
def evaluate(app_server, open_page, tiny_bundle):
    """``evaluate(viewport=..., **query) -> Page``, with all rows."""

    def open_one(viewport=None, **query) -> Page:
        url = app_server(ROOT / "streamlit_app.py", TELLTALE_WEIGHTS=str(tiny_bundle.parent))
        tab = open_page(viewport=viewport or {"width": 1280, "height": 1600})
        tab.goto(f"{url}/evaluate?{urlencode({'rows': 'all rows'} | query)}")
        return Page(tab)

    return open_one


def test_the_first_visitor_of_a_fresh_server_gets_the_page_with_the_apps_navigation(
    app_server, open_page, tiny_bundle
):
    url = app_server(
        ROOT / "streamlit_app.py", TELLTALE_WEIGHTS=str(tiny_bundle.parent), TELLTALE_TEST="first visit"
    )
    tab = open_page()
    tab.goto(f"{url}/evaluate?tab=Slices")
    tab.get_by_test_id("stTopNavLink").first.wait_for()
    tab.get_by_test_id("stSidebarNav").wait_for(state="detached")
    tab.get_by_role("tab", name="Slices", selected=True).wait_for()


def counts(rows, threshold):
    called, ai = rows["y_score"] >= threshold, rows["y_true"] == 1
    tn, fp = ~called & ~ai, called & ~ai
    fn, tp = ~called & ai, called & ai
    return [int(cell.sum()) for cell in (tn, fp, fn, tp)]


def test_a_threshold_move_changes_matrix_and_both_operating_points(evaluate, rows):
    page = evaluate().ready(3)
    assert page.numbers() == counts(rows, 0.5)
    before = page.point(1), page.point(2)
    slider = page.tab.get_by_role("slider", name="Threshold")
    slider.focus()
    slider.press("Home")
    page.tab.wait_for_function(
        "() => document.querySelector('.js-plotly-plot').data[0].text[0].startsWith('<b>0<')"
    )
    assert page.numbers() == counts(rows, 0.0) == [0, 20, 0, 20]
    page.tab.wait_for_function(
        "() => document.querySelectorAll('.js-plotly-plot')[2].data.some(t => t.meta && t.y[0] == 0.5)"
    )
    assert (page.point(1), page.point(2)) == ([1, 1], [1, 0.5]) != before


def test_the_address_follows_the_threshold_and_restores_it(evaluate):
    page = evaluate().ready(3)
    slider = page.tab.get_by_role("slider", name="Threshold")
    slider.focus()
    slider.press("Home")
    page.tab.wait_for_url("**threshold=0**")
    page.tab.reload()
    page.ready(3)
    assert page.tab.get_by_role("slider", name="Threshold").input_value() == "0"


def test_a_click_on_a_cell_lists_its_pictures_most_confident_first(evaluate, rows):
    page = evaluate().ready(3)
    page.click(0, 1)
    wrong = rows[(rows["y_score"] >= 0.5) & (rows["y_true"] == 0)].sort_values("y_score", ascending=False)
    page.says(f"False alarm: {len(wrong)} pictures")
    assert page.listed("id") == wrong["id"].tolist()


def test_what_was_clicked_stays_open_when_the_threshold_moves(evaluate, rows):
    page = evaluate().ready(3)
    page.click(0, 1)
    page.says("False alarm: ")
    slider = page.tab.get_by_role("slider", name="Threshold")
    slider.focus()
    slider.press("Home")
    page.says("False alarm: 20 pictures")


def test_a_picture_opens_with_its_heatmap(evaluate, rows, image_folder):
    page = evaluate().ready(3)
    page.click(0, 2)
    missed = rows[(rows["y_score"] < 0.5) & (rows["y_true"] == 1)].sort_values("y_score")
    page.says(f"Missed: {len(missed)} pictures")
    folder = page.tab.get_by_label("Folder with the pictures")
    folder.fill(str(image_folder))
    folder.press("Enter")
    page.says("Tick a row")
    table = page.tab.get_by_test_id("stDataFrame").first
    table.click(position={"x": 15, "y": 36 + 32})
    page.tab.get_by_test_id("heatmap-viewer").wait_for()
    page.says(f"{missed['id'].iloc[0]} is AI-generated")


def test_a_click_on_a_bar_lists_its_pictures(evaluate, rows):
    page = evaluate(tab="Calibration").ready(2)
    ai = rows[rows["y_true"] == 1]
    heights, _ = np.histogram(ai["y_score"], 40, (0, 1))
    place = int(np.argmax(heights))
    page.click(1, place)
    place_of_row = (ai["y_score"] * 40).astype(int).clip(upper=39)
    inside = ai[place_of_row == place]
    page.says(f"scored {place / 40:.3f} to {(place + 1) / 40:.3f}")
    assert sorted(page.listed("id")) == sorted(inside["id"])


def test_a_click_on_a_slice_lists_its_pictures(evaluate, rows):
    page = evaluate(tab="Slices").ready(2)
    dot = page.plots.nth(0).locator(".scatterlayer .point").nth(0)
    name = page.plots.nth(0).evaluate("plot => plot.data[0].customdata[0][0]")
    dot.click(force=True)
    inside = rows["id"][rows["split"] == name]
    page.says(f"split {name}: {len(inside)} pictures")
    table = page.tab.get_by_test_id("stDataFrame").nth(1)
    table.locator("th", has_text="id").first.wait_for(state="attached")
    listed = {text for text in table.locator("tbody td").all_text_contents() if text.startswith("images/")}
    assert listed and listed <= set(inside)  # the table holds those in sight


def test_the_report_opens_without_a_network(evaluate, open_page, tmp_path):
    page = evaluate(tab="Take away", threshold="0.4")
    shutil.copyfile(download(page.tab, "Report (HTML)"), tmp_path / "report.html")
    report = open_page(offline=True)
    asked = []
    report.on("request", lambda request: asked.append(request.url))
    report.goto((tmp_path / "report.html").as_uri())
    report.wait_for_function(f"() => {DRAWN} == 8")
    report.wait_for_function(FITS)
    text = report.locator("body").inner_text()
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    assert (
        "40 pictures" in text
        and "0.400" in text
        and "weighted avg" in text
        and "Expected calibration error" in text
    )


def test_a_figure_is_saved_as_svg(evaluate):
    page = evaluate().ready(3)
    page.plots.nth(1).hover()
    with page.tab.expect_download() as download:
        page.plots.nth(1).get_by_role("button", name="Download plot").click()
    assert download.value.suggested_filename == "telltale-roc.svg"
    assert "<svg" in Path(download.value.path()).read_text()


def test_the_browsers_tab_names_the_page(evaluate):
    page = evaluate().ready(3)
    page.tab.wait_for_function("() => document.title === 'Evaluate · Telltale'")


def test_a_phone_needs_no_sideways_scrolling(evaluate):
    page = evaluate(viewport=PHONE).ready(3)
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"] + 1
