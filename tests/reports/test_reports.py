"""Reports: what stands in them, and that nothing a stranger named gets out of its place."""

from __future__ import annotations

import hashlib
import re
import zlib
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from detector.explain.region_map import ends_in_words, region_map
from detector.images import read_image
from detector.reports import as_html, as_pdf, examine, picture_report

NASTY = "<script>alert(1)</script>中\n.png"


@pytest.fixture(scope="module")
def content(photo) -> bytes:
    """A warm PNG, AI-generated to the tiny bundle, which says of itself what made it."""
    info = PngInfo()
    info.add_text("parameters", "a <b>cat</b>, Steps: 20, Sampler: Euler, Seed: 1")
    buffer = BytesIO()
    Image.fromarray(photo("warm", 300, 400)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def report(classifier, content):
    (result,) = classifier.analyse_files([content])
    return picture_report(examine(classifier, NASTY, content, result), classifier.bundle)


@pytest.fixture(scope="module")
def page(report) -> str:
    return as_html([report])


def section(report, title):
    return next(section for section in report.sections if section.title == title)


def test_a_report_leads_with_the_verdict_and_the_score(report, classifier, content):
    (result,) = classifier.analyse_files([content])
    assert report.verdict == "AI-generated"
    assert report.score == f"P(AI-generated) {100 * result.analysis.y_score:.1f}%"
    assert dict(section(report, "What was found").rows)["Threshold"] == "0.5000"


def test_a_report_holds_the_hashes_of_file_and_weights(report, classifier, content):
    assert dict(section(report, "The file").rows)["SHA-256"] == hashlib.sha256(content).hexdigest()
    rows = dict(section(report, "The model").rows)
    assert rows["SHA-256 of its weights"] == classifier.bundle.weights_sha256


def test_a_report_says_what_the_file_says(report):
    said = " ".join(value for _, value in section(report, "The file").rows)
    assert "Steps: 20" in said


def test_a_report_says_what_the_model_is_worth_on_sources_it_never_saw(report, classifier):
    table = section(report, "The model").table
    expected = classifier.bundle.card["metrics"]["unseen"]["balanced_accuracy"]
    column = table[0].index("Balanced accuracy")
    assert [row[column] for row in table if row[0] == "unseen"] == [f"{expected:.1%}"]


def test_a_report_shows_photo_and_map_and_every_damaged_copy(report):
    from detector.perturbations import STRIP

    assert len(section(report, "The picture and its map").figures) == 2
    assert len(section(report, "Damaged copies").figures) == len(list(STRIP))


def test_a_report_shows_the_parts_where_they_were_judged(classifier, content, report):
    photo = read_image(content)
    parts = region_map(classifier.engine, photo.pixels)
    (result,) = classifier.analyse_files([content])
    with_parts = picture_report(examine(classifier, "w.jpg", content, result, parts=parts), classifier.bundle)
    shown = section(with_parts, "Part by part")
    assert len(shown.figures) == 1 and ends_in_words(parts) in shown.figures[0].caption
    assert "was not measured" in shown.sentences[1]
    assert not [each for each in report.sections if each.title == "Part by part"]


def test_html_has_everything_in_it_and_no_script(page):
    assert "default-src 'none'" in page
    assert "<script" not in page and "&lt;script&gt;" in page
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert addresses and all(address.startswith("data:image/jpeg") for address in addresses)


def test_several_pictures_stand_in_one_document_with_a_table_of_contents(report):
    page = as_html([report, report])
    assert page.count("<article") == 2 and 'href="#picture-2"' in page


def test_the_text_of_a_pdf_can_be_extracted(report, content):
    text = pdf_text(as_pdf([report]))
    assert hashlib.sha256(content).hexdigest() in text
    assert report.score in text
    assert r"\u4e2d" in text  # a letter the fonts do not have is named, not dropped


def test_a_file_that_could_not_be_read_is_reported_with_the_reason(classifier):
    (result,) = classifier.analyse_files([b"no picture"])
    report = picture_report(examine(classifier, "x.jpg", b"no picture", result), classifier.bundle)
    assert report.verdict == "Not judged"
    assert "This is not an image" in as_html([report])
    assert "This is not an image" in pdf_text(as_pdf([report]))


def pdf_text(content: bytes) -> str:
    """The shown texts of a PDF whose fonts have Western letters, one a line."""
    lines = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        try:
            commands = zlib.decompress(stream)
        except zlib.error:  # a picture
            continue
        for text in re.findall(rb"\(((?:\\.|[^\\()])*)\)\s*Tj", commands):
            lines.append(re.sub(rb"\\(.)", rb"\1", text).decode("latin-1"))
    return "\n".join(lines)
