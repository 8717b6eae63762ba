"""Damaged copies of all pictures, judged in the background."""

import threading
import time

import pytest

from detector.perturbations import STRIP
from pages.classify import copies_progress, copies_tester
from pages.classify.classify_state import ClassifyState
from pages.classify.copies_tester import CopiesTester
from ui import encoding
from ui.pictures import Picture


@pytest.fixture
def three(photo):
    kinds = ("warm", "cool", "mixed")
    return [Picture.of(f"{kind}.png", encoding.png(photo(kind, 60, 80))) for kind in kinds]


def wait_until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came true"
        threading.Event().wait(0.02)


def test_each_picture_gets_the_verdicts_that_it_would_get_opened(classifier, three):
    tester = CopiesTester()
    results = list(classifier.analyse_files(picture.content for picture in three))
    untested = [(picture, result.analysis) for picture, result in zip(three, results, strict=True)]
    tester.ask(untested, "v", classifier)
    wait_until(lambda: tester.count == 3)
    for picture, result in zip(three, results, strict=True):
        alone, _ = copies_tester.judge_perturbed_copies(classifier, picture.content, result.analysis)
        judged = tester.copies(picture, "v")
        assert [copy.y_score for copy in judged] == [copy.y_score for copy in alone]
        assert len(judged) == len(STRIP)
    assert tester.copies(three[0], "another model") is None


@pytest.fixture
def slow(monkeypatch):
    """``slow.judged``: the pictures in the order they were judged, each once ``slow.go`` is released."""

    class Slow:
        def __init__(self):
            self.go, self.begun, self.judged = threading.Semaphore(0), threading.Event(), []

        def judge(self, classifier, photo, analysis):
            self.begun.set()
            assert self.go.acquire(timeout=60)
            self.judged.append(analysis)
            if analysis == "broken":
                raise ValueError("broken")
            return [], []

    slow = Slow()
    monkeypatch.setattr(copies_tester, "judge_perturbed_copies", slow.judge)
    return slow


def test_a_pause_ends_the_work_after_the_picture_that_is_under_way(classifier, three, slow):
    tester = CopiesTester()
    tester.ask([(three[0], "first"), (three[1], "second")], "v", classifier)
    assert slow.begun.wait(60)
    tester.pause()
    slow.go.release()
    wait_until(lambda: not tester.busy)
    assert slow.judged == ["first"]
    tester.keep_going()
    slow.go.release()
    wait_until(lambda: tester.count == 2)


def test_the_work_is_done_when_nothing_is_under_way_and_more_is_known(classifier, three, slow, monkeypatch):
    ours = ClassifyState()
    monkeypatch.setattr(copies_progress, "state", lambda: ours)
    assert not copies_progress.is_done(0)  # nobody has asked for anything
    ours.tester.ask([(three[0], "first"), (three[1], "second")], "v", classifier)
    slow.go.release()
    wait_until(lambda: ours.tester.count == 1)
    assert not copies_progress.is_done(0)
    slow.go.release()
    wait_until(lambda: not ours.tester.busy)
    assert copies_progress.is_done(0) and not copies_progress.is_done(2)


def test_looking_at_the_work_keeps_it_going_but_does_not_begin_it_while_the_page_is_busy(
    classifier, three, slow, monkeypatch
):
    ours = ClassifyState()
    monkeypatch.setattr(copies_progress, "state", lambda: ours)
    monkeypatch.setattr(copies_tester, "LEASE", 0.0)
    ours.tester.ask([(three[0], "first")], "v", classifier)
    wait_until(lambda: not ours.tester.busy)
    monkeypatch.setattr(copies_tester, "LEASE", 60.0)
    ours.tester.pause()
    assert not copies_progress.is_done(0) and not ours.tester.busy
    ours.tester.ask([(three[0], "first")], "v", classifier)
    assert not copies_progress.is_done(0) and ours.tester.busy
    slow.go.release()
    wait_until(lambda: copies_progress.is_done(0))


def test_nobody_works_for_a_page_that_nobody_looks_at(classifier, three, slow, monkeypatch):
    monkeypatch.setattr(copies_tester, "LEASE", 0.0)
    tester = CopiesTester()
    tester.ask([(three[0], "first")], "v", classifier)
    wait_until(lambda: not tester.busy)
    assert slow.judged == []


def test_a_picture_that_fails_does_not_stop_the_others(classifier, three, slow):
    tester = CopiesTester()
    slow.go.release(2)
    tester.ask([(three[0], "broken"), (three[1], "second")], "v", classifier)
    wait_until(lambda: not tester.busy)
    assert tester.copies(three[0], "v") is None and tester.copies(three[1], "v") == []


def test_what_was_taken_away_is_forgotten(classifier, three, slow):
    tester = CopiesTester()
    slow.go.release(2)
    tester.ask([(three[0], "first"), (three[1], "second")], "v", classifier)
    wait_until(lambda: tester.count == 2)
    tester.forget_all_but({three[1].id})
    assert tester.copies(three[0], "v") is None and tester.copies(three[1], "v") == []
