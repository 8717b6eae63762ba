"""detector.evaluation.tables: what is read, and the sentence for what is not."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detector.evaluation import tables
from detector.evaluation.predictions import PredictionsError
from detector.evaluation.tables import read_table

GOOD = b"y_true,y_score,source\n1,0.9,web\n0,0.25,phone\n"


def parquet(table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(table) if isinstance(table, pd.DataFrame) else table, buffer)
    return buffer.getvalue()


def problem(content: bytes) -> str:
    with pytest.raises(PredictionsError) as caught:
        read_table(content, "mine.csv")
    return str(caught.value)


def test_csv_is_read():
    rows = read_table(GOOD, "mine.csv")
    assert rows.to_dict("list") == {"y_true": [1, 0], "y_score": [0.9, 0.25], "source": ["web", "phone"]}
    assert (rows["y_true"].dtype, rows["y_score"].dtype) == (np.int8, np.float64)


def test_parquet_is_read_whatever_its_name_ends_in():
    assert read_table(parquet(read_table(GOOD, "mine.csv")), "mine.csv")["source"].tolist() == [
        "web",
        "phone",
    ]


def test_truth_may_be_true_and_false():
    assert read_table(b"y_true,y_score\ntrue,1\nfalse,0\n", "mine.csv")["y_true"].tolist() == [1, 0]


def test_columns_that_are_neither_numbers_nor_text_are_left_out():
    table = pa.table({"y_true": [1], "y_score": [0.5], "boxes": [[1, 2]], "raw": [b"x"]})
    assert list(read_table(parquet(table), "mine.parquet")) == ["y_true", "y_score"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"y_true,y_score\n", "no rows"),
        (b"y_score\n0.5\n", "no column y_true"),
        (b"truth,score\n1,0.5\n", "no column y_true and no column y_score"),
        (b"y_true,y_true,y_score\n1,1,0.5\n", "y_true more than once"),
        (b"y_true,y_score\n1,\n0,0.5\n", "no y_score in 1 of its rows, first in row 1"),
        (b"y_true,y_score\n1,nan\n0,0.5\n", "no y_score in 1 of its rows, first in row 1"),
        (b"y_true,y_score\n1,inf\n0,0.5\n", "probability from 0 to 1"),
        (b"y_true,y_score\n0,0.5\n1,87.5\n", "y_score of 87.5 in row 2, and 1 such rows in all"),
        (b"y_true,y_score\n1,-0.1\n", "1 / (1 + exp(-logit))"),
        (
            b"y_true,y_score\nfake,0.9\nreal,0.1\n",
            "holds text such as \u201cfake\u201d. Write 1 for AI-generated and 0 for real",
        ),
        (b"y_true,y_score\n1,high\n", "holds text such as \u201chigh\u201d"),
        (b"y_true,y_score\n2,0.5\n", "y_true of 2 in row 1"),
        (b"y_true,y_score\n1,0.5,7\n", "neither Parquet nor CSV"),
        (b"\xff\xfe\x00y", "neither Parquet nor CSV"),
        (b"PAR1 and then nothing", "damaged"),
        (b",".join(b"c%d" % number for number in range(200)), "more than 100 columns"),
    ],
    ids=lambda value: value[:30].decode("latin1") if isinstance(value, bytes) else "",
)
def test_hostile_files_get_a_sentence(content, words):
    assert words in problem(content) and "\n" not in problem(content)


def test_parquet_with_a_nested_score_gets_a_sentence():
    assert "y_score" in problem(parquet(pa.table({"y_true": [1], "y_score": [[0.5]]})))


def test_parquet_cut_short_gets_a_sentence():
    content = parquet(read_table(GOOD, "mine.csv"))
    assert "damaged" in problem(content[: len(content) // 2])


@pytest.mark.parametrize("write", [lambda rows: rows.to_csv(index=False).encode(), parquet])
def test_too_many_rows_get_a_sentence(write, monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROWS", 10)
    assert "at most 10 are read" in problem(write(pd.DataFrame({"y_true": np.ones(11, int), "y_score": 0.5})))


def test_parquet_that_unpacks_to_too_much_gets_a_sentence(monkeypatch):
    monkeypatch.setattr(tables, "MAX_UNPACKED_BYTES", 10)
    assert "too large once unpacked" in problem(parquet(read_table(GOOD, "mine.csv")))


@pytest.mark.parametrize("logits", [["a", "b"], [1.0, None], [1.0, float("inf")]])
def test_logits_that_are_not_finite_numbers_are_left_out(logits):
    assert "logit" not in read_table(
        parquet(pd.DataFrame({"y_true": [0, 1], "y_score": 0.5, "logit": logits})), "mine.parquet"
    )


def test_rows_of_one_class_are_read():
    assert len(read_table(b"y_true,y_score\n1,0.5\n1,0.7\n", "mine.csv")) == 2
