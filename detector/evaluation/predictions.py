"""The cached predictions table of a bundle: one row per image, and the hash of the weights that made it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_numeric_dtype

WEIGHTS_KEY = b"telltale.weights_sha256"
REQUIRED = ("id", "y_true", "logit", "y_score")
MAX_ROWS = 5_000_000
"""A few bytes of Parquet can claim billions of rows; no test split is that large."""


class PredictionsError(ValueError):
    """The predictions file cannot be used; the message is a sentence for the user."""


@dataclass(frozen=True)
class Predictions:
    """rows: at least id (str), y_true (0/1), logit (float), y_score (calibrated P(AI-generated) in [0, 1]); bundles add split,
    source, generator, kind, paired, width, height. weights_sha256: of the weights that made them, or "" if the file does not say."""

    rows: pd.DataFrame
    weights_sha256: str


def write_predictions(predictions: Predictions, path: str | os.PathLike) -> None:
    """Write Parquet through a temporary file, so that a half-written table never carries the final name."""
    table = pa.Table.from_pandas(predictions.rows, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), WEIGHTS_KEY: predictions.weights_sha256.encode()})
    temporary = Path(f"{path}.partial")
    pq.write_table(table, temporary, compression="zstd")
    os.replace(temporary, path)


def read_predictions(path: str | os.PathLike) -> Predictions:
    """Read what :func:`write_predictions` wrote; raises PredictionsError if it is not such a file or its values are out of range."""
    name = Path(path).name
    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows > MAX_ROWS:
                raise PredictionsError(f"The predictions file {name} claims {file.metadata.num_rows} rows; at most {MAX_ROWS} are read.")
            table = file.read()
        rows = table.replace_schema_metadata().to_pandas()  # what the file tells pandas to do is not needed
    except PredictionsError:
        raise
    except Exception as error:  # a damaged file makes Arrow and pandas raise nearly anything
        raise PredictionsError(f"The predictions file {name} cannot be read as Parquet: {error}") from error
    columns = list(rows.columns)
    if missing := [column for column in REQUIRED if columns.count(column) != 1]:
        raise PredictionsError(f"The predictions file {name} does not have exactly one column {', '.join(missing)}.")
    if not all(is_numeric_dtype(rows[column]) and np.isfinite(rows[column].to_numpy(np.float64, na_value=np.nan)).all() for column in REQUIRED[1:]):
        raise PredictionsError(f"The predictions file {name} needs finite numbers as {', '.join(REQUIRED[1:])}.")
    if not rows["y_true"].isin((0, 1)).all() or not rows["y_score"].between(0, 1).all():
        raise PredictionsError(f"The predictions file {name} needs y_true of 0 or 1 and y_score between 0 and 1.")
    return Predictions(rows, (table.schema.metadata or {}).get(WEIGHTS_KEY, b"").decode("ascii", "replace"))
