"""Verdicts and sides: plain strings for files, and one place for their words."""

import json

import pytest

from detector.verdicts import Side, Verdict


def test_members_are_the_strings_that_files_hold():
    assert json.dumps([Verdict.AI, Verdict.UNSURE, Side.REAL]) == '["ai", "unsure", "real"]'
    assert f"{Verdict.REAL}" == "real"
    assert {"ai": 1}[Verdict.AI] == 1


def test_a_side_and_the_verdict_for_it_are_equal():
    assert Verdict(Side.AI) is Verdict.AI
    assert Verdict.REAL == Side.REAL
    assert Verdict.REAL.side is Side.REAL
    assert Verdict.UNSURE.side is None


@pytest.mark.parametrize(
    ("verdict", "title", "in_sentence"),
    [
        (Verdict.AI, "AI-generated", "AI-generated"),
        (Verdict.REAL, "Real", "real"),
        (Verdict.UNSURE, "Unsure", "unsure"),
    ],
)
def test_words_of_a_verdict(verdict, title, in_sentence):
    assert verdict.title == title
    assert verdict.in_sentence == in_sentence


def test_sides_are_said_like_verdicts():
    assert [side.title for side in Side] == ["AI-generated", "Real"]
    assert [side.in_sentence for side in Side] == ["AI-generated", "real"]


def test_each_side_is_the_opposite_of_the_other():
    assert Side.AI.opposite is Side.REAL
    assert Side.REAL.opposite is Side.AI
