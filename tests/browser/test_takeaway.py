"""What leaves Classify and comes back, in Chromium with a tiny model: a report opened without a network, a
picture from the clipboard, a case that outlives the app."""

from __future__ import annotations

import hashlib
import json

import pytest

from detector.case_files import read_case
from tests.browser.test_classify import Page
from tests.support.app_in_browser import APP, serving

PASTE = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 300, height: 200});
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([blob], "image.png", {type: "image/png"}));
  document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""


@pytest.fixture(scope="module")
def environment(tiny_bundle, tmp_path_factory) -> dict[str, str]:
    """Of every app here, so that one finds what another has kept."""
    return {
        "TELLTALE_WEIGHTS": str(tiny_bundle.parent),
        "TELLTALE_STATE": str(tmp_path_factory.mktemp("state")),
    }


@pytest.fixture
def visit(app_server, open_page, environment):
    """``visit(url=None) -> Page``: the app all tests here share, or another one."""

    def go(url: str | None = None) -> Page:
        tab = open_page()
        tab.goto(url or app_server(APP, **environment))
        tab.locator("input[type=file]").first.wait_for(state="attached")
        return Page(tab)

    return go


def popover(page: Page, name: str) -> None:
    page.tab.get_by_test_id("stPopoverButton").filter(has_text=name).click()


def test_a_report_opened_offline_holds_the_score_and_the_hash(visit, open_page, png, tmp_path):
    content = png("warm")
    page = visit()
    page.upload(("sunset.png", content))
    page.shows("sunset.png")
    (result,) = json.loads(page.download("Results (JSON)"))
    popover(page, "Report")
    (tmp_path / "report.html").write_bytes(page.download("Report (HTML)"))

    reader = open_page()
    requests = []
    reader.on("request", lambda request: requests.append(request.url))
    reader.context.set_offline(True)
    reader.goto((tmp_path / "report.html").as_uri())
    said = reader.inner_text("body")
    assert hashlib.sha256(content).hexdigest() in said and result["sha256"] in said
    assert f"{result['y_score']:.4f}" in said and result["weights_sha256"] in said
    loaded = "() => [...document.images].every((image) => image.naturalWidth > 0)"
    assert reader.evaluate(loaded) and reader.locator("img").count() > 3
    assert all(url.startswith(("file:", "data:")) for url in requests)


def test_a_picture_pasted_on_the_page_comes_in(visit):
    page = visit()
    page.says("Upload a picture")
    page.tab.evaluate(PASTE)
    page.shows("pasted 1")


def test_text_pasted_into_a_field_stays_text(visit, png):
    page = visit()
    page.upload(("sunset.png", png("warm")))
    page.shows("sunset.png")
    popover(page, "Note")
    field = page.tab.get_by_label("Note on this picture")
    field.wait_for()
    taken = field.evaluate(
        """(field) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", "words");
          clipboardData.items.add(new File(["x"], "image.png", {type: "image/png"}));
          return !field.dispatchEvent(
            new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
        }"""
    )
    assert not taken


def test_a_case_outlives_the_app_and_opens_again(visit, png, environment, tmp_path):
    content = png("cool")
    with serving(APP, tmp_path / "first.txt", **environment) as url:
        page = visit(url)
        page.upload(("harbour.png", content))
        page.shows("harbour.png")
        page.tab.get_by_role("radio", name="Real").click()
        page.tab.wait_for_function("() => location.search.includes('case=')")
        popover(page, "Case")
        page.says("A reload of this page finds all this again")
        saved = page.download("Save the case")
        query = page.tab.evaluate("() => location.search")
    (picture,) = read_case(saved).pictures
    assert (picture.name, picture.content, picture.label) == ("harbour.png", content, "real")
    assert picture.record["verdict"] == "real"

    with serving(APP, tmp_path / "second.txt", **environment) as url:
        page = visit(f"{url}/{query}")  # the tab is loaded anew, by an app that was started anew
        page.shows("harbour.png")
        page.tab.get_by_role("radio", name="Real", checked=True).wait_for()

        other = visit(url)  # and the file, on a page that knows nothing
        other.upload(("telltale-case.zip", saved))
        other.shows("harbour.png")
        other.tab.get_by_role("radio", name="Real", checked=True).wait_for()
