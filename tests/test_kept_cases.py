"""Cases that outlive a reload: who finds them, when they go, and what a kill leaves."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from detector import case_files, kept_cases
from detector.case_files import CaseError
from detector.cases import Case, CasePicture

FIRST = CasePicture(name="a.png", content=b"one", note="first")
CASE = Case((FIRST, CasePicture(name="b.png", content=b"2")))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(kept_cases.VARIABLE, str(tmp_path))
    return tmp_path / "cases"


def test_a_kept_case_is_found_under_its_key_alone():
    key = kept_cases.new_key()
    kept_cases.keep(CASE, key)
    assert kept_cases.read(key).pictures == CASE.pictures
    assert kept_cases.read(kept_cases.new_key()) is None


def test_nobody_else_may_look_into_the_folder(folder):
    key = kept_cases.new_key()
    kept_cases.keep(CASE, key)
    for place in (folder, folder / key):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


@pytest.mark.parametrize("key", ["", ".", "..", "../../../../etc", "a/b", "x" * 23, "é" * 22])
def test_what_is_no_key_leads_nowhere(key):
    assert kept_cases.place(key) is None and kept_cases.read(key) is None
    kept_cases.forget(key)


def test_pictures_that_left_the_case_leave_the_disk(folder):
    key = kept_cases.new_key()
    kept_cases.keep(CASE, key)
    kept_cases.keep(Case(CASE.pictures[:1]), key)
    assert kept_cases.read(key).pictures == CASE.pictures[:1]
    assert len(list((folder / key).iterdir())) == 2  # the description and one picture


def test_what_is_forgotten_is_gone(folder):
    key = kept_cases.new_key()
    kept_cases.keep(CASE, key)
    kept_cases.forget(key)
    assert kept_cases.read(key) is None and not list(folder.iterdir())


def test_a_case_left_alone_for_too_long_goes_when_another_is_kept(folder):
    old, new = kept_cases.new_key(), kept_cases.new_key()
    kept_cases.keep(CASE, old)
    long_ago = (folder / old / "case.json").stat().st_mtime - (kept_cases.DAYS * 86400 + 60)
    os.utime(folder / old / "case.json", (long_ago, long_ago))
    kept_cases.keep(CASE, new)
    assert kept_cases.read(old) is None and kept_cases.read(new) is not None
    assert kept_cases.is_kept(new) and not kept_cases.is_kept(old)


def test_only_so_many_cases_are_kept(folder, monkeypatch):
    monkeypatch.setattr(kept_cases, "MAX_CASES", 2)
    keys = [kept_cases.new_key() for _ in range(3)]
    for age, key in zip((30, 20, 10), keys, strict=True):
        kept_cases.keep(CASE, key)
        file = folder / key / "case.json"
        os.utime(file, (file.stat().st_mtime - age, file.stat().st_mtime - age))
    kept_cases.expire()
    assert [kept_cases.read(key) is not None for key in keys] == [False, True, True]


def test_a_description_that_cannot_be_written_leaves_the_case_as_it_was(monkeypatch):
    key = kept_cases.new_key()
    kept_cases.keep(Case(CASE.pictures[:1]), key)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(kept_cases, "write_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        kept_cases.keep(CASE, key)
    assert kept_cases.read(key).pictures == CASE.pictures[:1]


@pytest.mark.parametrize(
    ("bound", "value"), [("MAX_CASE_BYTES", 3), ("MAX_FILE_BYTES", 2), ("MAX_PICTURES", 1)]
)
def test_what_could_not_be_read_again_is_not_kept(folder, monkeypatch, bound, value):
    monkeypatch.setattr(case_files, bound, value)
    with pytest.raises(CaseError, match="A case holds"):
        kept_cases.keep(CASE, kept_cases.new_key())
    assert not folder.exists()


def test_two_sessions_that_keep_under_one_key_leave_a_whole_case():
    key = kept_cases.new_key()
    cases = [Case((CasePicture(name=f"{n}.png", content=bytes([n]) * 100_000),)) for n in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(30):
            list(pool.map(lambda case: kept_cases.keep(case, key), cases))
            assert kept_cases.read(key).pictures in [case.pictures for case in cases]


def test_nothing_is_kept_where_that_is_switched_off(tmp_path, monkeypatch):
    monkeypatch.setenv(kept_cases.VARIABLE, kept_cases.OFF)
    key = kept_cases.new_key()
    kept_cases.keep(CASE, key)
    assert kept_cases.folder() is None and kept_cases.read(key) is None and not list(tmp_path.iterdir())
