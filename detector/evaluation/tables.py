"""Predictions from anybody: CSV or Parquet with y_true and y_score. The files are untrusted; what is wrong with one is said in a sentence."""

from __future__ import annotations

import io
from pathlib import PurePath

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pandas.api.types import is_numeric_dtype

from detector.evaluation.predictions import MAX_ROWS, PredictionsError

REQUIRED = ("y_true", "y_score")
MAX_COLUMNS = 100
MAX_UNPACKED_BYTES = 2 * 2**30
PARQUET_START = b"PAR1"


def read_table(content: bytes, name: str) -> pd.DataFrame:
    """The rows of a CSV or Parquet file, with y_true int8 of 0/1 and y_score float64 in [0, 1]. Raises PredictionsError.

    content: the file. name: what the user calls it, for messages. Columns that are neither numbers nor text are left out, and
    logits that are not all finite.
    """
    name = PurePath(name).name[:80]
    table = _parquet(content, name) if content.startswith(PARQUET_START) else _csv(content, name)
    _check_columns(table.column_names, name)
    flat = [number for number, field in enumerate(table.schema) if not pa.types.is_nested(field.type) and not pa.types.is_binary(field.type)]
    try:
        rows = table.select(flat).replace_schema_metadata().to_pandas()
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise PredictionsError(f"{name} cannot be read: {_first_line(error)}") from error
    if missing := [column for column in REQUIRED if column not in rows]:
        raise PredictionsError(f"The column {missing[0]} of {name} must hold numbers.")
    if not len(rows):
        raise PredictionsError(f"{name} has columns but no rows; export it again with at least one row per picture.")
    if "logit" in rows and not (is_numeric_dtype(rows["logit"]) and np.isfinite(rows["logit"].to_numpy(np.float64, na_value=np.nan)).all()):
        rows = rows.drop(columns="logit")
    return rows.assign(y_true=_labels(rows["y_true"], name), y_score=_scores(rows["y_score"], name))


def _parquet(content: bytes, name: str) -> pa.Table:
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        metadata = file.metadata
        claimed, unpacked = metadata.num_rows, sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    except Exception as error:  # a damaged file makes Arrow raise nearly anything
        raise PredictionsError(f"{name} is damaged and cannot be read as Parquet: {_first_line(error)}") from error
    _check_rows(claimed, name)
    if unpacked > MAX_UNPACKED_BYTES or metadata.num_columns > MAX_COLUMNS:
        raise PredictionsError(f"{name} is too large once unpacked; keep y_true, y_score and the few columns you want to slice by.")
    try:
        return file.read()
    except Exception as error:
        raise PredictionsError(f"{name} is damaged and cannot be read as Parquet: {_first_line(error)}") from error


def _csv(content: bytes, name: str) -> pa.Table:
    if not content.strip():
        raise PredictionsError(f"{name} is empty.")
    _check_rows(content.count(b"\n") - 1, name)
    if content.split(b"\n", 1)[0].count(b",") >= MAX_COLUMNS:
        raise PredictionsError(f"{name} has more than {MAX_COLUMNS} columns; keep y_true, y_score and those you want to slice by.")
    try:
        return pyarrow.csv.read_csv(io.BytesIO(content), parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
    except (pa.ArrowException, ValueError) as error:
        raise PredictionsError(f"{name} is neither Parquet nor CSV in UTF-8 with a line of column names: {_first_line(error)}") from error


def _check_rows(count: int, name: str) -> None:
    if count > MAX_ROWS:
        raise PredictionsError(f"{name} has {count:,} rows; at most {MAX_ROWS:,} are read. Draw a sample.")


def _check_columns(columns: list[str], name: str) -> None:
    if missing := [column for column in REQUIRED if column not in columns]:
        found = ", ".join(map(str, columns[:8])) or "none"
        raise PredictionsError(
            f"{name} has no column {' and no column '.join(missing)}. It needs y_true (1 = AI-generated, 0 = real) and y_score "
            f"(probability of AI-generated, from 0 to 1). Its columns: {found}{', …' if len(columns) > 8 else ''}."
        )
    if twice := next((column for column in columns if columns.count(column) > 1), None):
        raise PredictionsError(f"{name} has the column {twice} more than once; rename or remove one.")


def _labels(values: pd.Series, name: str) -> np.ndarray:
    numbers = _numbers(values, "y_true", name, "Write 1 for AI-generated and 0 for real")
    _refuse(~np.isin(numbers, (0, 1)), values, "y_true", name, "it must be 1 for AI-generated or 0 for real")
    return numbers.astype(np.int8)


def _scores(values: pd.Series, name: str) -> np.ndarray:
    numbers = _numbers(values, "y_score", name, "Write the probability of AI-generated as a number from 0 to 1")
    remedy = "it must be a probability from 0 to 1. A percentage needs dividing by 100, a logit needs 1 / (1 + exp(-logit))"
    _refuse(~((numbers >= 0) & (numbers <= 1)), values, "y_score", name, remedy)
    return numbers


def _numbers(values: pd.Series, column: str, name: str, remedy: str) -> np.ndarray:
    if empty := int(values.isna().sum()):
        first = int(np.argmax(values.isna().to_numpy())) + 1
        raise PredictionsError(f"{name} has no {column} in {empty:,} of its rows, first in row {first:,}. Fill them in or leave these rows out.")
    if not is_numeric_dtype(values):
        raise PredictionsError(f"The column {column} of {name} holds text such as “{str(values.iloc[0])[:40]}”. {remedy}.")
    return values.to_numpy(dtype=np.float64)


def _refuse(wrong: np.ndarray, values: pd.Series, column: str, name: str, remedy: str) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        raise PredictionsError(
            f"{name} has a {column} of {str(values.iloc[first])[:40]} in row {first + 1:,}, and {int(wrong.sum()):,} such rows in all; {remedy}."
        )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
