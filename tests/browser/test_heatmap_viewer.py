"""The heatmap viewer in Chromium: what it paints, what it says, and that it needs the server for none of it.

The scene is worked out by hand in ``apps/heatmap_viewer_app.py``: a photo of four plain quadrants, of which
the model saw x 0.1..0.7 and y 0.2..0.9; a grid of 4 rows and 6 columns; the overall map is 0.5 times the
uniform share but for 2.4 in row 2, column 5 and 3.0 in row 3, column 2; token i gives half of its attention
(12 times the uniform share) to token i + 1.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import cv2
import numpy as np
import pytest
from PIL import Image

from detector.explain.heatmap import Heatmap
from detector.overlay import signed_shades
from detector.preprocessing import WHOLE
from tests.browser.frames import wait_until_painted

APP = Path(__file__).parent / "apps" / "heatmap_viewer_app.py"
VIEWER = Path(__file__).parents[2] / "ui" / "heatmap_viewer"
PHONE = {"width": 390, "height": 844}
ROWS, COLUMNS = 4, 6
LEFT, TOP, RIGHT, BOTTOM = 0.1, 0.2, 0.7, 0.9
SIZES = {
    "square": (600, 600),
    "wide": (1200, 400),
    "tall": (400, 1200),
    "panorama": (2000, 100),
    "tower": (100, 2000),
}
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


class Viewer:
    """The viewer on a page, as its user sees and moves it."""

    def __init__(self, page, number: int = 0):
        self.page = page
        self.root = page.get_by_test_id("heatmap-viewer").nth(number)
        self.part = lambda name: self.root.locator(f"[data-part={name}]")
        self.stage, self.canvas = self.part("stage"), self.part("canvas")
        self.slider = self.root.get_by_role("slider", name="Heatmap opacity")
        self.back = self.root.get_by_role("button", name="Show overall attention")
        self.marking = self.root.get_by_role("checkbox", name="not seen by the model")
        self.run_again = page.get_by_role("button", name="Run again")

    def ready(self) -> Viewer:
        self.root.locator(".stage[aria-busy=false]").wait_for()
        self.settle()
        return self

    def settle(self) -> None:
        wait_until_painted(self.page)

    def opacity(self, percent: int) -> None:
        self.slider.fill(str(percent))
        self.settle()

    def patches(self, name: str) -> None:
        self.root.get_by_text(name, exact=True).click()
        self.settle()

    def mark(self, on: bool) -> None:
        self.marking.set_checked(on)
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def at(self, row: int, column: int) -> dict[str, float]:
        """The middle of a patch (1-based, as the viewer speaks), in CSS pixels from the canvas's corner."""
        box = self.canvas.bounding_box()
        x = LEFT + (column - 0.5) / COLUMNS * (RIGHT - LEFT)
        y = TOP + (row - 0.5) / ROWS * (BOTTOM - TOP)
        return {"x": x * box["width"], "y": y * box["height"]}

    def hover(self, row: int, column: int) -> None:
        self.canvas.hover(position=self.at(row, column))
        self.settle()

    def click(self, row: int, column: int) -> None:
        self.canvas.click(position=self.at(row, column))
        self.settle()

    def move_away(self) -> None:
        self.page.mouse.move(2, 2)
        self.settle()

    def text(self, part: str) -> str:
        return self.part(part).inner_text()

    def pixels(self) -> np.ndarray:
        """uint8 (H, W, 3): the canvas, device pixel by device pixel."""
        return decode(
            base64.b64decode(self.canvas.evaluate("canvas => canvas.toDataURL('image/png').split(',')[1]"))
        )

    def seen(self) -> np.ndarray:
        """The seen part of ``pixels``, without the one pixel at each edge that rounding may give to either
        side."""
        pixels = self.pixels()
        height, width = pixels.shape[:2]
        return pixels[
            round(TOP * height) + 1 : round(BOTTOM * height) - 1,
            round(LEFT * width) + 1 : round(RIGHT * width) - 1,
        ]


@pytest.fixture
def show(app_server, page):
    """``show(photo="wide", ...) -> Viewer``: the harness app, in ``page`` or another one, with these query
    parameters."""

    def open_viewer(on=page, **query) -> Viewer:
        on.goto(f"{app_server(APP)}/?{urlencode(query)}")
        return Viewer(on).ready()

    return open_viewer


def decode(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def colour(relative: float, colours: int = cv2.COLORMAP_INFERNO, ceiling: float = 4) -> tuple[int, ...]:
    """The RGB that the display rule in docs/architecture.md gives a value."""
    shade = np.uint8(round(255 * min(max(relative / ceiling, 0), 1)))
    return tuple(int(c) for c in cv2.applyColorMap(np.full((1, 1), shade), colours)[0, 0, ::-1])


def colours_in(pixels: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(int(c) for c in pixel) for pixel in np.unique(pixels.reshape(-1, 3), axis=0)}


def edges(line: np.ndarray) -> list[int]:
    """Where the colour jumps along a line of pixels (n, 3)."""
    return [int(i) + 1 for i in np.flatnonzero(np.abs(np.diff(line.astype(int), axis=0)).max(axis=1) > 60)]


def count_frames(page) -> list:
    """The websocket frames that the page sends from now on; call before ``goto``."""
    frames = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append(frame)))
    return frames


# ---- what is painted ----


def test_slider_move_repaints_the_picture(show):
    viewer = show()
    before = viewer.pixels()
    viewer.opacity(51)
    assert (viewer.pixels() != before).any()
    assert viewer.text("percent") == "51 %"


def test_slider_move_sends_nothing_to_the_server(page, show):
    frames = count_frames(page)
    viewer = show()
    page.get_by_text("Script runs: 1").wait_for()
    sent = len(frames)
    for percent in (0, 35, 100):
        viewer.opacity(percent)
    page.wait_for_timeout(500)  # Streamlit's own widgets debounce what they send
    assert len(frames) == sent
    viewer.run_again.click()  # and this is what a message would have looked like
    page.get_by_text("Script runs: 2").wait_for()
    assert len(frames) > sent


def test_no_other_interaction_sends_anything_to_the_server(page, show):
    frames = count_frames(page)
    viewer = show()
    page.get_by_text("Script runs: 1").wait_for()
    sent = len(frames)
    viewer.hover(2, 5)
    viewer.click(2, 5)
    viewer.back.click()
    viewer.patches("True patches")
    viewer.root.get_by_label("Colours").select_option("Cividis")
    viewer.mark(False)
    viewer.stage.focus()
    viewer.press("ArrowLeft", "Enter", "Escape")
    with page.expect_download():
        viewer.part("save").click()
    page.wait_for_timeout(500)
    assert len(frames) == sent


def test_opacity_0_shows_the_photo_alone(show):
    viewer = show(seen="all")
    viewer.opacity(0)
    pixels = viewer.pixels()
    height, width = pixels.shape[:2]
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    clear = (abs(across - width / 2) > 3) & (
        abs(down - height / 2) > 3
    )  # scaling blurs where the quadrants meet
    quadrants = np.array([[RED, GREEN], [BLUE, YELLOW]], np.uint8)
    expected = quadrants[(down >= height / 2).astype(int), (across >= width / 2).astype(int)]
    np.testing.assert_array_equal(pixels[clear], expected[clear])


def test_opacity_1_shows_no_photo_where_the_model_looked(show):
    viewer = show()
    viewer.patches("True patches")
    viewer.opacity(100)
    assert colours_in(viewer.seen()) == {colour(0.5), colour(2.4), colour(3.0)}


def test_opacity_is_the_weight_of_the_heatmap(show):
    viewer = show()
    viewer.patches("True patches")
    viewer.opacity(25)
    spot = viewer.at(2, 2)  # 0.5 times the uniform share, over the red quadrant
    expected = 0.75 * np.array(RED) + 0.25 * np.array(colour(0.5))
    np.testing.assert_allclose(viewer.pixels()[round(spot["y"]), round(spot["x"])], expected, atol=1.5)


def test_photo_stored_on_its_side_is_shown_upright(show):
    viewer = show(photo="turned", seen="all")
    viewer.opacity(0)
    pixels = viewer.pixels()
    height, width = pixels.shape[:2]
    assert width == pytest.approx(3 * height, abs=3)
    corners = [pixels[y, x] for y in (9, height - 9) for x in (9, width - 9)]
    np.testing.assert_allclose(corners, [RED, GREEN, BLUE, YELLOW], atol=6)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("photo", SIZES)
def test_patches_lie_where_the_model_saw_them(open_page, show, photo, width):
    page = open_page(viewport={"width": width, "height": 900})
    assert_aligned(show(page, photo=photo, map="checkerboard"), photo)


def test_patches_stay_in_place_when_the_window_changes(open_page, show):
    page = open_page(viewport={"width": 1280, "height": 900})
    viewer = show(page, photo="wide", map="checkerboard")
    page.set_viewport_size({"width": 501, "height": 700})
    page.wait_for_function("innerWidth === 501")
    viewer.settle()
    assert_aligned(viewer, "wide")


def test_picture_is_crisp_on_a_dense_display(open_page, show):
    page = open_page(viewport=PHONE, device_scale_factor=3)
    viewer = show(page, photo="wide", map="checkerboard")
    assert viewer.pixels().shape[1] == pytest.approx(3 * viewer.canvas.bounding_box()["width"], abs=1)
    assert_aligned(viewer, "wide")


def assert_aligned(viewer: Viewer, photo: str) -> None:
    """Every cell border is within a pixel of where the region and the grid put it, and the photo keeps its
    proportions."""
    viewer.mark(False)
    viewer.patches("True patches")
    viewer.opacity(100)
    viewer.move_away()
    pixels = viewer.pixels()
    height, width = pixels.shape[:2]
    across = [(LEFT + (RIGHT - LEFT) * column / COLUMNS) * width for column in range(COLUMNS + 1)]
    down = [(TOP + (BOTTOM - TOP) * row / ROWS) * height for row in range(ROWS + 1)]
    # The middle of the first row and column of cells; outside the region these lines cross no quadrant
    # border.
    assert edges(pixels[round((down[0] + down[1]) / 2), : round(RIGHT * width) + 3]) == pytest.approx(
        across, abs=1
    )
    assert edges(pixels[: round(BOTTOM * height) + 3, round((across[0] + across[1]) / 2)]) == pytest.approx(
        down, abs=1
    )
    box, (natural_width, natural_height) = viewer.canvas.bounding_box(), SIZES[photo]
    assert box["height"] == pytest.approx(box["width"] * natural_height / natural_width, abs=1)
    assert box["height"] <= 0.7 * viewer.page.viewport_size["height"] + 1


def test_the_part_the_model_did_not_see_is_marked(show):
    viewer = show()
    viewer.opacity(0)
    marked = viewer.pixels()
    viewer.mark(False)
    plain = viewer.pixels()
    changed = (marked != plain).any(axis=2)
    height, width = changed.shape
    inside = np.zeros_like(changed)
    inside[round(TOP * height) : round(BOTTOM * height), round(LEFT * width) : round(RIGHT * width)] = True
    assert changed[~inside].mean() > 0.95
    assert not changed[inside].any()
    corner = marked[:50, :50].reshape(-1, 3)  # of the red quadrant: dimmed, with lighter hatching
    assert np.median(corner[:, 0]) < 150
    assert len(np.unique(corner, axis=0)) > 2


def test_tiles_are_outlined_and_what_they_show_is_not_hatched(show):
    viewer = show(tiles=1)
    viewer.opacity(0)
    marked = viewer.pixels()
    height, width = marked.shape[:2]

    def at(x: float, y: float) -> tuple[int, ...]:
        return tuple(marked[round(y * height), round(x * width)])

    assert at(0.05, 0.15) == at(0.2, 0.1) == RED  # in the first tile, outside the square
    assert at(0.85, 0.1) != GREEN and at(0.05, 0.6) != BLUE  # in neither
    for left, top, right in [(0.0, 0.0, 0.3), (0.4, 0.4, 0.6)]:  # a dashed line along each tile's right side
        side = marked[round((top + 0.05) * height) : round((top + 0.15) * height), round(right * width)]
        assert side.min(axis=1).max() > 150 and side.max(axis=1).min() < 60, (left, top)
    viewer.mark(False)
    assert (viewer.pixels()[round(0.55 * height), round(0.6 * width)] == YELLOW).all()


def test_pointing_at_a_tile_outside_the_map_says_what_it_adds(show):
    viewer = show(tiles=1)
    box = viewer.canvas.bounding_box()
    viewer.canvas.hover(position={"x": 0.05 * box["width"], "y": 0.1 * box["height"]})
    viewer.settle()
    expected = "Outside the map, in tile 1, which adds +0.50 towards AI at its own scale"
    assert viewer.text("readout") == expected
    viewer.canvas.click(position={"x": 0.05 * box["width"], "y": 0.1 * box["height"]})
    viewer.settle()
    assert viewer.text("readout") == expected and not viewer.back.is_visible()
    viewer.canvas.hover(position={"x": 0.9 * box["width"], "y": 0.1 * box["height"]})
    viewer.settle()
    assert viewer.text("readout") == "Not seen by the model"


def test_where_all_was_seen_there_are_still_tiles_to_mark(show):
    viewer = show(seen="all", tiles=1)
    assert viewer.text("marks") == "Dashed: tiles it sees at full scale"


def test_nothing_is_marked_when_the_model_saw_everything(show):
    viewer = show(seen="all")
    assert not viewer.part("unseen").is_visible()
    viewer.opacity(0)
    assert tuple(viewer.pixels()[2, 2]) == RED


def test_smooth_blends_between_patches(show):
    viewer = show()
    viewer.opacity(100)
    smooth = colours_in(viewer.seen())
    viewer.patches("True patches")
    assert len(smooth) > 50 > len(colours_in(viewer.seen()))
    assert colour(0.5) in smooth  # and it still starts from the same values


def test_colours_come_from_opencv(show):
    viewer = show()
    viewer.patches("True patches")
    viewer.opacity(100)
    viewer.root.get_by_label("Colours").select_option("Viridis")
    viewer.settle()
    viridis = cv2.COLORMAP_VIRIDIS
    assert colours_in(viewer.seen()) == {colour(0.5, viridis), colour(2.4, viridis), colour(3.0, viridis)}


def test_broken_picture_is_said_to_be_broken(page, show):
    viewer = show()
    page.get_by_text("broken", exact=True).click()
    viewer.part("problem").wait_for()
    assert viewer.text("problem") == "This browser could not display the picture."
    assert viewer.canvas.evaluate("canvas => canvas.width") == 0  # the photo before is gone
    page.get_by_text("square", exact=True).click()
    viewer.part("problem").wait_for(state="hidden")
    viewer.settle()
    assert_aligned(show(page, map="checkerboard"), "square")


# ---- reading and choosing patches ----


def test_hover_reads_the_patch(show):
    viewer = show()
    viewer.hover(2, 5)
    assert viewer.text("readout") == "Patch row 2, column 5 · receives 2.4× the uniform share"
    viewer.hover(1, 1)
    assert viewer.text("readout") == "Patch row 1, column 1 · receives 0.50× the uniform share"


def test_hover_outlines_the_patch_and_nothing_else(show):
    viewer = show()
    viewer.move_away()
    before = viewer.pixels()
    viewer.hover(2, 5)
    rows, columns = np.nonzero((viewer.pixels() != before).any(axis=2))
    height, width = before.shape[:2]
    across = [(LEFT + (RIGHT - LEFT) * column / COLUMNS) * width for column in (4, 5)]
    down = [(TOP + (BOTTOM - TOP) * row / ROWS) * height for row in (1, 2)]
    assert [columns.min(), columns.max() + 1] == pytest.approx(across, abs=1)
    assert [rows.min(), rows.max() + 1] == pytest.approx(down, abs=1)


def test_hover_outside_says_that_the_model_did_not_look_there(show):
    viewer = show()
    viewer.canvas.hover(position={"x": 5, "y": 5})
    viewer.settle()
    assert viewer.text("readout") == "Not seen by the model"


def test_click_shows_what_a_patch_attends_to(show):
    viewer = show()
    viewer.patches("True patches")
    viewer.opacity(100)
    viewer.click(2, 5)  # gives half of its attention to row 2, column 6
    assert viewer.text("status") == "What the patch in row 2, column 5 attends to"
    viewer.hover(2, 6)
    assert (
        viewer.text("readout")
        == "Patch row 2, column 6 · receives 12.0× the uniform share from row 2, column 5"
    )
    viewer.move_away()
    pixels = viewer.pixels()
    for row, column, relative in ((2, 6, 12), (3, 2, 24 * 0.5 / 23)):
        spot = viewer.at(row, column)
        assert tuple(pixels[round(spot["y"]), round(spot["x"])]) == colour(relative, ceiling=12)


def test_overall_attention_comes_back(show):
    viewer = show()
    viewer.move_away()
    before = viewer.pixels()
    viewer.click(2, 5)
    assert (viewer.pixels() != before).any()
    viewer.back.click()
    viewer.move_away()
    viewer.stage.blur()
    viewer.settle()
    np.testing.assert_array_equal(viewer.pixels(), before)
    assert viewer.text("status") == "Overall attention: what each patch receives"
    assert not viewer.back.is_visible()


def test_clicking_the_selected_patch_again_clears_it(show):
    viewer = show()
    viewer.click(2, 5)
    viewer.click(2, 5)
    assert viewer.text("status").startswith("Overall attention")


def test_click_outside_selects_nothing(show):
    viewer = show()
    viewer.canvas.click(position={"x": 5, "y": 5})
    viewer.settle()
    assert viewer.text("status").startswith("Overall attention")


def test_keyboard_begins_at_the_strongest_patch_and_walks_the_grid(show):
    viewer = show()
    viewer.marking.focus()
    viewer.stage.focus()
    viewer.settle()
    assert viewer.text("readout") == "Patch row 3, column 2 · receives 3.0× the uniform share"
    viewer.press("ArrowUp", "ArrowRight")
    assert viewer.text("readout").startswith("Patch row 2, column 3 ")
    viewer.press("End")
    assert viewer.text("readout").startswith("Patch row 2, column 6 ")
    viewer.press("Home", "ArrowLeft", "ArrowDown", "ArrowDown", "ArrowDown")  # stays inside
    assert viewer.text("readout").startswith("Patch row 4, column 1 ")


@pytest.mark.parametrize("key", ["Enter", " "])
def test_keyboard_selects_and_escape_goes_back(show, key):
    viewer = show()
    viewer.stage.focus()
    viewer.press("Home", "ArrowUp", "ArrowRight", key)
    assert viewer.text("status") == "What the patch in row 2, column 2 attends to"
    viewer.press("Escape")
    assert viewer.text("status").startswith("Overall attention")


def test_arrow_keys_do_not_scroll_the_page(open_page, show):
    viewer = show(open_page(viewport={"width": 1000, "height": 400}))
    viewer.stage.focus()
    scroll = "document.querySelector('[data-testid=stMain]').scrollTop"
    before = viewer.page.evaluate(scroll)
    viewer.press("ArrowDown", "ArrowDown", "End", " ")
    assert viewer.page.evaluate(scroll) == before


def test_first_tap_reads_a_patch_and_the_second_selects_it(open_page, show):
    viewer = show(open_page(viewport=PHONE, has_touch=True))
    viewer.canvas.tap(position=viewer.at(2, 5))
    viewer.settle()
    assert viewer.text("readout") == "Patch row 2, column 5 · receives 2.4× the uniform share"
    assert viewer.text("status").startswith("Overall attention")
    viewer.canvas.tap(position=viewer.at(2, 5))
    viewer.settle()
    assert viewer.text("status") == "What the patch in row 2, column 5 attends to"


# ---- maps with a sign, and maps without attention: -0.4 logits in row 2, column 5, +0.2 in row 3, column 2,
# +0.003 in row 1, column 1 ----


def diverging(logits: float, ceiling: float = 0.4) -> tuple[int, ...]:
    """The RGB of a value between full blue at -ceiling and full red at +ceiling."""
    return tuple(int(c) for c in signed_shades()[round(127.5 + 127.5 * logits / ceiling)])


def test_a_signed_map_runs_from_blue_to_red_around_zero(show):
    viewer = show(map="signed")
    viewer.patches("True patches")
    viewer.opacity(100)
    assert diverging(-0.4) in colours_in(viewer.seen())
    blue, red = diverging(-0.4), diverging(0.4)
    assert blue[2] > blue[0] and red[0] > red[2]


def test_where_a_signed_map_says_nothing_the_photo_stays_the_photo(show):
    viewer = show(map="signed")
    viewer.patches("True patches")
    viewer.opacity(100)
    found = colours_in(viewer.seen())
    assert {RED, GREEN, BLUE, YELLOW} <= found
    half = [round((0.2 / 0.4) * c + 0.5 * b) for c, b in zip(diverging(0.2), BLUE, strict=True)]
    assert min(np.abs(np.array(each) - half).max() for each in found) <= 3  # +0.2 of 0.4, over blue


def test_the_colours_of_both_sides_differ_for_colour_blind_readers(show):
    """Seen by somebody without red or without green receptors (Viénot et al. 1999, in linear light), they
    are far apart at equal strength."""
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    linear = (signed_shades() / 255.0) ** 2.2
    for eye in (protan, deutan):
        seen = 255 * np.clip(linear @ eye.T, 0, 1) ** (1 / 2.2)
        for level in (30, 60, 90, 127):
            assert np.linalg.norm(seen[127 - level] - seen[128 + level]) > 40


def test_a_signed_map_is_read_in_logits(show):
    viewer = show(map="signed")
    viewer.hover(2, 5)
    assert viewer.text("readout") == "Patch row 2, column 5 · −0.40 towards real"
    viewer.hover(3, 2)
    assert viewer.text("readout") == "Patch row 3, column 2 · +0.20 towards AI"
    viewer.hover(1, 1)
    assert viewer.text("readout") == "Patch row 1, column 1 · +0.003 towards AI"
    viewer.hover(4, 4)
    assert viewer.text("readout") == "Patch row 4, column 4 · 0, towards neither"


def test_the_colour_bar_of_a_signed_map_has_zero_in_the_middle_and_says_which_side_is_which(show):
    viewer = show(map="signed")
    assert viewer.part("ticks").locator("span").all_inner_texts() == ["−0.4", "−0.2", "0", "+0.2", "+0.4"]
    assert viewer.part("ticks").locator("span").evaluate_all("all => all.map(e => e.style.left)") == [
        "0%",
        "25%",
        "50%",
        "75%",
        "100%",
    ]
    assert viewer.text("unit") == "logits"
    assert viewer.part("directions").locator("span").all_inner_texts() == ["towards real", "towards AI"]
    assert (
        viewer.part("scale").get_attribute("aria-label")
        == "Colour scale in logits, from −0.40 towards real to +0.40 towards AI; the patches go from −0.40 to"
        " +0.20."
    )
    assert not show().part("directions").is_visible()


def test_a_weak_signed_map_is_not_stretched_and_says_so(show):
    viewer = show(map="weak")  # at most 0.025 logits
    viewer.patches("True patches")
    viewer.opacity(100)
    mixed = np.array(diverging(-0.025, ceiling=0.05)) / 2 + np.array(GREEN) / 2  # row 2, column 5, over green
    assert min(np.abs(np.array(each) - mixed).max() for each in colours_in(viewer.seen())) <= 3
    assert (
        viewer.text("notice")
        == "No patch moves the logit by as much as 0.05. The map stays clear, because it singles nothing out."
    )


def test_signed_maps_keep_their_own_colours(page, show):
    viewer = show(map="signed")
    viewer.root.get_by_label("Colours").select_option("Blue to red, light")
    assert show().root.get_by_label("Colours").input_value() == "Inferno"
    assert show(map="signed").root.get_by_label("Colours").input_value() == "Blue to red, light"


def test_without_attention_a_click_marks_a_patch_and_the_map_stays(show):
    viewer = show(map="signed")
    viewer.click(2, 5)
    viewer.move_away()
    assert viewer.text("status") == "By hand"
    assert viewer.text("readout") == "Marked: patch row 2, column 5 · −0.40 towards real"
    clear = viewer.root.get_by_role("button", name="Clear the mark")
    clear.click()
    viewer.stage.blur()
    viewer.settle()
    assert viewer.text("readout") == "Point at a patch to read it, click to mark it."
    assert not clear.is_visible()


def test_keyboard_begins_at_the_strongest_patch_to_either_side(show):
    viewer = show(map="signed")
    viewer.marking.focus()
    viewer.stage.focus()
    viewer.settle()
    assert viewer.text("readout").startswith("Patch row 2, column 5 ")


# ---- linked viewers ----


@pytest.fixture
def pair(page, show):
    """``pair(beside="signed", ...)``: two linked viewers, the first with attention."""

    def open_both(**query) -> tuple[Viewer, Viewer]:
        return show(**({"beside": "signed"} | query)), Viewer(page, 1).ready()

    return open_both


def test_opacity_moves_in_both_and_back(pair):
    first, second = pair()
    before = second.pixels()
    first.opacity(90)
    assert second.slider.input_value() == "90" and second.text("percent") == "90 %"
    assert (second.pixels() != before).any()
    second.opacity(10)
    assert first.slider.input_value() == "10"


def test_patches_and_marking_move_in_both_but_colours_only_among_their_kind(pair):
    first, second = pair()
    first.patches("True patches")
    first.mark(False)
    first.root.get_by_label("Colours").select_option("Viridis")
    first.settle()
    assert (
        second.root.get_by_role("radio", name="True patches").is_checked() and not second.marking.is_checked()
    )
    assert second.root.get_by_label("Colours").input_value() == "Blue to red, dark"


def test_pointing_in_one_reads_both(pair):
    first, second = pair()
    first.hover(2, 5)
    assert first.text("readout") == "Patch row 2, column 5 · receives 2.4× the uniform share"
    assert second.text("readout") == "Patch row 2, column 5 · −0.40 towards real"
    first.move_away()
    assert second.text("readout") == "Point at a patch to read it, click to mark it."


def test_only_the_viewer_in_use_speaks_to_screen_readers(pair):
    first, second = pair()
    first.hover(2, 5)
    assert [viewer.part("readout").get_attribute("aria-live") for viewer in (first, second)] == [
        "polite",
        "off",
    ]
    second.hover(3, 2)
    assert [viewer.part("readout").get_attribute("aria-live") for viewer in (first, second)] == [
        "off",
        "polite",
    ]


def test_a_patch_selected_in_one_is_selected_in_both(pair):
    first, second = pair()
    first.click(3, 2)
    first.move_away()
    assert second.text("readout") == "Marked: patch row 3, column 2 · +0.20 towards AI"
    second.click(2, 5)
    assert first.text("status") == "What the patch in row 2, column 5 attends to"
    second.click(2, 5)
    assert first.text("status").startswith("Overall attention")


def test_the_keyboard_works_both(pair):
    first, second = pair()
    second.stage.focus()
    second.press("Home", "ArrowUp", "Enter")
    assert first.text("status") == "What the patch in row 1, column 1 attends to"
    second.press("Escape")
    assert first.text("status").startswith("Overall attention")


def test_linked_maps_may_have_other_grids(pair):
    first, second = pair(beside="coarse")  # 2 x 3, so row 3, column 2 lies in row 2, column 1
    first.hover(3, 2)
    assert (
        second.text("readout") == "Patch row 2, column 1 · 1.8× the uniform share"
    )  # 0.3 over a mean of 1 / 6


def test_a_viewer_that_comes_later_takes_over_the_selection(page, pair):
    first, second = pair()
    toggle = page.get_by_text("Show the viewer beside it")
    toggle.click()
    second.root.wait_for(state="detached")
    first.click(2, 5)
    toggle.click()
    second = Viewer(page, 1).ready()
    second.part("readout").wait_for_function("e => e.textContent.startsWith('Marked: patch row 2, column 5')")


def test_viewers_of_different_groups_do_not_move_together(pair):
    first, second = pair(group="another")
    first.opacity(90)
    first.click(2, 5)
    assert second.slider.input_value() == "50" and second.text("readout").startswith("Point at")


def test_linked_moves_send_nothing_to_the_server(page, show):
    frames = count_frames(page)
    first = show(beside="signed")
    Viewer(page, 1).ready()
    page.get_by_text("Script runs: 1").wait_for()
    sent = len(frames)
    first.opacity(20)
    first.click(2, 5)
    first.hover(3, 2)
    page.wait_for_timeout(500)
    assert len(frames) == sent


# ---- words ----


def test_diffuse_attention_is_called_diffuse(show):
    viewer = show(map="diffuse")
    assert (
        viewer.text("notice")
        == "Diffuse: the attention is spread almost evenly (peak 1.3× the uniform share). The map does not"
        " single out a place."
    )


def test_diffuse_attention_is_not_stretched_to_full_colour(show):
    viewer = show(map="diffuse")
    viewer.patches("True patches")
    viewer.opacity(100)
    assert {colour(0.7), colour(1.3)} <= colours_in(viewer.seen())
    assert viewer.seen().max() <= max(colour(1.3))


def test_focused_attention_is_not_called_diffuse(show):
    assert not show(map="hot").part("notice").is_visible()


def test_colour_bar_is_in_multiples_of_the_uniform_share(show):
    viewer = show()
    assert viewer.part("ticks").locator("span").all_inner_texts() == ["0×", "1×", "2×", "3×", "4×"]
    viewer.click(2, 5)
    assert viewer.part("ticks").locator("span").all_inner_texts() == ["0×", "5×", "10×", "12×"]
    assert viewer.part("scale").get_attribute("aria-label").startswith("Colour scale from 0 to 12.0×")


def test_everything_that_can_be_focused_has_a_name(show):
    viewer = show()
    unnamed = viewer.root.locator("input, select, button, [tabindex]").evaluate_all(
        """all => {
          const says = (e) => e.textContent.trim();
          const named = (e) => e.ariaLabel || says(e) || [...e.labels ?? []].some(says);
          return all.filter((e) => !named(e)).map((e) => e.outerHTML);
        }"""
    )
    assert unnamed == []
    assert viewer.stage.get_attribute("aria-label") == "Four coloured quadrants, square"
    assert viewer.part("readout").get_attribute("aria-live") == "polite"


def test_focus_is_visible(show):
    viewer = show()
    viewer.marking.focus()
    for _ in range(6):
        viewer.press("Shift+Tab")  # back to the stage, past whatever lies between
        if viewer.stage.evaluate("e => e.matches(':focus')"):
            break
    assert viewer.stage.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_html_in_names_stays_text(page, show):
    viewer = show(hostile=1)
    assert viewer.stage.get_attribute("aria-label") == '<img src=x onerror="window.pwned = true">.jpg'
    with page.expect_download() as download:
        viewer.part("save").click()
    assert download.value.suggested_filename == "_img src_x onerror__window.pwned _ true__-heatmap.png"
    assert viewer.root.locator("img").count() == 0
    assert page.evaluate("window.pwned") is None


# ---- where it lives ----


@pytest.mark.parametrize("width", [390, 320])
@pytest.mark.parametrize("photo", ["square", "panorama"])
def test_nothing_sticks_out_on_a_phone(open_page, show, photo, width):
    viewer = show(open_page(viewport={"width": width, "height": 844}), photo=photo, map="diffuse")
    viewer.stage.focus()
    viewer.press("Enter")  # the widest state: with the button
    assert viewer.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    outside = viewer.root.locator("*:visible").evaluate_all(
        """all => all.map((e) => [e.outerHTML, e.getBoundingClientRect()])
               .filter(([, box]) => box.left < 0 || box.right > innerWidth).map(([html]) => html)"""
    )
    assert outside == []


def test_controls_are_large_enough_for_a_finger(open_page, show):
    viewer = show(open_page(viewport=PHONE, has_touch=True, is_mobile=True))
    for control in viewer.root.locator("button:visible, select, .segments, input[type=range], .unseen").all():
        assert control.bounding_box()["height"] >= 44


CONTRASTS = """root => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
  const pen = canvas.getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const weights = [0.2126, 0.7152, 0.0722];
  const luminance = (colour) => weights.reduce((sum, weight, i) => sum + weight * linear(colour[i] / 255), 0);
  const background = (e) => {
    for (; e; e = e.parentElement ?? e.getRootNode().host) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const ownText = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  return [...root.querySelectorAll("*")].filter((e) => ownText(e) && e.checkVisibility()).map((e) => {
    const both = [luminance(rgba(getComputedStyle(e).color)), luminance(background(e))];
    const [dark, light] = both.sort((a, b) => a - b);
    return [e.textContent.trim(), (light + 0.05) / (dark + 0.05)];
  });
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_are_readable(open_page, show, theme):
    viewer = show(open_page(color_scheme=theme), map="diffuse")
    ink = viewer.root.evaluate("e => getComputedStyle(e).color.match(/\\d+/g).map(Number)")
    assert (min(ink) > 128) == (theme == "dark")
    contrasts = viewer.root.evaluate(CONTRASTS)
    assert len(contrasts) > 10
    assert {text: ratio for text, ratio in contrasts if ratio < 4.5} == {}


def test_save_downloads_the_screen_at_the_photos_own_size(page, show):
    viewer = show(photo="wide")
    viewer.patches("True patches")
    viewer.opacity(100)
    with page.expect_download() as download:
        viewer.part("save").click()
    assert download.value.suggested_filename == "wide.quadrants-heatmap.png"
    saved = decode(Path(download.value.path()).read_bytes())
    assert saved.shape == (400, 1200, 3)
    # Patch by patch: the seen part is x 120..840 and y 80..360, a patch 120 x 70.
    assert tuple(saved[80 + 105, 120 + 540]) == colour(2.4)
    assert tuple(saved[80 + 175, 120 + 180]) == colour(3.0)
    assert tuple(saved[81, 121]) == tuple(saved[358, 838]) == colour(0.5)
    assert tuple(saved[10, 10]) != RED  # marked as unseen, as on screen


# ---- Streamlit runs its script again and again ----


def test_running_the_script_again_changes_nothing(page, show):
    viewer = show()
    viewer.opacity(80)
    viewer.click(2, 5)
    viewer.run_again.click()
    page.get_by_text("Script runs: 2").wait_for()
    viewer.settle()
    assert viewer.slider.input_value() == "80"
    assert viewer.text("status") == "What the patch in row 2, column 5 attends to"


def test_new_words_for_the_same_photo_change_only_the_words(page, show):
    viewer = show()
    viewer.opacity(80)
    viewer.click(2, 5)
    page.get_by_text("Describe at length").click()
    viewer.stage.wait_for_function("e => e.ariaLabel.endsWith('from red to yellow')")
    viewer.settle()
    assert viewer.slider.input_value() == "80"
    assert viewer.text("status") == "What the patch in row 2, column 5 attends to"


def test_next_photo_keeps_the_choices_and_drops_the_selection(page, show):
    viewer = show()
    viewer.opacity(100)
    viewer.patches("True patches")
    viewer.root.get_by_label("Colours").select_option("Turbo (rainbow)")
    viewer.mark(False)
    viewer.click(2, 5)
    page.get_by_text("wide", exact=True).click()
    viewer.stage.wait_for_function("e => e.ariaLabel.endsWith('wide')")
    viewer.settle()
    assert viewer.text("status").startswith("Overall attention")
    turbo = cv2.COLORMAP_TURBO
    assert colours_in(viewer.seen()) == {colour(0.5, turbo), colour(2.4, turbo), colour(3.0, turbo)}
    assert tuple(viewer.pixels()[2, 2]) == RED


def test_choices_survive_unmounting_and_reloading(page, show):
    viewer = show()
    viewer.opacity(70)
    viewer.patches("True patches")
    toggle = page.get_by_text("Show the viewer")
    toggle.click()
    viewer.root.wait_for(state="detached")
    toggle.click()
    viewer.ready()
    assert viewer.slider.input_value() == "70"
    page.reload()
    viewer.ready()
    assert viewer.slider.input_value() == "70"
    assert viewer.root.get_by_role("radio", name="True patches").is_checked()


def test_initial_opacity_holds_until_the_user_moves_the_slider(show):
    viewer = show(opacity=0.25)
    assert viewer.slider.input_value() == "25"
    assert viewer.text("percent") == "25 %"


# ---- the Python side ----


@pytest.mark.parametrize(
    ("filename", "saved"),
    [
        ("cat.jpg", "cat-heatmap.png"),
        ("C:\\photos\\cat.of.mine.jpg", "cat.of.mine-heatmap.png"),
        ("../../etc/passwd", "passwd-heatmap.png"),
        ("Größe 1.webp", "Größe 1-heatmap.png"),
        ("a:b?.png", "b_-heatmap.png"),
        ("", "picture-heatmap.png"),
        ("...", "picture-heatmap.png"),
    ],
)
def test_download_name(filename, saved):
    from ui.heatmap_viewer import download_name

    assert download_name(filename) == saved


@pytest.mark.parametrize(
    "wrong",
    [
        {"picture_type": "image/svg+xml"},
        {"attention": np.ones((23, 23), np.float32)},
        {"initial_opacity": 50},
        {"heatmap": SimpleNamespace(grid=(4, 6), signed=True)},  # with an attention matrix
    ],
)
def test_arguments_that_do_not_fit_are_refused(wrong):
    from ui.heatmap_viewer import heatmap_viewer

    right = {
        "picture": b"",
        "picture_type": "image/png",
        "region": WHOLE,
        "attention": np.ones((24, 24), np.float32),
        "heatmap": SimpleNamespace(grid=(4, 6), signed=False),
        "initial_opacity": 0.5,
    }
    with pytest.raises(ValueError):
        heatmap_viewer(**(right | wrong), alt="", filename="", key="viewer")


@pytest.fixture
def payload(monkeypatch):
    """``payload(heatmap) -> dict``: what the browser is sent of a plain photo and its map, or none."""
    import ui.heatmap_viewer
    from detector.preprocessing import Region

    sent = []
    monkeypatch.setattr(ui.heatmap_viewer, "_mount", lambda key, data: sent.append(data))
    photo = cv2.imencode(".png", np.zeros((40, 60, 3), np.uint8))[1].tobytes()
    seen, words = Region(0, 0, 1, 1), {"alt": "A photo", "filename": "photo.png", "key": "viewer"}

    def send(heatmap=None) -> dict:
        ui.heatmap_viewer.heatmap_viewer(photo, "image/png", seen, None, heatmap, **words)
        return sent[-1]

    return send


def test_what_is_shown_again_has_its_edition_and_whatever_is_new_a_later_one(payload):
    photo_alone, again = payload(), payload()
    with_map = payload(Heatmap(np.array([[0.1, 0.9]], np.float32), "by hand"))
    assert photo_alone["edition"] == again["edition"] < with_map["edition"]


def test_a_payload_that_arrives_after_a_newer_one_is_not_shown(payload, page):
    photo_alone = payload()
    with_map = payload(Heatmap(np.array([[0.1, 0.9]], np.float32), "by hand"))
    page.set_content((VIEWER / "viewer.html").read_text("utf-8"))
    mount = """async ([source, ...payloads]) => {
      const { default: viewer } = await import("data:text/javascript;base64," + source);
      for (const data of payloads) viewer({ data, parentElement: document.body });
    }"""
    source = base64.b64encode((VIEWER / "viewer.js").read_bytes()).decode()
    page.evaluate(mount, [source, with_map, photo_alone])
    page.locator(".stage[aria-busy=false]").wait_for()
    assert page.get_by_role("slider", name="Heatmap opacity").is_enabled()
