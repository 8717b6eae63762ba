"""The picture grid in Chromium, on Classify with a tiny model: moving, opening, marking, labelling, sorting
and filtering, and what of that reaches the server."""

from __future__ import annotations

import csv
import io
import re
import time
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pages.classify import picture_grid
from pages.classify.picture_list import POLL_SECONDS
from tests.browser.download_button import download
from tests.conftest import make_photo

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}
GRID = Path(picture_grid.__file__).parent
SECONDS = 90
"""After which a label that is not in the downloads is lost."""
KINDS = ("warm", "cool", "mixed")


def png(kind: str, number: int) -> bytes:
    """A picture that is no near-duplicate of any other."""
    tiles = np.random.default_rng(number).integers(-8, 9, (8, 9, 1), dtype=np.int16)
    pixels = make_photo(kind, 80, 90) + np.kron(tiles, np.ones((10, 10, 1), np.int16))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


class Grid:
    """The grid of a page with pictures 00.png, 01.png, ...: AI-generated, real, unsure, and again."""

    def __init__(self, tab, pictures: int):
        self.tab, self.sent = tab, []
        self.box = tab.get_by_test_id("picture-grid")
        self.tiles = self.box.get_by_role("option")
        files = []
        for number in range(pictures):
            content = png(KINDS[number % 3], number)
            files.append({"name": f"{number:02}.png", "mimeType": "image/png", "buffer": content})
        tab.locator("input[type=file]").first.set_input_files(files)
        done = self.box.locator("[role=option]:not([data-verdict=waiting])")
        done.nth(pictures - 1).wait_for(state="attached")
        self.rest()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def rest(self) -> None:
        """Wait until no script has run for half a second."""
        self.tab.wait_for_function(
            """() => {
              const app = document.querySelector("[data-testid=stApp]");
              if (app.dataset.testScriptState !== "notRunning") window.restingSince = null;
              else window.restingSince ??= performance.now();
              return window.restingSince && performance.now() - window.restingSince > 500;
            }"""
        )

    def focus(self, name: str) -> None:
        self.tile(name).focus()

    def tile(self, name: str):
        return self.box.locator(f"[role=option][aria-label^='{name},']")

    def is_on(self, name: str) -> None:
        """Wait until the tile of that picture has the focus."""
        self.box.locator(f"[role=option][aria-label^='{name},']:focus").wait_for()

    def opened(self, name: str) -> None:
        shown = "name => document.querySelector('[data-testid=name]')?.textContent == name"
        self.tab.wait_for_function(shown, arg=name)

    @property
    def names(self) -> list[str]:
        return self.box.locator("[role=option] .name").all_text_contents()  # drawn yet or not


@pytest.fixture
def listed(app_server, open_page, tiny_bundle):
    """``listed(pictures, before="", **options) -> Grid``; before: JavaScript that the page begins with."""

    def go(pictures: int, before: str = "", **options) -> Grid:
        tab = open_page(**options)
        tab.add_init_script(before)
        sent = []
        tab.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
        url = app_server(ROOT / "streamlit_app.py", TELLTALE_WEIGHTS=str(tiny_bundle.parent))
        tab.goto(f"{url}/?tested=false")
        tab.locator("input[type=file]").first.wait_for(state="attached")
        grid = Grid(tab, pictures)
        grid.sent = sent
        return grid

    return go


def test_moving_sorting_and_filtering_ask_nothing_of_the_server(listed):
    grid = listed(20)
    grid.tab.get_by_text("not yet tested").wait_for(state="detached")
    grid.rest()  # until then the list asks by itself how far the tests of copies are
    before = len(grid.sent)
    grid.focus("00.png")
    grid.press("ArrowRight", "ArrowDown", "End")
    grid.is_on("19.png")
    grid.box.get_by_label("Sort").select_option("low")
    assert int(grid.names[0][:2]) % 3 == 1  # a real one
    grid.box.get_by_role("button", name="Unsure").click()
    assert sorted(grid.names) == ["02.png", "05.png", "08.png", "11.png", "14.png", "17.png"]
    grid.box.get_by_label("P(AI) at most, in per cent").fill("10")
    grid.box.get_by_label("P(AI) at most, in per cent").press("Enter")
    grid.box.get_by_text("0 of 20 pictures").wait_for()
    grid.box.get_by_role("button", name="Show all").click()
    grid.box.get_by_role("searchbox").fill("1")
    assert len(grid.names) == 11
    grid.box.get_by_role("button", name="Show all").click()
    grid.rest()
    assert len(grid.sent) == before


def test_enter_opens_and_the_focus_stays_where_it_was(listed):
    grid = listed(4)
    grid.focus("00.png")
    grid.press("ArrowRight", "ArrowRight", "Enter")
    grid.opened("02.png")
    grid.rest()
    grid.is_on("02.png")
    assert grid.tile("02.png").get_attribute("aria-selected") == "true"
    grid.press("ArrowLeft", "Enter")
    grid.opened("01.png")


def test_marks_and_labels_typed_in_one_go_are_all_in_the_download(listed):
    grid = listed(4)
    grid.focus("00.png")
    grid.press("m", "1", "ArrowRight", "2", "ArrowRight", "1", "0", "m", "ArrowRight", "1")
    expected = [
        ("00.png", "ai", "True"),
        ("01.png", "real", "False"),
        ("02.png", "", "True"),
        ("03.png", "ai", "False"),
    ]
    until = time.monotonic() + SECONDS
    found = None
    while found != expected and time.monotonic() < until:  # what was typed last may be on its way again
        grid.rest()
        found = downloaded(grid)
    assert found == expected, found


def downloaded(grid: Grid) -> list[tuple[str, str, str]]:
    """Path, label and mark of the pictures in the results."""
    text = download(grid.tab, "Results (CSV)").read_text("utf-8")
    rows = csv.DictReader(io.StringIO(text))
    return [(row["path"], row["my_label"], row["marked"]) for row in rows]


def test_labelling_what_has_no_label_leads_to_the_next_one(listed):
    grid = listed(15)
    grid.box.get_by_role("button", name="No label").click()
    grid.focus("00.png")
    grid.press("1", "1", "2")
    grid.is_on("03.png")
    grid.rest()
    grid.is_on("03.png")
    assert len(grid.names) == 12


def test_one_tile_is_in_the_tab_order_and_every_tile_says_what_it_is(listed):
    grid = listed(4)
    assert grid.box.locator("[role=option][tabindex='0']").count() == 1
    said = grid.tiles.nth(1).get_attribute("aria-label")
    assert re.fullmatch(r"01\.png, Real, P\(AI\) \d+\.\d%", said)
    grid.focus("01.png")
    grid.press("m", "2")
    grid.rest()
    assert grid.tiles.nth(1).get_attribute("aria-label") == f"{said}, marked, my label: real"
    assert grid.box.locator("[role=option][tabindex='0']").count() == 1


def test_c_compares_with_the_open_picture_and_closing_leads_back(listed):
    grid = listed(4)
    grid.focus("00.png")
    grid.press("ArrowRight", "c")
    dialog = grid.tab.get_by_role("dialog")
    dialog.get_by_text("01.png").first.wait_for()
    viewers = dialog.get_by_test_id("heatmap-viewer")
    viewers.nth(1).locator(".stage[aria-busy=false]").wait_for()
    viewers.first.get_by_role("slider", name="Heatmap opacity").fill("20")
    assert viewers.nth(1).get_by_role("slider", name="Heatmap opacity").input_value() == "20"
    grid.press("Escape")
    dialog.wait_for(state="detached")
    grid.is_on("01.png")


def test_the_focus_comes_back_although_the_dialog_closes_before_the_grid_has_heard_of_it(listed):
    grid = listed(4)
    grid.focus("00.png")
    grid.press("ArrowRight", "ArrowRight", "c")
    dialog = grid.tab.get_by_role("dialog")
    dialog.wait_for()
    grid.press("Escape")
    dialog.wait_for(state="detached")
    grid.is_on("02.png")
    grid.press("ArrowLeft", "c")
    dialog.wait_for()
    dialog.get_by_label("Close").click()
    dialog.wait_for(state="detached")
    grid.is_on("01.png")


def test_pictures_are_checked_to_the_end_though_the_fragments_clock_was_never_set(listed):
    """What Streamlit sends at the end of a run can get lost; the clock's interval tells it from others."""
    lost = f"""{{
      const real = setInterval;
      window.setInterval = (call, ms, ...more) => ms === {1000 * POLL_SECONDS} ? 0 : real(call, ms, ...more);
    }}"""
    grid = listed(40, before=lost)
    assert grid.box.locator("[role=option][data-verdict=waiting]").count() == 0


def test_on_a_phone_a_tap_opens_and_nothing_sticks_out(listed):
    grid = listed(20, viewport=PHONE, has_touch=True, color_scheme="dark")
    grid.tile("04.png").tap()
    grid.opened("04.png")
    assert grid.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert grid.tab.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


def test_a_label_that_python_does_not_confirm_is_sent_again(monkeypatch, page):
    """As where the run it came in was interrupted, and with it the word of it was lost."""
    drawn = []
    monkeypatch.setattr(picture_grid, "_mount", lambda data, **others: drawn.append(data))
    tiles = [picture_grid.Tile("a", "a.png"), picture_grid.Tile("b", "b.png")]
    picture_grid.picture_grid(tiles, "a", key="grid", heard=0, on_annotate=lambda *news: None)
    page.set_content((GRID / "grid.html").read_text("utf-8"))
    source = "".join((GRID / name).read_text("utf-8") for name in ("arrange.js", "grid.js"))
    mount = """async ([source, data]) => {
      window.sent = [];
      const { default: grid } = await import("data:text/javascript;base64," + source);
      const setTriggerValue = (name, value) => name == "annotated" && window.sent.push(value);
      grid({ data, parentElement: document.body, setTriggerValue });
    }"""
    page.evaluate(mount, [b64encode(source.encode()).decode(), drawn[0]])
    page.locator("[role=option][aria-label^='b.png']").press("1")
    page.wait_for_function("window.sent.length == 2")
    first, again = page.evaluate("window.sent")
    assert first["changes"] == again["changes"] == {"b": {"label": "ai", "marked": False}}
    assert first["number"] < again["number"]
