"""Cases as files: what is saved comes back, and what a stranger made is refused in a sentence."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pytest

from detector import case_files
from detector.case_files import CaseError, case_bytes, is_case, read_case
from detector.cases import Case, CasePicture
from detector.verdicts import Side

RECORD = {"verdict": "ai", "y_score": 0.875, "bundle": "tiny", "threshold": 0.5}
PICTURE = CasePicture(
    name="../../<b>中.png", content=b"one", label=Side.REAL, note="two\nlines", marked=True, record=RECORD
)
CASE = Case((PICTURE, CasePicture(name="b.jpg", content=b"two")), "Harbour")


def rewritten(change=None, entries=None, compression=zipfile.ZIP_STORED) -> bytes:
    """The saved case with a changed description or more entries."""
    values = json.loads(case_files.description(CASE))
    if change:
        change(values)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("case.json", json.dumps(values))
        for digest, content in case_files.contents(CASE).items():
            archive.writestr(f"pictures/{digest}", content)
        for name, content in (entries or {}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_saved_case_comes_back_as_it_was():
    opened = read_case(case_bytes(CASE))
    assert (opened.pictures, opened.title) == (CASE.pictures, "Harbour")
    assert opened.saved.endswith("+00:00")


def test_a_case_is_told_from_any_other_zip():
    assert is_case(case_bytes(CASE))
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("letter.txt", "x")
    assert not is_case(other.getvalue()) and not is_case(b"\x89PNG")


@pytest.mark.parametrize("saved", ["![](http://a.io)", "soon", "2026-13-01"])
def test_a_time_that_is_none_is_left_out(saved):
    assert read_case(rewritten(lambda values: values.update(saved=saved))).saved == ""


def test_pictures_that_are_there_twice_are_saved_once():
    twice = Case((PICTURE, CasePicture(name="copy.png", content=b"one")))
    with zipfile.ZipFile(io.BytesIO(case_bytes(twice))) as archive:
        assert len(archive.namelist()) == 2
    assert [picture.name for picture in read_case(case_bytes(twice)).pictures] == [PICTURE.name, "copy.png"]


def test_a_picture_that_was_exchanged_is_noticed():
    digest = hashlib.sha256(b"two").hexdigest()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("case.json", case_files.description(CASE))
        archive.writestr(f"pictures/{hashlib.sha256(b'one').hexdigest()}", b"one")
        archive.writestr(f"pictures/{digest}", b"another")
    with pytest.raises(CaseError, match="not the one that was saved"):
        read_case(buffer.getvalue())


@pytest.mark.parametrize(
    "entry", ["../../etc/passwd", "/etc/passwd", "pictures/../x", "pictures/short", "extra.txt"]
)
def test_an_entry_with_another_name_is_refused(entry):
    with pytest.raises(CaseError):
        read_case(rewritten(entries={entry: b"x"}))


def test_what_unpacks_to_many_times_its_size_is_refused():
    bomb = rewritten(lambda values: values.update(padding="0" * 10_000_000), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CaseError, match="larger than any"):
        read_case(bomb)


def test_a_description_that_is_larger_than_it_says_is_refused(monkeypatch):
    monkeypatch.setattr(case_files, "MAX_JSON_BYTES", 100)
    with pytest.raises(CaseError, match="larger than any"):
        read_case(case_bytes(CASE))


def test_too_many_pictures_are_refused(monkeypatch):
    saved = case_bytes(CASE)
    monkeypatch.setattr(case_files, "MAX_PICTURES", 1)
    with pytest.raises(CaseError, match="larger than any"):
        read_case(saved)
    with pytest.raises(CaseError, match="save it in parts"):
        case_bytes(CASE)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda values: values.update(version=99), "another version"),
        (lambda values: values.update(format="x"), "no case that Telltale"),
        (lambda values: values.update(pictures="x"), "larger|damaged"),
        (lambda values: values["pictures"][0].update(label="fake"), "damaged"),
        (lambda values: values["pictures"][0].update(label=7), "damaged"),
        (lambda values: values["pictures"][0].update(marked="yes"), "damaged"),
        (lambda values: values["pictures"][0].update(name=None), "damaged"),
        (lambda values: values["pictures"][0].update(note="x" * 20_000), "damaged"),
        (lambda values: values["pictures"][0].update(record=[1]), "damaged"),
        (lambda values: values["pictures"][0].update(record={"y_score": float("nan")}), "damaged"),
        (lambda values: values["pictures"][0].update(sha256="../" * 22), "damaged"),
        (lambda values: values["pictures"][0].update(sha256="0" * 64), "damaged"),
        (lambda values: values["pictures"].append(7), "damaged"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(change, sentence):
    with pytest.raises(CaseError, match=sentence):
        read_case(rewritten(change))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all", b"PK\x05\x06" + 18 * b"\0"])
def test_what_is_no_case_is_refused(content):
    with pytest.raises(CaseError):
        read_case(content)


def test_a_case_that_is_cut_off_anywhere_is_refused():
    whole = case_bytes(CASE)
    for end in range(0, len(whole), 29):
        with pytest.raises(CaseError):
            read_case(whole[:end])
