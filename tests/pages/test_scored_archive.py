"""A scored archive on Classify, run by Streamlit's AppTest: a table of 100,000 rows whose pictures lie on the
server. What the browser does is in tests/browser/test_archive_grid.py."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from detector import archive_folders
from pages.classify import scored_archive
from pages.classify.scored_archive import KEY, PER_PAGE
from tests.conftest import make_photo
from tests.pages.test_classify_page import Page, count_reads
from ui.bounded_cache import BoundedCache

COUNT = 100_000


@pytest.fixture(scope="module")
def table() -> bytes:
    """Scores that grow with the number of the picture, which is its name; the last ten have a file."""
    names = [f"{number:06}.png" for number in range(COUNT)]
    content = io.BytesIO()
    scores = np.linspace(0, 1, COUNT)
    verdicts = np.where(scores > 0.5, "ai", "real")
    pd.DataFrame({"id": names, "y_score": scores, "verdict": verdicts}).to_parquet(content)
    return content.getvalue()


@pytest.fixture
def switched_on(tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(COUNT - 10, COUNT):
        Image.fromarray(make_photo(("warm", "cool")[number % 2])).save(folder / f"{number:06}.png")
    monkeypatch.setenv(archive_folders.VARIABLE, str(folder))
    monkeypatch.setattr(scored_archive, "_thumbnails", BoundedCache(2000, 2**20, len))


@pytest.fixture
def page(tiny_bundle, monkeypatch) -> Page:
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    return Page()


@pytest.fixture
def asks(monkeypatch):
    """``asks(page, tile_id)``: the grid reports that a tile is to be opened."""

    def ask(page: Page, tile_id: object) -> Page:
        asked = [tile_id]
        monkeypatch.setattr(
            scored_archive, "listen", lambda key, on_open, on_compare: asked and on_open(asked.pop())
        )
        page.app.run()
        return page.run()

    return ask


def test_a_table_is_refused_where_no_folder_is_named_and_evaluate_is(page, table, monkeypatch):
    monkeypatch.delenv(archive_folders.VARIABLE, raising=False)
    page.upload(("predictions.parquet", table))
    (error,) = page.app.error
    assert "Evaluate opens it" in error.value and "ARCHIVE" in error.value
    assert page.tiles == [] and "Upload a picture" in page.app.info[0].value


def test_of_many_rows_a_page_is_shown_by_score_and_only_its_pictures_are_read(
    page, table, switched_on, monkeypatch
):
    reads = count_reads(monkeypatch)
    page.upload(("predictions.parquet", table))
    assert "100,000 pictures" in page.app.expander[0].label and page.app.expander[0].proto.expanded
    assert page.names == [f"{number:06}.png" for number in range(COUNT - 1, COUNT - 1 - PER_PAGE, -1)]
    assert [bool(tile["thumbnail"]) for tile in page.tiles] == 10 * [True] + (PER_PAGE - 10) * [False]
    assert page.tiles[0]["title"] == "AI-generated" and page.tiles[0]["percent"] == ">99.9%"
    assert 10 <= len(reads) <= 20  # whether it is a picture, and its thumbnail
    again = len(reads)
    page.app.run()
    assert len(reads) == again


def test_another_order_and_range_begin_at_their_first_page(page, table, switched_on):
    page.upload(("predictions.parquet", table))
    page.app.selectbox(key=f"{KEY}-order").set_value("P(AI), low first").run()
    assert page.names[0] == "000000.png"
    page.app.slider(key=f"{KEY}-range").set_value((50, 60)).run()
    assert page.names[0] == "050000.png"
    assert "1 to 24 of 10,000" in page.app.caption[0].value


def test_a_picture_that_is_opened_is_judged_like_any_other(page, table, switched_on, asks):
    page.upload(("predictions.parquet", table))
    asks(page, f"row-{COUNT - 1}")
    assert page.part("name") == f"{COUNT - 1:06}.png" and page.part("verdict") == "Real"
    assert not page.app.expander[0].proto.expanded
    assert [each.name for each in page.session.album.pictures.values()] == [f"{COUNT - 1:06}.png"]


@pytest.mark.parametrize("asked", ["row-0", "row-100000", "row--1", "../x", 7, None, {"a": 1}])
def test_what_cannot_be_opened_brings_nothing_in(page, table, switched_on, asks, asked):
    page.upload(("predictions.parquet", table))
    asks(page, asked)
    assert page.session.album.pictures == {}
    assert [("not in the folders" in error.value) for error in page.app.error] == [True] * (asked == "row-0")


def test_a_closed_archive_leaves_the_page_as_it_was(page, table, switched_on):
    page.upload(("predictions.parquet", table))
    page.click(f"{KEY}-close")
    assert [expander.label for expander in page.app.expander] == ["How to read this"]
    assert page.tiles == [] and "Upload a picture" in page.app.info[0].value
