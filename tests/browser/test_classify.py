"""The Classify page in Chromium with a tiny model: uploading, picking in the table, exploring, saving, on a desk and on a phone."""

from __future__ import annotations

import csv
import io
import zipfile
from base64 import b64decode
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}
ROW, HEADER = 56, 36  # heights in the table, pixels
PATIENCE = 60_000  # ms; the first verdict waits for TensorFlow


class Page:
    """The Classify page in a browser tab, as its user works it."""

    def __init__(self, tab):
        self.tab = tab
        self.name, self.verdict = tab.get_by_test_id("name"), tab.get_by_test_id("verdict")
        self.table = tab.get_by_test_id("stDataFrame")
        self.canvas = tab.locator("[data-testid=heatmap-viewer] [data-part=canvas]")

    def upload(self, *files: tuple[str, bytes]) -> None:
        self.tab.locator("input[type=file]").set_input_files([{"name": name, "mimeType": "image/png", "buffer": content} for name, content in files])

    def shows(self, name: str) -> None:
        """Wait until the picture called ``name`` is open."""
        self.tab.wait_for_function("name => document.querySelector('[data-testid=name]')?.textContent == name", arg=name, timeout=PATIENCE)

    def says(self, text: str) -> None:
        self.tab.get_by_text(text).first.wait_for(timeout=PATIENCE)

    def click(self, name: str) -> None:
        self.tab.get_by_role("button", name=name).click()

    def pick(self, row: int, x: int = 150) -> None:
        """Click a row of the table, counted from 0 as it is sorted now."""
        self.table.click(position={"x": x, "y": HEADER + ROW * row + ROW // 2})

    def sort_by_score(self) -> None:
        """Click the header of the column P(AI). The table is painted: the place is where the eye finds it."""
        self.table.click(position={"x": 0.62 * self.table.bounding_box()["width"], "y": HEADER // 2})
        self.table.locator("th", has_text="↑ P(AI)").wait_for(state="attached")

    def lists(self, *names: str) -> None:
        """Wait until the table has these names from top to bottom, as screen readers get them."""
        column = 1 + self.table.locator("th").all_text_contents().index("Name")
        self.tab.wait_for_function(
            "([cells, names]) => [...document.querySelectorAll(cells)].map(cell => cell.textContent).join() == names",
            arg=[f"[data-testid=stDataFrame] tbody td:nth-child({column})", ",".join(names)],
        )

    def pixels(self) -> np.ndarray:
        """uint8 (H, W, 3): the viewer's canvas, once it has painted what was asked of it."""
        self.tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        url = self.canvas.evaluate("canvas => canvas.toDataURL('image/png')")
        return np.asarray(Image.open(io.BytesIO(b64decode(url.split(",")[1]))).convert("RGB"))

    def download(self, button: str) -> bytes:
        with self.tab.expect_download() as download:
            self.click(button)
        return Path(download.value.path()).read_bytes()


@pytest.fixture
def visit(app_server, open_page, tiny_bundle):
    """``visit(**options) -> Page`` of one app all tests share. Whatever a test does, nothing is asked of another machine."""
    requests = []

    def go(**options) -> Page:
        tab = open_page(**options)
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(app_server(ROOT / "streamlit_app.py", TELLTALE_WEIGHTS=str(tiny_bundle.parent)))
        tab.locator("input[type=file]").wait_for(state="attached", timeout=PATIENCE)
        return Page(tab)

    yield go
    assert requests
    assert [url for url in requests if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != "127.0.0.1"] == []


@pytest.fixture(scope="session")
def png(photo):
    """``png(kind, height, width) -> bytes``."""

    def encode(kind: str, height: int = 240, width: int = 320) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(photo(kind, height, width)).save(buffer, "PNG")
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def three(png):
    """Three pictures whose order by P(AI), c m w, is none of the others."""
    return [("m.png", png("mixed")), ("w.png", png("warm")), ("c.png", png("cool"))]


def test_from_upload_to_download(visit, png):
    page = visit()
    page.upload(("sunset.png", png("warm")))
    page.shows("sunset.png")
    assert page.verdict.inner_text() == "AI-generated"

    viewer = page.tab.get_by_test_id("heatmap-viewer")
    viewer.locator(".stage[aria-busy=false]").wait_for()
    slider = viewer.get_by_role("slider", name="Heatmap opacity")
    slider.fill("0")
    photo = page.pixels()
    slider.fill("80")
    assert np.abs(page.pixels().astype(int) - photo).max() > 30

    page.canvas.hover()
    viewer.get_by_text("the uniform share").first.wait_for()

    with Image.open(io.BytesIO(page.download("Save picture"))) as saved:
        assert (saved.format, saved.size) == ("PNG", (320, 240))
    (row,) = csv.DictReader(io.StringIO(page.download("Results (CSV)").decode()))
    assert (row["path"], row["verdict"]) == ("sunset.png", "ai")
    with zipfile.ZipFile(io.BytesIO(page.download("Overlays"))) as archive:
        assert archive.namelist() == ["001-sunset.png"]


@pytest.mark.parametrize(("height", "width"), [(10, 6000), (6000, 10)])
def test_of_a_long_strip_the_middle_is_shown(visit, png, height, width):
    page = visit()
    page.upload(("strip.png", png("warm", height, width)))
    page.shows("strip.png")
    page.tab.get_by_text("Only its middle is shown").wait_for()
    page.tab.get_by_test_id("heatmap-viewer").locator(".stage[aria-busy=false]").wait_for()
    box = page.canvas.bounding_box()
    assert max(box["width"], box["height"]) / min(box["width"], box["height"]) < 13


def test_many_files_show_progress_and_nothing_is_lost_when_the_user_moves_on_meanwhile(visit, png):
    page = visit()
    page.upload(*[(f"{i:02}.png", png(("warm", "cool", "mixed")[i % 3], 900 + i, 1200)) for i in range(40)])
    page.tab.get_by_test_id("stProgress").wait_for(timeout=PATIENCE)
    page.click("Try the flower")
    page.shows("flower.jpg")
    page.says("41 pictures:")
    assert page.tab.get_by_test_id("stProgress").count() == 0
    assert page.tab.get_by_test_id("stException").count() == 0


def test_pictures_uploaded_one_by_one_are_opened_one_by_one(visit, three, png):
    page = visit()
    for name, content in [*three, ("x.png", png("warm", 100, 300))]:
        page.upload((name, content))
        page.shows(name)


def test_a_click_anywhere_in_a_row_opens_the_picture_the_user_sees_there_however_the_table_is_sorted(visit, three):
    page = visit()
    page.upload(*three)
    page.shows("m.png")
    page.pick(2)
    page.shows("c.png")
    page.sort_by_score()
    page.lists("c.png", "m.png", "w.png")
    page.pick(2)
    page.shows("w.png")
    page.pick(1, x=18)  # the button at the row's start
    page.shows("m.png")


def test_the_table_is_worked_with_the_arrow_keys_from_the_open_picture_on(visit, three):
    page = visit()
    page.upload(*three)
    page.shows("m.png")
    page.table.locator("canvas").first.focus()
    for key, name in (("ArrowDown", "w.png"), ("ArrowDown", "c.png"), ("ArrowUp", "w.png")):
        page.tab.keyboard.press(key)
        page.shows(name)


def test_sorting_and_the_open_picture_stay_when_another_is_added_and_removed(visit, three, png):
    page = visit()
    page.upload(*three)
    page.shows("m.png")
    page.sort_by_score()
    page.pick(0)
    page.shows("c.png")
    page.upload(("m2.png", png("mixed")), ("c2.png", png("cool")))
    page.says("5 pictures:")
    assert page.name.inner_text() == "c.png"
    page.tab.get_by_role("button", name="Remove m.png").click()
    page.says("4 pictures:")
    assert page.name.inner_text() == "c.png"
    page.lists("c.png", "c2.png", "m2.png", "w.png")


def test_on_a_phone_the_verdict_comes_before_the_map_and_nothing_sticks_out(visit, three):
    page = visit(viewport=PHONE, color_scheme="dark")
    page.upload(*three)
    page.shows("m.png")
    page.canvas.wait_for()
    assert page.verdict.bounding_box()["y"] < page.canvas.bounding_box()["y"]
    assert page.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.tab.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


def test_hostile_names_are_shown_letter_by_letter_and_do_nothing(visit, png):
    names = ["<img src=x onerror='window.pwned=1'>.png", "![x](www.example.com) a@b.co.jpg", ":material/home: :red[x] :streamlit: $x^2$ a -> b.png"]
    names = [name.replace("/", ":") for name in names]  # what browsers make of it
    page = visit()
    for name in names:
        page.upload((name, png("warm")))
        page.shows(name)
    page.upload(*[(f"x{name}", b"no picture") for name in names])
    page.says("This is not an image")
    for warning, name in zip(page.tab.get_by_test_id("stAlert").all(), names, strict=True):
        assert f"x{name} — This is not an image" in warning.inner_text().replace("\u2060", "")
    assert page.tab.locator("[data-testid=stMain] :is(a, img, script, .katex):not([data-testid=damage] img)").count() == 0
    assert page.tab.evaluate("window.pwned") is None


def test_headings_come_in_order_and_every_control_has_a_name(visit, three):
    page = visit()
    page.upload(*three)
    page.shows("m.png")
    page.canvas.wait_for()
    headings = page.tab.get_by_test_id("stMain").locator("h1, h2, h3, h4").evaluate_all("all => all.map(h => h.tagName + ' ' + h.innerText)")
    assert headings == ["H1 Is this picture AI-generated?", "H2 Unsure", "H3 How much damage does the verdict stand?"]
    unnamed = (
        page.tab.get_by_test_id("stMain")
        .locator("button")
        .evaluate_all("all => all.filter(b => !(b.textContent.trim() || b.ariaLabel || b.title)).map(b => b.outerHTML)")
    )
    assert unnamed == []
