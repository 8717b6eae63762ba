"""A scored archive on Classify in Chromium: its pictures lie on the server, in a folder that it names."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from detector import archive_folders
from tests.conftest import make_photo

ROOT = Path(__file__).parents[2]
COUNT = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for number in range(COUNT):
        Image.fromarray(make_photo("warm" if number % 2 else "cool")).save(folder / f"{number:02}.png")
    return folder


def table() -> bytes:
    """Its scores grow with the number of the picture."""
    content = io.BytesIO()
    names = [f"{number:02}.png" for number in range(COUNT)]
    scores = [number / COUNT for number in range(COUNT)]
    verdicts = ["ai" if score > 0.5 else "real" for score in scores]
    pd.DataFrame({"id": names, "y_score": scores, "verdict": verdicts}).to_parquet(content)
    return content.getvalue()


def test_an_archive_is_paged_through_by_score_and_a_picture_of_it_opened_with_the_keyboard(
    app_server, page, tiny_bundle, folder
):
    environment = {"TELLTALE_WEIGHTS": str(tiny_bundle.parent), archive_folders.VARIABLE: str(folder)}
    page.goto(f"{app_server(ROOT / 'streamlit_app.py', **environment)}/?tested=false")
    uploader = page.locator("input[type=file]").first
    uploader.wait_for(state="attached")
    uploader.set_input_files(
        [{"name": "predictions.parquet", "mimeType": "application/octet-stream", "buffer": table()}]
    )
    box = page.get_by_test_id("picture-grid")
    tiles = box.get_by_role("option")
    tiles.first.wait_for()
    assert tiles.count() == 24 and tiles.first.get_attribute("aria-label").startswith("29.png, AI-generated")
    tiles.first.locator("img").wait_for_function("image => image.naturalWidth > 0")
    assert box.get_by_label("Sort").is_hidden()

    page.get_by_role("button", name=re.compile("^(Go to )?[Nn]ext|Page 2|^2$")).first.click()
    box.locator("[role=option][aria-label^='05.png,']").wait_for()
    assert tiles.count() == 6

    tiles.first.focus()
    page.keyboard.press("m")  # there is nothing to mark
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shown = "() => document.querySelector('[data-testid=name]')?.textContent == '04.png'"
    page.wait_for_function(shown)
    page.get_by_test_id("verdict").filter(has_text="Real").wait_for()
    assert box.is_hidden()  # folded away
    page.get_by_text("Scored archive predictions.parquet: 30 pictures").click()
    box.locator("[role=option][aria-label^='04.png,'][aria-selected=true]").wait_for()
