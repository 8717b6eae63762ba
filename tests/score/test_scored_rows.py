"""detector.score.scored_rows: a scored table read back, to be looked through by score."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from detector.evaluation.predictions import PredictionsError
from detector.score.scored_rows import ScoredRow, read_scored_rows
from detector.verdicts import Verdict


def table(**columns) -> bytes:
    content = io.BytesIO()
    pd.DataFrame(columns).to_parquet(content)
    return content.getvalue()


def test_what_a_scoring_run_wrote_is_read_back_without_the_pictures_that_have_no_score(
    archive, score, tmp_path
):
    score(archive)
    rows = read_scored_rows((tmp_path / "out.parquet").read_bytes(), "out.parquet")
    assert len(rows) == 9 and rows.without_score == 1 and "broken.jpg" not in rows.names
    first = rows.row(int(rows.within(0, 1)[0]))
    assert (
        first.name == "ai/0.png"
        and first.verdict == Verdict.AI
        and first.y_score == pytest.approx(0.95, abs=0.01)
    )


def test_pictures_come_by_score_and_ties_as_they_stand_in_the_table():
    rows = read_scored_rows(table(id=list("abcd"), y_score=[0.5, 0.9, 0.1, 0.5]), "t")
    assert rows.within(0, 1).tolist() == [1, 0, 3, 2]
    assert rows.within(0, 1, high_first=False).tolist() == [2, 0, 3, 1]
    assert rows.within(0.5, 0.9).tolist() == [1, 0, 3]
    assert rows.within(0.2, 0.3).tolist() == []


def test_a_verdict_that_is_none_is_left_out():
    rows = read_scored_rows(table(id=["a", "b"], y_score=[0.5, 0.6], verdict=["real", "<b>"]), "t")
    assert rows.row(0) == ScoredRow(0, "a", 0.5, Verdict.REAL) and rows.row(1).verdict is None
    assert read_scored_rows(table(id=["a"], y_score=[0.5]), "t").row(0).verdict is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (table(id=["a"]), "t has no column y_score: it is no table of python -m detector.score"),
        (table(id=["a"], y_score=["high"]), "must hold numbers"),
        (table(id=["a", "b"], y_score=[1.5, float("nan")]), "No row of t has a y_score between 0 and 1"),
        (b"PAR1 and nothing more", "damaged"),
    ],
)
def test_another_table_is_refused_in_a_sentence(content, sentence):
    with pytest.raises(PredictionsError, match=sentence):
        read_scored_rows(content, "t")
