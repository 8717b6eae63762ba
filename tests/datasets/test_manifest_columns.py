"""Columns of a table that are there twice, upper and lower case taken as the same."""

import pandas as pd
import pytest

from detector.datasets import load_dataset
from detector.datasets.manifests import write_manifest
from tests.datasets.making import error


def table(make, columns: str) -> None:
    """A labels.csv whose header is ``columns``; the first is the file, every other cell is the label."""
    files = make("", 20)
    width = columns.count(",")
    lines = [",".join([file, *[str(number % 2)] * width]) for number, file in enumerate(files)]
    make.csv("\n".join([columns, *lines]), "labels.csv")


@pytest.mark.parametrize(
    ("columns", "twice"),
    [
        ("file_name,Label,label", "label"),
        ("file_name,label,label", "label"),
        ("file_name,label, LABEL ", "label"),
        ("File,label,file", "file"),
        ("file_name,label,Source,source", "source"),
        ("file_name,label,Split,split", "split"),
        ("file_name,label,Group,group", "group"),
        ("file_name,label,original_width,Original_Width", "original_width"),
    ],
)
def test_a_column_that_is_there_twice_is_refused_and_named(make, columns, twice):
    table(make, columns)
    sentence = error(make.root)
    assert sentence.startswith(f"labels.csv has the column {twice} more than once (written ")


@pytest.mark.parametrize("columns", ["file_name,label,Note,note", "file_name,label,,", "file_name,label,x,x"])
def test_columns_that_mean_nothing_here_may_be_there_twice(make, columns):
    table(make, columns)
    assert len(load_dataset(make.root).rows) == 20


@pytest.mark.parametrize("columns", ["FILE_NAME,LABEL", " file_name , label ", '"File_Name","Label"'])
def test_column_names_may_be_in_any_case(make, columns):
    table(make, columns)
    assert len(load_dataset(make.root).rows) == 20


def test_columns_label_and_label_1_are_two_columns(make):
    table(make, "file_name,label,label.1")
    assert len(load_dataset(make.root).rows) == 20


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp1252", "gbk", "shift_jis"])
def test_a_table_in_another_encoding_is_refused_in_a_sentence(make, encoding):
    word = {"gbk": "\u6765\u6e90", "shift_jis": "\u51fa\u5178"}.get(encoding, "Gr\u00f6\u00dfe")
    (make.root / "manifest.csv").write_bytes(f"file,label,{word}\na.png,ai,x\n".encode(encoding))
    assert error(make.root) == "manifest.csv cannot be read as a CSV file with a header line, in UTF-8."


def test_a_manifest_that_is_written_is_read_as_the_rows_it_was_written_from(make):
    make.manifest(
        split=["train"] * 12 + ["val"] * 8,
        paired=[True, False] * 10,
        group=[f"group {number}" for number in range(20)],
        teacher_score=[0.5] * 19 + [""],
        original_width=range(20),
        original_format=["JPEG"] * 19 + [""],
    )
    rows = load_dataset(make.root).rows
    write_manifest(rows, make.root / "manifest.csv")
    pd.testing.assert_frame_equal(load_dataset(make.root).rows, rows)
