"""A picture is on screen before it has arrived, in Chromium with a tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]


class Uploads:
    """The Classify page in a browser tab, whose uploads can be held on their way."""

    def __init__(self, tab):
        self.tab, self.held = tab, []
        self.preview = tab.get_by_test_id("upload-preview")
        self.viewer = tab.locator("[data-testid=heatmap-viewer] .stage[aria-busy=false]")

    def hold(self) -> None:
        """From now on uploads do not get through, until ``let_go`` or ``fail``, which hold for later ones,
        too: on a busy machine one may set out after its preview is there."""
        self.answer = self.held.append
        self.tab.route("**/upload_file/**", lambda route: self.answer(route))

    def let_go(self) -> None:
        self._answer_all(lambda route: route.continue_())

    def fail(self) -> None:
        self._answer_all(lambda route: route.abort())

    def _answer_all(self, answer) -> None:
        self.answer = answer
        while self.held:
            answer(self.held.pop(0))

    def choose(self, *files: tuple[str, bytes], kind: str = "image/png") -> None:
        self.tab.locator("input[type=file]").first.set_input_files(
            [{"name": name, "mimeType": kind, "buffer": content} for name, content in files]
        )

    def shows(self, name: str) -> None:
        """Wait until the picture of that name is open, with its verdict, and nothing lies over it."""
        expect(self.tab.get_by_test_id("name")).to_have_text(name)
        self.tab.get_by_test_id("verdict").wait_for()
        self.viewer.first.wait_for()
        self.preview.wait_for(state="hidden")

    def covers(self, place) -> bool:
        """Whether the preview lies over the middle of ``place``."""
        return place.evaluate(
            """element => {
                const {left, top, width, height} = element.getBoundingClientRect();
                const there = document.elementFromPoint(left + width / 2, top + height / 2);
                return Boolean(there?.shadowRoot?.querySelector("[data-testid=upload-preview]"));
            }"""
        )


@pytest.fixture
def uploads(app_server, page, tiny_bundle):
    page.goto(app_server(ROOT / "streamlit_app.py", TELLTALE_WEIGHTS=str(tiny_bundle.parent)))
    page.locator("[data-testid=upload-preview][data-listening]").wait_for(state="attached")
    return Uploads(page)


def test_a_picture_is_on_screen_while_it_is_still_on_its_way(uploads, png):
    uploads.hold()
    uploads.choose(("first.png", png("warm")))
    uploads.preview.get_by_text("first.png is on its way").wait_for()
    photo = uploads.preview.locator("img")
    assert photo.evaluate("img => img.naturalWidth") == 320
    assert not uploads.tab.get_by_test_id("verdict").count()
    uploads.let_go()
    uploads.shows("first.png")


def test_nothing_said_of_another_picture_is_seen_beside_it(uploads, png):
    uploads.choose(("first.png", png("warm")))
    uploads.shows("first.png")
    verdict = uploads.tab.get_by_test_id("verdict")
    assert not uploads.covers(verdict)
    uploads.hold()
    uploads.choose(("second.png", png("cool")))
    uploads.preview.wait_for()
    assert uploads.covers(verdict) and uploads.covers(uploads.tab.get_by_test_id("name"))
    uploads.let_go()
    uploads.shows("second.png")
    assert not uploads.covers(verdict)


def test_it_stays_covered_while_the_page_is_drawn_anew(uploads, png):
    uploads.choose(("first.png", png("warm")))
    uploads.shows("first.png")
    uploads.hold()
    uploads.choose(("second.png", png("cool")))
    uploads.preview.wait_for()
    uploads.preview.evaluate(
        """preview => {
            const host = preview.getRootNode().host;
            const {left, top, width, height} = preview.getBoundingClientRect();
            window.frames_seen = window.frames_uncovered = 0;
            const look = () => {
                if (!preview.matches(":popover-open")) return;
                window.frames_seen++;
                const there = document.elementFromPoint(left + width / 5, top + height / 5);
                if (there !== host) window.frames_uncovered++;
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    uploads.let_go()
    uploads.shows("second.png")
    assert uploads.tab.evaluate("window.frames_seen") > 2
    assert uploads.tab.evaluate("window.frames_uncovered") == 0


def test_an_upload_that_fails_uncovers_the_page(uploads, png):
    uploads.choose(("first.png", png("warm")))
    uploads.shows("first.png")
    uploads.hold()
    uploads.choose(("second.png", png("cool")))
    uploads.preview.wait_for()
    uploads.fail()
    uploads.tab.locator("[data-testid=stFileChip][aria-invalid]").wait_for()
    uploads.preview.wait_for(state="hidden")
    uploads.shows("first.png")


def test_a_second_one_chosen_while_the_first_is_on_its_way_is_not_promised(uploads, png):
    uploads.hold()
    uploads.choose(("first.png", png("warm")))
    uploads.preview.wait_for()
    uploads.choose(("second.png", png("cool")))
    uploads.preview.wait_for(state="hidden")
    uploads.let_go()
    uploads.tab.get_by_test_id("verdict").wait_for()
    assert uploads.preview.is_hidden()


def test_the_picture_that_is_open_already_is_uncovered_when_it_has_come_again(uploads, png):
    uploads.choose(("first.png", png("warm")))
    uploads.shows("first.png")
    uploads.hold()
    uploads.choose(("again.png", png("warm")))
    uploads.preview.wait_for()
    uploads.let_go()
    uploads.preview.wait_for(state="hidden")


def test_escape_or_a_click_uncovers_the_page(uploads, png):
    uploads.hold()
    uploads.choose(("first.png", png("warm")))
    uploads.preview.wait_for()
    uploads.tab.keyboard.press("Escape")
    uploads.preview.wait_for(state="hidden")
    uploads.choose(("second.png", png("cool")))
    uploads.preview.wait_for()
    uploads.preview.click()
    uploads.preview.wait_for(state="hidden")
    uploads.let_go()


@pytest.mark.parametrize("kind", ["image/tiff", "text/csv", "image/svg+xml"])
def test_what_is_no_picture_to_a_browser_covers_nothing(uploads, kind):
    uploads.hold()
    uploads.choose(("a file", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), kind=kind)
    uploads.tab.get_by_test_id("stFileChip").first.wait_for()
    assert uploads.preview.is_hidden()


def test_several_at_once_cover_nothing(uploads, png):
    uploads.hold()
    uploads.choose(("first.png", png("warm")), ("second.png", png("cool")))
    uploads.tab.get_by_test_id("stFileChip").first.wait_for()
    assert uploads.preview.is_hidden()


def test_a_picture_that_cannot_be_read_leaves_the_sentence_that_says_so(uploads, png):
    broken = png("warm")[:-2000]  # a browser shows what there is of it
    uploads.hold()
    uploads.choose(("broken.png", broken))
    uploads.let_go()
    uploads.tab.get_by_text("broken.png").first.wait_for()
    uploads.preview.wait_for(state="hidden")
