"""Maps side by side, their tests and the stress strip on the Classify page, in Chromium with a tiny model."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}
TWO = "?maps=Attention+rollout&maps=Token+contributions"


@pytest.fixture
def visit(app_server, open_page, tiny_bundle):
    """``visit(query, **options)``: the page with the flower open and its maps tested."""

    def go(query: str = "", **options):
        tab = open_page(**options)
        tab.sent = []  # what the page sends to the server
        tab.on("websocket", lambda socket: socket.on("framesent", lambda frame: tab.sent.append(frame)))
        tab.goto(app_server(ROOT / "streamlit_app.py", TELLTALE_WEIGHTS=str(tiny_bundle.parent)) + query)
        tab.get_by_role("button", name="Try the flower").click()
        tab.get_by_text("Curves and checks").first.wait_for()
        tab.locator("[data-testid=heatmap-viewer] .stage[aria-busy=false]").first.wait_for()
        return tab

    return go


def viewer(tab, number: int):
    return tab.get_by_test_id("heatmap-viewer").nth(number)


def says(tab, number: int, part: str, text: str) -> None:
    """Wait until that part of a viewer says ``text``, or begins with it."""
    viewer(tab, number).locator(f"[data-part={part}]").wait_for_function(
        "(e, text) => e.textContent.startsWith(text)", arg=text
    )


def middle(tab, number: int) -> dict[str, float]:
    """The middle of the picture: in a grid of 4 x 4 the corner of row 3, column 3; a little further lies
    inside."""
    box = viewer(tab, number).locator("[data-part=canvas]").bounding_box()
    return {"x": box["width"] / 2 + 4, "y": box["height"] / 2 + 4}


def test_two_maps_move_together_without_the_server(visit):
    tab = visit(TWO)
    viewer(tab, 1).locator(".stage[aria-busy=false]").wait_for()
    tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    before = len(tab.sent)
    viewer(tab, 0).get_by_role("slider", name="Heatmap opacity").fill("80")
    says(tab, 1, "percent", "80 %")
    viewer(tab, 1).locator("[data-part=canvas]").click(position=middle(tab, 1))
    says(tab, 0, "status", "What the patch in row 3, column 3 attends to")
    viewer(tab, 0).locator("[data-part=canvas]").hover(position=middle(tab, 0))
    says(tab, 1, "readout", "Patch row 3, column 3 · ")
    viewer(tab, 0).get_by_role("button", name="Show overall attention").click()
    tab.mouse.move(2, 2)
    says(tab, 0, "status", "Overall attention")
    tab.wait_for_timeout(500)  # Streamlit's own widgets debounce what they send
    assert len(tab.sent) == before > 0


def test_each_map_has_its_badge_and_its_curves(visit):
    tab = visit(TWO)
    assert tab.get_by_text("random on this image").locator("visible=true").count() == 2
    tab.get_by_text("Curves and checks").nth(1).click()
    tab.locator("[data-testid=stExpander] .js-plotly-plot .legend").locator("visible=true").first.wait_for()
    tab.get_by_text("The shares sum to").wait_for()


def test_maps_are_added_and_the_url_remembers_them(visit):
    tab = visit()
    tab.get_by_role("button", name="Grad-CAM").click()
    tab.get_by_test_id("heatmap-viewer").nth(1).wait_for()
    tab.wait_for_function("location.search.includes('Grad-CAM')")
    assert parse_qs(urlsplit(tab.url).query)["maps"] == ["Attention rollout", "Grad-CAM"]
    tab.reload()
    tab.get_by_role("button", name="Try the temple").click()
    tab.get_by_test_id("heatmap-viewer").nth(1).wait_for()


def test_the_strip_shows_every_copy_and_the_verdict_says_what_they_do_to_it(visit):
    tab = visit()
    tab.get_by_text("rdinary damage").first.wait_for()
    tiles = tab.get_by_test_id("damage").get_by_role("listitem")
    assert tiles.count() == 11
    assert tiles.all_inner_texts()[3].startswith("JPEG 50")
    assert (
        tab.get_by_test_id("damage")
        .locator("img")
        .evaluate_all("all => all.every(img => img.complete && img.naturalWidth > 0)")
    )
    source = tab.get_by_test_id("damage").locator("img").first.get_attribute("src")
    tab.get_by_text("Show where the attention went").click()
    tab.wait_for_function(
        "before => (document.querySelector('[data-testid=damage] img')?.src ?? before) !== before", arg=source
    )


def test_on_a_phone_the_strip_scrolls_sideways_and_the_page_does_not(visit):
    tab = visit(TWO, viewport=PHONE, has_touch=True)
    strip = tab.get_by_test_id("damage")
    assert strip.evaluate("e => e.scrollWidth > 2 * e.clientWidth")
    strip.evaluate("e => e.scrollTo(e.scrollWidth, 0)")
    last = strip.get_by_role("listitem").last.bounding_box()
    assert last["x"] + last["width"] <= PHONE["width"]
    assert tab.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
    boxes = [viewer(tab, number).bounding_box() for number in (0, 1)]
    assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"] and boxes[1]["x"] == boxes[0]["x"]


def test_the_strip_is_scrolled_with_the_keyboard(visit):
    tab = visit(viewport=PHONE)
    strip = tab.get_by_test_id("damage")
    strip.focus()
    tab.keyboard.press("ArrowRight")
    strip.wait_for_function("e => e.scrollLeft > 0")


def test_another_picture_opened_meanwhile_gets_its_verdict_and_its_own_maps(visit):
    tab = visit(TWO)
    tab.get_by_test_id("stPopover").get_by_role("button", name="More").click()
    tab.get_by_role("button", name="Try the temple").click()
    tab.get_by_role("button", name="Occlusion").click()
    tab.get_by_test_id("heatmap-viewer").nth(2).wait_for()
    tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    assert tab.get_by_test_id("name").inner_text() == "temple.jpg"
    badges = tab.get_by_text("random on this image").locator("visible=true")
    badges.nth(2).wait_for()
    assert badges.count() == 3
    assert viewer(tab, 2).locator("[data-part=stage]").get_attribute("aria-label").startswith("temple.jpg")
    assert tab.get_by_test_id("stException").count() == 0
