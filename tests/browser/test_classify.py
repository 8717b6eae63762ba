"""The Classify page in Chromium with a tiny model: uploading, opening, exploring, saving, on
a desk and on a phone."""

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

from tests.browser.download_button import download
from tests.browser.frames import wait_until_painted
from tests.support.script_runs import runs_asked_for

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1440, "height": 900}


class Page:
    """The Classify page in a browser tab, as its user works it."""

    def __init__(self, tab):
        self.tab = tab
        self.name, self.verdict = tab.get_by_test_id("name"), tab.get_by_test_id("verdict")
        self.canvas = tab.locator("[data-testid=heatmap-viewer] [data-part=canvas]")

    def upload(self, *files: tuple[str, bytes]) -> None:
        self.tab.locator("input[type=file]").set_input_files(
            [{"name": name, "mimeType": "image/png", "buffer": content} for name, content in files]
        )

    def shows(self, name: str) -> None:
        """Wait until the picture called ``name`` is open and has its verdict."""
        self.tab.wait_for_function(
            "name => document.querySelector('[data-testid=name]')?.textContent == name"
            " && document.querySelector('[data-testid=verdict]')",
            arg=name,
        )

    def says(self, text: str) -> None:
        self.tab.get_by_text(text).first.wait_for()

    def tile(self, name: str):
        return self.tab.get_by_test_id("picture-grid").locator(f"[role=option][aria-label^='{name},']")

    def click(self, name: str) -> None:
        self.tab.get_by_role("button", name=name).click()

    def add_sample(self, name: str) -> None:
        """Where pictures are in, samples are among the further ways in."""
        self.tab.get_by_test_id("stPopover").first.get_by_role("button").click()
        self.click(f"Try the {name}")

    def pixels(self) -> np.ndarray:
        """uint8 (H, W, 3): the viewer's canvas, once it has painted what was asked of it."""
        wait_until_painted(self.tab)
        url = self.canvas.evaluate("canvas => canvas.toDataURL('image/png')")
        return np.asarray(Image.open(io.BytesIO(b64decode(url.split(",")[1]))).convert("RGB"))

    def download(self, button: str) -> bytes:
        return download(self.tab, button).read_bytes()


@pytest.fixture
def visit(app_server, open_page, tiny_bundle):
    """``visit(**options) -> Page`` of one app all tests share. Whatever a test does, nothing is asked of
    another machine."""
    requests = []

    def go(**options) -> Page:
        tab = open_page(**options)
        tab.sent, tab.received = [], []  # what the page sends to the server, and what comes from there
        tab.on("websocket", lambda socket: socket.on("framesent", lambda frame: tab.sent.append(frame)))
        tab.on(
            "websocket", lambda socket: socket.on("framereceived", lambda frame: tab.received.append(frame))
        )
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(app_server(ROOT / "streamlit_app.py", TELLTALE_WEIGHTS=str(tiny_bundle.parent)))
        tab.locator("input[type=file]").wait_for(state="attached")
        return Page(tab)

    yield go
    assert requests
    assert [
        url
        for url in requests
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != "127.0.0.1"
    ] == []


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
    page.tab.get_by_test_id("stProgress").wait_for()
    page.add_sample("flower")
    page.shows("flower.jpg")
    page.says("41 pictures:")
    assert page.tab.get_by_test_id("stProgress").filter(has_text="40 pictures").count() == 0
    assert page.tab.get_by_test_id("stException").count() == 0


def test_pictures_uploaded_one_by_one_are_opened_one_by_one(visit, three, png):
    page = visit()
    for name, content in [*three, ("x.png", png("warm", 100, 300))]:
        page.upload((name, content))
        page.shows(name)


def test_the_open_picture_stays_open_when_others_are_added_and_removed(visit, three, png):
    page = visit()
    page.upload(*three)
    page.shows("m.png")
    page.tile("c.png").click()
    page.shows("c.png")
    page.upload(("m2.png", png("mixed")), ("c2.png", png("cool")))
    page.says("5 pictures:")
    assert page.name.inner_text() == "c.png"
    page.tile("m.png").click()
    page.shows("m.png")
    page.click("Remove")
    page.says("4 pictures:")
    assert page.tile("m.png").count() == 0


def test_on_a_phone_the_verdict_comes_before_the_map_and_nothing_sticks_out(visit, three):
    page = visit(viewport=PHONE, color_scheme="dark")
    page.upload(*three)
    page.shows("m.png")
    page.canvas.wait_for()
    page.tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    photo = page.canvas.bounding_box()
    assert page.verdict.bounding_box()["y"] < photo["y"] < PHONE["height"] - 150
    assert photo["y"] < page.tab.get_by_test_id("damage-small").bounding_box()["y"]
    assert page.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.tab.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")


def test_hostile_names_are_shown_letter_by_letter_and_do_nothing(visit, png):
    names = [
        "<img src=x onerror='window.pwned=1'>.png",
        "![x](www.example.com) a@b.co.jpg",
        ":material/home: :red[x] :streamlit: $x^2$ a -> b.png",
    ]
    names = [name.replace("/", ":") for name in names]  # what browsers make of it
    page = visit()
    for name in names:
        page.upload((name, png("warm")))
        page.shows(name)
    page.upload(*[(f"x{name}", b"no picture") for name in names])
    page.says("This is not an image")
    for warning, name in zip(page.tab.get_by_test_id("stAlert").all(), names, strict=True):
        assert f"x{name} — This is not an image" in warning.inner_text().replace("\u2060", "")
    assert (
        page.tab.locator(
            "[data-testid=stMain] :is(a, img, script, .katex)"
            ":not([data-testid^=damage] img, .tile img, .preview img)"
        ).count()
        == 0
    )
    assert page.tab.evaluate("window.pwned") is None


def lies_within(box: dict, size: dict) -> bool:
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return box["x"] >= 0 and box["y"] >= 0 and right <= size["width"] and bottom <= size["height"]


@pytest.mark.parametrize("number", [1, 3])
def test_all_that_speaks_about_a_picture_fits_one_screen(visit, three, png, number):
    """Also for a picture that is as tall as the page lets it be, and beside a list."""
    page = visit(viewport=SCREEN)
    page.upload(("tall.png", png("warm", 900, 600)))
    page.shows("tall.png")
    if number > 1:
        page.upload(*three[1:])
        page.says(f"{number} pictures:")
    page.says("on this image")
    viewer = page.tab.get_by_test_id("heatmap-viewer")
    viewer.locator(".stage[aria-busy=false]").wait_for()
    page.tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    parts = {
        "verdict": page.verdict,
        "photo": page.canvas,
        "opacity": viewer.get_by_role("slider", name="Heatmap opacity"),
        "method": page.tab.get_by_test_id("stMarkdown").get_by_text("Attention rollout", exact=True),
        "badge": page.tab.get_by_text("on this image").locator("visible=true").first,
        "damage": page.tab.get_by_test_id("damage-small"),
        "file": page.tab.get_by_text("What the file says"),
    }
    outside = {name: part.bounding_box() for name, part in parts.items()}
    assert {name: box for name, box in outside.items() if not lies_within(box, SCREEN)} == {}
    assert page.canvas.bounding_box()["height"] > 400
    assert page.tab.get_by_test_id("stMain").evaluate("main => main.scrollTop") == 0


RECORD = """() => {
  const frames = (window.frames_seen = []);
  const text = (id) => document.querySelector(`[data-testid=${id}]`)?.textContent ?? "";
  const viewers = () => [...document.querySelectorAll("[data-testid=stMain] *")]
    .flatMap((element) => element.shadowRoot?.querySelector(".viewer .stage[aria-busy=false]") ?? []);
  const look = () => {
    const stage = viewers()[0];
    frames.push({
      name: text("name"), verdict: text("verdict"), photo: stage?.ariaLabel ?? "",
      map: stage?.parentElement.querySelector("[data-part=status]").textContent ?? "",
      copy: document.querySelector("[data-testid^=damage] img")?.src ?? "",
    });
    requestAnimationFrame(look);
  };
  look();
}"""
"""From now on, what stands on the page in every frame."""


def test_nothing_of_one_picture_is_ever_shown_beside_the_next(visit, png):
    page = visit()
    page.upload(("w.png", png("warm")))
    page.tab.evaluate(RECORD)
    page.name.get_by_text("w.png").wait_for()  # files that come together are one upload
    page.upload(("c.png", png("cool")))  # while the first is still computing
    page.shows("c.png")
    page.upload(("m.png", png("mixed")))
    page.shows("m.png")
    page.tab.get_by_test_id("damage-small").locator("img").first.wait_for()
    frames = page.tab.evaluate("window.frames_seen")
    verdicts = {"w.png": "AI-generated", "c.png": "Real", "m.png": "Unsure"}
    copies: dict[str, set[str]] = {}
    for frame in frames:
        assert frame["verdict"] in ("", verdicts.get(frame["name"], "")), frame
        if frame["name"] and frame["copy"]:
            copies.setdefault(frame["copy"], set()).add(frame["name"])
    assert {frame["name"] for frame in frames} >= {"c.png", "m.png"}
    assert frames[-1]["photo"].startswith("m.png")
    assert all(len(names) == 1 for names in copies.values())


def test_the_photo_is_there_before_its_verdict(visit, png):
    """What the server sends is looked at: a tiny model's verdict may be there before the browser has
    decoded the photo."""
    page = visit()
    page.upload(("w.png", png("warm")))
    page.shows("w.png")
    page.tab.get_by_role("application", name="w.png, 320 by 240 pixels").wait_for()
    photo = next(at for at, message in enumerate(page.tab.received) if b"The map follows" in message)
    verdict = next(at for at, message in enumerate(page.tab.received) if b'data-testid="verdict"' in message)
    assert photo < verdict


def test_from_an_upload_to_its_map_the_page_asks_the_server_once(visit, png):
    page = visit()
    page.upload(("w.png", png("warm")))
    page.says("on this image")  # now the model is warm
    page.tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.tab.sent.clear()
    page.upload(("c.png", png("cool")))
    page.shows("c.png")
    page.tab.get_by_test_id("heatmap-viewer").get_by_text("Overall attention:").last.wait_for()
    assert runs_asked_for(page.tab.sent) == 1


def test_a_file_dropped_anywhere_on_the_page_is_checked(visit, png):
    page = visit()
    page.upload(("w.png", png("warm")))
    page.shows("w.png")
    page.tab.evaluate(
        """async (bytes) => {
          const reaching = { bubbles: true, cancelable: true }, files = new DataTransfer();
          files.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
          const target = document.querySelector("[data-testid=verdict]");
          for (const type of ["dragover", "drop"])
            target.dispatchEvent(new DragEvent(type, { ...reaching, dataTransfer: files }));
        }""",
        list(png("cool")),
    )
    page.shows("dropped.png")


def test_headings_come_in_order_and_every_control_has_a_name(visit, three):
    page = visit()
    page.upload(*three)
    page.shows("m.png")
    page.canvas.wait_for()
    headings = (
        page.tab.get_by_test_id("stMain")
        .locator("h1, h2, h3, h4")
        .evaluate_all("all => all.map(h => h.tagName + ' ' + h.innerText)")
    )
    assert headings == [
        "H1 Is this picture AI-generated?",
        "H2 Unsure",
        "H3 How much damage does the verdict stand?",
    ]
    unnamed = (
        page.tab.get_by_test_id("stMain")
        .locator("button")
        .evaluate_all(
            "all => all.filter(b => !(b.textContent.trim() || b.ariaLabel || b.title)).map(b => b.outerHTML)"
        )
    )
    assert unnamed == []
