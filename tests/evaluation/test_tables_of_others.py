"""Tables as the programs of the trade write them: each is read as it is meant, or refused in a sentence."""

import datetime
import io
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detector.evaluation.evaluation import Evaluation
from detector.evaluation.predictions import PredictionsError, read_predictions, write_predictions
from detector.evaluation.slices import Slicing
from detector.evaluation.tables import read_frame, read_table

TEXT = "y_true,y_score,Gr\u00f6\u00dfe\n1,0.9,gro\u00df\n0,0.25,klein\n"
READ = {"y_true": [1, 0], "y_score": [0.9, 0.25], "Gr\u00f6\u00dfe": ["gro\u00df", "klein"]}


def parquet(**columns) -> bytes:
    """A Parquet file of 40 rows, both classes in turn, and the Arrow columns given."""
    base = {"y_true": pa.array([0, 1] * 20), "y_score": pa.array(np.linspace(0, 1, 40))}
    buffer = io.BytesIO()
    pq.write_table(pa.table(base | columns), buffer)
    return buffer.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(PredictionsError) as caught:
        read_table(content, "mine.csv")
    sentence = str(caught.value)
    assert "\n" not in sentence and len(sentence) < 500 and sentence.encode("utf-8")
    return sentence


def looked_at(rows: pd.DataFrame) -> None:
    """Everything that the tabs of Evaluate ask of a table, the trees on facts of the file aside."""
    whole = Evaluation(rows)
    for column in whole.columns:
        Slicing.by(rows, column).table(0.5)
    assert whole.estimates(0.5) and whole.masks
    Evaluation.by_perturbation(rows)


# ---- encodings


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
)
def test_every_unicode_encoding_is_read(encoding):
    assert read_table(TEXT.encode(encoding), "mine.csv").to_dict("list") == READ


@pytest.mark.parametrize("mark", ["utf-16-be", "utf-32-be"])
def test_big_endian_text_with_its_mark_is_read(mark):
    assert read_table(("\ufeff" + TEXT).encode(mark), "mine.csv").to_dict("list") == READ


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("cp1252", "Gr\u00f6\u00dfe"),
        ("mac_roman", "Gr\u00f6\u00dfe"),
        ("gbk", "\u6765\u6e90"),
        ("big5", "\u4f86\u6e90"),
        ("shift_jis", "\u51fa\u5178"),
        ("euc_kr", "\ucd9c\ucc98"),
        ("cp1251", "\u0438\u0441\u0442\u043e\u0447\u043d\u0438\u043a"),
    ],
)
@pytest.mark.parametrize("where", ["header", "cell"])
def test_an_encoding_that_can_only_be_guessed_is_refused_with_its_line(encoding, word, where):
    header, cell = (word, "x") if where == "header" else ("x", word)
    sentence = refusal(f"y_true,y_score,{header}\n1,0.9,{cell}\n".encode(encoding))
    assert f"line {1 if where == 'header' else 2} is not in UTF-8" in sentence and "CSV UTF-8" in sentence


def test_utf16_cut_in_the_middle_of_a_character_is_refused():
    assert "does not go on so" in refusal(TEXT.encode("utf-16")[:-1])


@pytest.mark.parametrize(
    "start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"ARROW1\0\0", b"\x1f\x8b\x08", b"SQLite format 3\0"]
)
def test_other_formats_are_named(start):
    assert "Save the table as" in refusal(start + bytes(100))


# ---- delimiters, decimal marks, line ends


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_line_end_is_read(delimiter, end):
    content = TEXT.replace(",", delimiter).replace("\n", end).encode()
    assert read_table(content, "mine.csv").to_dict("list") == READ


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_decimal_comma_is_read(delimiter):
    content = "y_true;y_score;loss\n1;0,9;1,5\n0;1;\n0;0,25;-2,5e3\n".replace(";", delimiter).encode()
    rows = read_table(content, "mine.csv")
    assert rows["y_score"].tolist() == [0.9, 1, 0.25]
    assert rows["loss"].tolist()[::2] == [1.5, -2500] and np.isnan(rows["loss"][1])


def test_what_may_be_thousands_stays_text():
    rows = read_table(b"y_true;y_score;width\n1;0.9;1,920\n0;0.2;2,048\n", "mine.csv")
    assert rows["width"].tolist() == ["1,920", "2,048"]


def test_excels_line_about_the_delimiter_is_passed_over():
    assert read_table(b"sep=;\r\ny_true;y_score\r\n1;0,9\r\n", "mine.csv")["y_score"].tolist() == [0.9]


def test_a_delimiter_inside_quotes_parts_nothing():
    rows = read_table(b'y_true,y_score,"a;b;c;d"\n1,0.9,x\n', "mine.csv")
    assert list(rows) == ["y_true", "y_score", "a;b;c;d"]


def test_quoted_numbers_and_truth_values_are_read():
    rows = read_table(b'"y_true","y_score"\n"TRUE","0.9"\n"FALSE","0.2"\n', "mine.csv")
    assert rows.to_dict("list") == {"y_true": [1, 0], "y_score": [0.9, 0.2]}


# ---- headers


def test_columns_without_a_name_are_left_out():
    content = b",,y_true,y_score\na,0,0,0.1\na,1,1,0.9\n"
    assert list(read_table(content, "mine.csv")) == ["y_true", "y_score"]


@pytest.mark.parametrize("index", [pd.Index([5, 6]), pd.MultiIndex.from_tuples([("a", 0), ("b", 1)])])
@pytest.mark.parametrize("write", ["to_csv", "to_parquet"])
def test_a_row_index_of_pandas_is_left_out(index, write):
    buffer = io.BytesIO()
    getattr(pd.DataFrame({"y_true": [1, 0], "y_score": [0.9, 0.1]}, index), write)(buffer)
    rows = read_table(buffer.getvalue(), "mine")
    assert list(rows) == ["y_true", "y_score"]
    looked_at(rows)


@pytest.mark.parametrize("header", ["Y_TRUE,Y_SCORE", " y_true , y_score ", '"Y_True","Y_Score"'])
def test_names_that_mean_something_may_be_in_capitals(header):
    assert list(read_table(f"{header}\n1,0.5\n".encode(), "mine.csv")) == ["y_true", "y_score"]


@pytest.mark.parametrize(
    "header", ["y_true,Y_True,y_score", "y_true,y_score,Width,width", "y_true,y_score,a,a"]
)
def test_names_that_are_there_twice_are_refused(header):
    assert "more than once" in refusal(f"{header}\n{','.join('1' * (header.count(',') + 1))}\n".encode())


def test_other_names_that_differ_in_case_are_two_columns():
    assert list(read_table(b"y_true,y_score,a,A\n1,1,2,3\n", "mine.csv")) == ["y_true", "y_score", "a", "A"]


def test_a_name_of_a_megabyte_is_refused_in_a_short_sentence():
    assert "too long" in refusal(b"y_true,y_score," + b"x" * 2**20 + b"\n1,1,1\n")


def test_a_parquet_name_that_is_no_utf8_is_refused():
    content = parquet(columnxx=pa.array(["a"] * 40)).replace(b"columnxx", b"column\xff\xff")
    try:
        sentence = refusal(content)
    except pytest.fail.Exception:
        pytest.skip("this Arrow repairs such names")
    assert "UTF-8" in sentence or "damaged" in sentence


def test_parquet_text_that_is_no_utf8_is_refused():
    bad = pa.Array.from_buffers(
        pa.string(), 40, pa.array(["ab"] * 40).buffers()[:2] + [pa.py_buffer(b"\xff" * 80)]
    )
    assert "cannot be read" in refusal(parquet(source=bad))


# ---- types of columns


@pytest.mark.parametrize(
    "truth",
    [
        pa.array([False, True] * 20),
        pa.array([Decimal(0), Decimal(1)] * 20, pa.decimal128(38, 9)),
        pa.array([0, 1] * 20, pa.uint8()),
        pa.array([0, 1] * 20, pa.float16()),
        pa.array(["0", "1"] * 20),
        pa.array(["false", "true"] * 20, pa.large_string()),
        pa.array([0, 1] * 20).dictionary_encode(),
        pa.array(["0", "1"] * 20).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_truth_of_every_type_is_read(truth):
    assert read_table(parquet(y_true=truth), "mine")["y_true"].tolist() == [0, 1] * 20


@pytest.mark.parametrize(
    "score",
    [
        pa.array([Decimal("0.25")] * 40, pa.decimal128(38, 9)),
        pa.array([Decimal("0.25")] * 40, pa.decimal256(76, 20)),
        pa.array([0.25] * 40, pa.float16()),
        pa.array([0.25] * 40, pa.float32()),
        pa.array(["0.25"] * 40, pa.large_string()),
        pa.array([0.25] * 40).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_scores_of_every_type_are_read(score):
    assert read_table(parquet(y_score=score), "mine")["y_score"].tolist() == [0.25] * 40


STRANGE = {
    "decimal": pa.array([Decimal(number) for number in range(40)], pa.decimal128(38, 9)),
    "half": pa.array(range(40), pa.float16()),
    "unsigned": pa.array(range(40), pa.uint64()),
    "large_text": pa.array(["a", "b"] * 20, pa.large_string()),
    "category": pa.array(["a", "b", None, "a"] * 10).dictionary_encode(),
    "numbers in a category": pa.array([1, 2] * 20).dictionary_encode(),
    "time": pa.array(
        [datetime.datetime(2024, 1, day % 9 + 1) for day in range(40)], pa.timestamp("us", "UTC")
    ),
    "nowhere": pa.array(range(40), pa.timestamp("us", "Nowhere/Land")),
    "far away": pa.array([2**53] * 20 + [0] * 20, pa.timestamp("ms")),
    "day": pa.array([datetime.date(2024, 1, day % 9 + 1) for day in range(40)]),
    "clock": pa.array([datetime.time(hour % 9) for hour in range(40)]),
    "span": pa.array([datetime.timedelta(hour) for hour in range(40)]),
    "truth": pa.array([True, None, False, True] * 10),
    "gaps": pa.array([1, None] * 20),
    "unknown": pa.nulls(40),
    "no number": pa.array([None] * 40, pa.float64()),
    "not a number": pa.array([float("nan")] * 40),
    "endless": pa.array([float("inf"), 1.0] * 20),
    "list": pa.array([[1, 2]] * 40),
    "fixed list": pa.array([[1, 2]] * 40, pa.list_(pa.int64(), 2)),
    "struct": pa.array([{"a": 1, "b": [{"c": 2}]}] * 40),
    "map": pa.array([[("a", 1)]] * 40, pa.map_(pa.string(), pa.int64())),
    "bytes": pa.array([b"\xff"] * 40),
    "large bytes": pa.array([b"\xff"] * 40, pa.large_binary()),
    "fixed bytes": pa.array([b"\xff" * 16] * 40, pa.binary(16)),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"\xff" * 16] * 40, pa.binary(16))),
    "bytes in a category": pa.array([b"\xff"] * 40).dictionary_encode(),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_column_of_any_type_breaks_nothing_under_any_name(kind):
    names = (
        "source",
        "width",
        "jpeg_quality",
        "original_bytes",
        "format",
        "split",
        "delivery",
        "id",
        "logit",
    )
    looked_at(read_table(parquet(**dict.fromkeys(names, STRANGE[kind]), height=pa.array([600] * 40)), "mine"))


def test_facts_of_the_file_of_odd_types_break_nothing():
    kinds = {
        "width": "gaps",
        "height": "half",
        "jpeg_quality": "not a number",
        "format": "category",
        "bytes": "endless",
        "original_bytes": "decimal",
        "original_format": "truth",
    }
    rows = read_table(parquet(**{name: STRANGE[kind] for name, kind in kinds.items()}), "mine")
    found = Evaluation(rows).shortcut
    assert found.rows == 40 and set(found.columns) == set(kinds) - {"jpeg_quality"}


def test_all_of_them_together_break_nothing():
    rows = read_table(parquet(**STRANGE), "mine")
    assert not {"list", "struct", "map", "bytes", "uuid", "unknown", "no number"} & set(rows)
    assert {"decimal", "half", "category", "time", "day", "truth", "gaps"} <= set(rows)
    looked_at(rows)


def test_ids_are_text_and_keep_their_zeros():
    assert read_table(b"id,y_true,y_score\n007,1,0.9\n7,0,0.1\n", "mine.csv")["id"].tolist() == ["007", "7"]
    assert read_table(parquet(id=pa.array(range(40))), "mine")["id"].tolist()[:2] == ["0", "1"]


@pytest.mark.parametrize("columns", ["jpeg_quality", "width,height,jpeg_quality", "source,split,width"])
@pytest.mark.parametrize("cell", ["", "800", " "])
def test_columns_with_one_value_or_none_break_nothing(columns, cell):
    width = columns.count(",") + 1
    lines = [f"y_true,y_score,{columns}"]
    lines += [",".join([str(number % 2), str(number / 40), *[cell] * width]) for number in range(40)]
    rows = read_table("\n".join(lines).encode(), "mine.csv")
    looked_at(rows)
    assert Evaluation(rows).shortcut is None or cell == "800"


def test_a_column_filled_in_once_breaks_nothing():
    lines = ["y_true,y_score,width"] + [
        f"{number % 2},{number / 40},{100 if number == 3 else ''}" for number in range(40)
    ]
    looked_at(read_table("\n".join(lines).encode(), "mine.csv"))


def test_a_frame_of_any_names_is_read():
    frame = read_frame("\u6807\u7b7e;\u5206\u6570\n\u771f;0,9\n\u5047;0,1\n".encode("utf-16"), "\u8868.csv")
    assert frame.to_dict("list") == {"\u6807\u7b7e": ["\u771f", "\u5047"], "\u5206\u6570": [0.9, 0.1]}


# ---- the predictions of a bundle


def test_predictions_in_a_folder_that_is_no_utf8_are_written_and_read(tmp_path, tiny_bundle):
    import os

    folder = tmp_path / os.fsdecode(b"runs-\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    predictions = read_predictions(tiny_bundle / "test_predictions.parquet")
    write_predictions(predictions, folder / "p.parquet")
    again = read_predictions(folder / "p.parquet")
    pd.testing.assert_frame_equal(again.rows, predictions.rows)
    (folder / os.fsdecode(b"\xe9.parquet")).write_bytes(b"no")
    with pytest.raises(PredictionsError) as caught:
        read_predictions(folder / os.fsdecode(b"\xe9.parquet"))
    assert "\\xe9.parquet" in str(caught.value) and str(caught.value).encode("utf-8")


def test_predictions_of_a_bundle_with_columns_of_any_type_break_nothing(tmp_path):
    (tmp_path / "p.parquet").write_bytes(
        parquet(id=pa.array(range(40)), **{"logit": pa.array(range(40)), **STRANGE})
    )
    looked_at(read_predictions(tmp_path / "p.parquet").rows)
