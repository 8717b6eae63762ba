"""The Data page in Chromium: a dataset with planted faults from its path to the report, and to the Train
form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.download_button import download
from tests.datasets.making import Maker, picture

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}
WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth > innerWidth + 1"


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    """Two classes, a broken file, a picture under both labels; the AI-generated ones are square."""
    make = Maker(tmp_path_factory.mktemp("data") / "pictures")
    make("real", 30)
    for _ in range(30):
        make.seed += 1
        make.save(f"ai/{make.seed:04d}.png", picture(make.seed, (64, 64)))
    make.save("ai/same.png", picture(1))  # = real/0001.png
    (make.root / "ai" / "broken.png").write_bytes(b"no picture")
    return make.root


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE], ids=["desktop", "phone"])
def test_from_a_path_to_the_report_and_the_train_form(app_server, open_page, tiny_bundle, planted, viewport):
    environment = {"TELLTALE_WEIGHTS": str(tiny_bundle.parent), "TELLTALE_RUNS": str(planted.parent / "runs")}
    (planted.parent / "runs").mkdir(exist_ok=True)
    tab = open_page(viewport=viewport, accept_downloads=True)
    tab.goto(f"{app_server(ROOT / 'streamlit_app.py', **environment)}/data")
    field = tab.get_by_test_id("stTextInputField").first
    field.fill(str(planted))
    field.press("Enter")
    tab.get_by_text("A ruler tells the classes apart").first.wait_for()
    tab.get_by_text("2 pictures are here under both labels").first.wait_for()

    tab.get_by_role("tab", name="Facts").click()
    tab.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 6")
    assert not tab.evaluate(WIDER_THAN_THE_WINDOW)

    tab.get_by_role("tab", name="Duplicates").click()
    tab.get_by_text("The same to the pixel").first.wait_for()
    loaded = "[...document.querySelectorAll('figure img')].filter(image => image.naturalWidth > 0).length"
    tab.wait_for_function(f"{loaded} == 2")

    tab.get_by_role("tab", name="Take away").click()
    report = download(tab, "Report (HTML)").read_text()
    assert "97% of AI-generated images are square; 0% of real ones are." in report

    if viewport == PHONE:
        return
    # What was named on one page is named on the other, and need not be scanned again.
    tab.get_by_role("link", name="Train").first.click()
    tab.get_by_text("61 pictures").first.wait_for()
    tab.get_by_role("button", name="Look closer on Data").click()
    tab.get_by_text("What is in the data?").first.wait_for()
