"""What the download buttons hand out."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from detector.records import FIELDS
from ui import results
from ui.gallery import Picture


@pytest.fixture(scope="module")
def checked(classifier, photo):
    """A picture with a nasty name, and a file that is none."""
    png = io.BytesIO()
    Image.fromarray(photo("warm", 1200, 1600)).save(png, "PNG")
    pictures = [Picture.of("=HYPERLINK(1).png", png.getvalue()), Picture.of("../text.jpg", b"not a picture")]
    found = classifier.analyse_files(picture.content for picture in pictures)
    return [results.Checked(picture, result, "") for picture, result in zip(pictures, found, strict=True)]


@pytest.fixture(scope="module")
def records(checked, classifier):
    return results.records(checked, classifier.bundle)


def test_records_have_the_fields_of_the_command_line(records):
    assert list(FIELDS) == list(records[0])


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
    rows = list(csv.DictReader(io.StringIO(results.as_csv(records))))
    assert [row["path"] for row in rows] == ["'=HYPERLINK(1).png", "../text.jpg"]
    assert float(rows[0]["y_score"]) == pytest.approx(records[0]["y_score"])
    assert rows[1]["y_score"] == ""


def test_csv_gives_notes_as_text(records):
    table = results.as_csv([records[0] | {"notes": ["One thing.", "Another."]}, records[1]])
    assert [row["notes"] for row in csv.DictReader(io.StringIO(table))] == ["One thing. Another.", ""]


def test_overlays_are_a_zip_of_pngs_of_the_readable_files_with_harmless_names(checked):
    with zipfile.ZipFile(io.BytesIO(results.overlays(checked))) as archive:
        assert archive.namelist() == ["001-_HYPERLINK_1_.png"]
        with Image.open(archive.open("001-_HYPERLINK_1_.png")) as picture:
            assert (picture.format, picture.size) == ("PNG", (1200, 900))
