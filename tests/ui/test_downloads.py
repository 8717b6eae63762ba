"""What the download buttons hand out."""

import csv
import io
import json
import zipfile
from concurrent.futures import Future

import numpy as np
import pytest
from PIL import Image

from detector.cases import Remarks
from detector.overlay import overlay
from detector.records import FIELDS
from detector.verdicts import Side
from pages.classify import downloads, shown_picture
from pages.classify.background_check import judged
from ui import pictures
from ui.pictures import Picture


@pytest.fixture(scope="module")
def checked(classifier, photo):
    """A picture with a nasty name, and a file that is none."""
    png = io.BytesIO()
    Image.fromarray(photo("warm", 1200, 1600)).save(png, "PNG")
    pictures = [Picture.of("=HYPERLINK(1).png", png.getvalue()), Picture.of("../text.jpg", b"not a picture")]
    return list(judged(classifier, pictures))


@pytest.fixture(scope="module")
def records(checked, classifier):
    remarks = {checked[1].picture.id: Remarks(label=Side.REAL, note="=1+1", marked=True)}
    return downloads.records(checked, classifier.bundle, remarks)


def test_records_have_the_fields_of_the_command_line_and_the_users_remarks(records):
    assert list(records[0]) == [*FIELDS, "my_label", "note", "marked"]
    assert [records[0][field] for field in ("my_label", "note", "marked")] == [None, "", False]
    assert [records[1][field] for field in ("my_label", "note", "marked")] == ["real", "=1+1", True]


def test_a_record_holds_the_verdict_and_what_it_was_judged_by(records, classifier):
    record = records[0]
    assert record["path"] == "=HYPERLINK(1).png"
    assert record["verdict"] == "ai"
    assert record["y_score"] == pytest.approx(1 / (1 + np.exp(-record["logit"] / 2)))
    assert record["threshold"] == 0.5
    assert (record["width"], record["height"]) == (1600, 1200)
    assert record["attention_peak"] >= 1
    assert record["weights_sha256"] == classifier.bundle.weights_sha256
    assert record["error"] is None


def test_a_file_that_could_not_be_read_is_listed_with_the_reason(records):
    assert records[1]["verdict"] is None
    assert records[1]["error"].startswith("This is not an image")


def test_json_holds_the_records_as_they_are(records):
    assert json.loads(json.dumps(records)) == records


def test_csv_has_a_row_per_file_and_no_formulas(records):
    rows = list(csv.DictReader(io.StringIO(downloads.as_csv(records))))
    assert [row["path"] for row in rows] == ["'=HYPERLINK(1).png", "../text.jpg"]
    assert rows[1]["note"] == "'=1+1"
    assert float(rows[0]["y_score"]) == pytest.approx(records[0]["y_score"])
    assert rows[1]["y_score"] == ""


def test_whole_numbers_stay_whole_beside_a_file_that_could_not_be_read(records):
    rows = list(csv.DictReader(io.StringIO(downloads.as_csv(records))))
    assert (rows[0]["width"], rows[0]["height"], rows[1]["width"]) == ("1600", "1200", "")


def test_csv_gives_notes_as_text(records):
    table = downloads.as_csv([records[0] | {"notes": ["One thing.", "Another."]}, records[1]])
    assert [row["notes"] for row in csv.DictReader(io.StringIO(table))] == ["One thing. Another.", ""]


def drawn(checked, classifier, method, known) -> dict[str, np.ndarray]:
    """The pictures in the ZIP of overlays, by name."""
    loading: Future = Future()
    loading.set_result(classifier)
    content = downloads.overlays(checked, classifier.bundle, method, known, loading)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: np.asarray(Image.open(archive.open(name))) for name in archive.namelist()}


def test_overlays_are_a_zip_of_pngs_of_the_readable_files_with_harmless_names(checked, classifier):
    pictures = drawn(checked, classifier, "attention rollout", {})
    assert list(pictures) == ["001-_HYPERLINK_1_.png"]
    height, width, _ = pictures["001-_HYPERLINK_1_.png"].shape
    assert width == 1200 and height > 900  # what it shows stands below it


def test_an_overlay_shows_the_map_of_the_method_that_is_on_the_page(checked, classifier):
    each = checked[0]
    (picture,) = drawn(checked, classifier, "grad-cam", {}).values()
    heatmap = classifier.explain(pictures.decoded(each.picture), "grad-cam")
    expected = overlay(shown_picture.pixels(each.picture), heatmap, each.analysis.region, 0.5)
    assert np.abs(picture[:900].astype(int) - expected).max() <= 2


def test_a_map_that_is_there_already_is_not_computed_again(checked, classifier, monkeypatch):
    known = {checked[0].picture.id: checked[0].analysis.heatmap}
    monkeypatch.setattr(type(classifier), "explain", lambda *_, **__: pytest.fail("computed again"))
    assert drawn(checked, classifier, "occlusion", known)
