"""Predictions from anybody: CSV or Parquet with y_true and y_score. The files are untrusted; what is wrong
with one is said in a sentence."""

from __future__ import annotations

import io
from pathlib import PurePath

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from detector.evaluation.column_types import plain_columns
from detector.evaluation.delimited_text import TextError, as_utf8, delimiter_of, read_text
from detector.evaluation.predictions import MAX_ROWS, PredictionsError
from detector.printable import first_line, printable

REQUIRED = ("y_true", "y_score")
KNOWN = (
    *REQUIRED,
    "id",
    "logit",
    "split",
    "source",
    "generator",
    "kind",
    "paired",
    "width",
    "height",
    "delivery",
)
"""Columns that mean something to an evaluation; some databases write all names in capitals."""
MAX_COLUMNS = 100
MAX_NAME = 200
MAX_UNPACKED_BYTES = 2 * 2**30
PARQUET_START = b"PAR1"
OTHER_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or another zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"ARROW1": "an Arrow file",
    b"\x1f\x8b": "packed with gzip",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
}


def read_table(content: bytes, name: str) -> pd.DataFrame:
    """The rows of a CSV or Parquet file, with y_true int8 of 0/1 and y_score float64 in [0, 1]. Raises
    PredictionsError.

    content: the file. name: what the user calls it, for messages. Columns are as in `read_frame`; logits
    that are not all finite are left out too.
    """
    shown = _shown(name)
    table = _plain(_checked(_arrow(content, shown), shown, REQUIRED), shown)
    rows = table.to_pandas()
    if missing := [column for column in REQUIRED if column not in rows]:
        raise PredictionsError(f"The column {missing[0]} of {shown} must hold numbers.")
    if "logit" in rows and not _all_finite(rows["logit"]):
        rows = rows.drop(columns="logit")
    return rows.assign(y_true=_labels(rows["y_true"], shown), y_score=_scores(rows["y_score"], shown))


def read_frame(content: bytes, name: str) -> pd.DataFrame:
    """The rows of a CSV or Parquet file whatever its columns are called; see `column_mapping` for what they
    mean. Raises PredictionsError.

    Columns hold whole numbers, floats, truth values or text, each at least one; others are left out, and
    those without a name. Names are unique; ``id`` is text.
    """
    shown = _shown(name)
    return _plain(_checked(_arrow(content, shown), shown, ()), shown).to_pandas()


def _shown(name: str) -> str:
    return printable(PurePath(name).name)[:80]


def _arrow(content: bytes, name: str) -> pa.Table:
    if content.startswith(PARQUET_START):
        return _parquet(content, name)
    for start, kind in OTHER_FORMATS.items():
        if content.startswith(start):
            raise PredictionsError(
                f"{name} is {kind}, neither Parquet nor CSV. Save the table as “CSV UTF-8” or as Parquet."
            )
    return _csv(content, name)


def _checked(table: pa.Table, name: str, required: tuple[str, ...]) -> pa.Table:
    """The table with the columns that mean something in lower case, each name once and with rows."""
    try:
        names = [column.strip() for column in table.column_names]
    except UnicodeDecodeError as error:
        raise PredictionsError(
            f"{name} has a column whose name is not in UTF-8; save it again as “CSV UTF-8”."
        ) from error
    lower = [column.lower() for column in names]
    for number, column in enumerate(lower):
        if column in KNOWN and column not in names and lower.count(column) == 1:
            names[number] = column
    _check_columns(names, name, required)
    if not table.num_rows:
        raise PredictionsError(
            f"{name} has columns but no rows; export it again with at least one row per picture."
        )
    return table.rename_columns(names)


def _plain(table: pa.Table, name: str) -> pa.Table:
    try:
        plain = plain_columns(table.replace_schema_metadata())
        return plain.select([column for column in plain.column_names if not _blank(plain[column])])
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise PredictionsError(f"{name} cannot be read: {first_line(error)}.") from error


def _blank(column: pa.ChunkedArray) -> bool:
    """Whether it is text of nothing but spaces."""
    if not pa.types.is_string(column.type):
        return False
    longest = pc.max(pc.utf8_length(pc.utf8_trim_whitespace(column))).as_py()
    return not longest


def _all_finite(values: pd.Series) -> bool:
    if not is_numeric_dtype(values):
        return False
    return bool(np.isfinite(values.to_numpy(np.float64, na_value=np.nan)).all())


def _parquet(content: bytes, name: str) -> pa.Table:
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        metadata = file.metadata
        claimed = metadata.num_rows
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        unpacked = sum(group.total_byte_size for group in groups)
    except Exception as error:  # a damaged file makes Arrow raise nearly anything
        raise PredictionsError(
            f"{name} is damaged and cannot be read as Parquet: {first_line(error)}."
        ) from error
    _check_rows(claimed, name)
    if unpacked > MAX_UNPACKED_BYTES or metadata.num_columns > MAX_COLUMNS:
        raise PredictionsError(
            f"{name} is too large once unpacked; keep y_true, y_score and the few columns you want to"
            " slice by."
        )
    try:
        return file.read()
    except Exception as error:
        raise PredictionsError(
            f"{name} is damaged and cannot be read as Parquet: {first_line(error)}."
        ) from error


def _csv(content: bytes, name: str) -> pa.Table:
    if not content.strip():
        raise PredictionsError(f"{name} is empty.")
    try:
        text = as_utf8(content)
    except TextError as error:
        raise PredictionsError(f"{name} is neither Parquet nor CSV in UTF-8: {error}.") from error
    delimiter, text = delimiter_of(text)
    _check_rows(max(text.count(b"\n"), text.count(b"\r")) - 1, name)
    header = text.split(b"\n", 1)[0]
    if header.count(delimiter.encode()) >= MAX_COLUMNS:
        raise PredictionsError(
            f"{name} has more than {MAX_COLUMNS} columns; keep y_true, y_score and those you want to"
            " slice by."
        )
    if header == text and delimiter.encode() not in text:
        raise PredictionsError(
            f"{name} is neither Parquet nor CSV with a line of column names: it is one line without columns."
        )
    try:
        return read_text(text, delimiter)
    except (pa.ArrowException, ValueError) as error:
        raise PredictionsError(
            f"{name} is neither Parquet nor CSV in UTF-8 with a line of column names: {first_line(error)}."
        ) from error


def _check_rows(count: int, name: str) -> None:
    if count > MAX_ROWS:
        raise PredictionsError(f"{name} has {count:,} rows; at most {MAX_ROWS:,} are read. Draw a sample.")


def _check_columns(columns: list[str], name: str, required: tuple[str, ...]) -> None:
    if missing := [column for column in required if column not in columns]:
        found = ", ".join(printable(column)[:40] for column in columns[:8]) or "none"
        raise PredictionsError(
            f"{name} has no column {' and no column '.join(missing)}. It needs y_true (1 = AI-generated, 0 ="
            " real) and y_score (probability of AI-generated, from 0 to 1). Its columns:"
            f" {found}{', …' if len(columns) > 8 else ''}."
        )
    named = [column for column in columns if column]
    lower = [column.lower() for column in named]
    for column in named:
        shown = printable(column)[:40]
        if len(column) > MAX_NAME:
            raise PredictionsError(f"{name} has a column whose name is too long to be shown: {shown}…")
        if named.count(column) > 1:
            raise PredictionsError(f"{name} has the column {shown} more than once; rename or remove one.")
        if column.lower() in KNOWN and lower.count(column.lower()) > 1:
            raise PredictionsError(
                f"{name} has the column {column.lower()} more than once, in upper and lower case; rename or"
                " remove one."
            )


def _labels(values: pd.Series, name: str) -> np.ndarray:
    numbers = _numbers(values, "y_true", name, "Write 1 for AI-generated and 0 for real")
    _refuse(~np.isin(numbers, (0, 1)), values, "y_true", name, "it must be 1 for AI-generated or 0 for real")
    return numbers.astype(np.int8)


def _scores(values: pd.Series, name: str) -> np.ndarray:
    numbers = _numbers(
        values, "y_score", name, "Write the probability of AI-generated as a number from 0 to 1"
    )
    remedy = (
        "it must be a probability from 0 to 1. A percentage needs dividing by 100, a logit needs 1 / (1 +"
        " exp(-logit))"
    )
    _refuse(~((numbers >= 0) & (numbers <= 1)), values, "y_score", name, remedy)
    return numbers


def _numbers(values: pd.Series, column: str, name: str, remedy: str) -> np.ndarray:
    empty = values.isna().to_numpy()
    if empty.any():
        first = int(np.argmax(empty)) + 1
        raise PredictionsError(
            f"{name} has no {column} in {int(empty.sum()):,} of its rows, first in row {first:,}. Fill them"
            " in or leave these rows out."
        )
    if is_bool_dtype(values) or is_numeric_dtype(values):
        return values.to_numpy(dtype=np.float64)
    # Some databases and scripts write every value as text.
    text = values.astype(str).str.strip()
    words = text.str.lower().map({"true": 1.0, "false": 0.0})
    numbers = pd.to_numeric(text, errors="coerce").fillna(words)
    wrong = numbers.isna().to_numpy()
    if wrong.any():
        shown = printable(str(values.iloc[int(np.argmax(wrong))]))[:40]
        raise PredictionsError(f"The column {column} of {name} holds text such as “{shown}”. {remedy}.")
    return numbers.to_numpy(dtype=np.float64)


def _refuse(wrong: np.ndarray, values: pd.Series, column: str, name: str, remedy: str) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        value = printable(str(values.iloc[first]))[:40]
        raise PredictionsError(
            f"{name} has a {column} of {value} in row {first + 1:,}, and {int(wrong.sum()):,} such rows in"
            f" all; {remedy}."
        )
