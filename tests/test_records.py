"""detector.records: what stands in a row, and how it is written."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from detector.records import FIELDS, cell, percent, record


@pytest.fixture(scope="module")
def results(classifier, photo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    Image.fromarray(photo("warm", 120, 160)).save(folder / "warm.png")
    return list(classifier.analyse_files([folder / "warm.png", b"not a picture"]))


def test_a_record_has_every_field_in_order(results, classifier):
    assert [tuple(record(result, classifier.bundle)) for result in results] == [FIELDS, FIELDS]


def test_a_record_of_an_unreadable_file_keeps_the_model_and_says_why(results, classifier):
    row = record(results[1], classifier.bundle, "notes.jpg")
    assert (row["path"], row["verdict"], row["y_score"], row["bundle"]) == (
        "notes.jpg",
        None,
        None,
        classifier.bundle.name,
    )
    assert row["error"].startswith("This is not an image")


def test_a_record_says_what_the_picture_was_judged_by(results, classifier):
    row = record(results[0], classifier.bundle)
    assert row["path"].endswith("warm.png") and (row["width"], row["height"]) == (160, 120)
    assert row["threshold"] == classifier.bundle.threshold
    assert row["y_score"] == pytest.approx(1 / (1 + np.exp(-row["logit"] / classifier.bundle.temperature)))


def testpercentages_never_claim_certainty():
    shown = {
        0: "<0.1%",
        0.0009: "<0.1%",
        0.001: "0.1%",
        0.4249: "42.5%",
        0.999: "99.9%",
        0.99901: ">99.9%",
        1: ">99.9%",
    }
    assert {share: percent(share) for share in shown} == shown


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_is_quoted(start):
    assert cell(f"{start}1") == f"'{start}1"


def test_numbers_and_plain_text_are_left_alone():
    assert [cell(value) for value in (-1.5, None, True, "a=b", ["One.", "Two."])] == [
        -1.5,
        None,
        True,
        "a=b",
        "One. Two.",
    ]
