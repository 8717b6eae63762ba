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

from detector.atomic_files import replacing
from detector.evaluation.column_types import plain_columns
from detector.printable import printable

WEIGHTS_KEY = b"telltale.weights_sha256"
REQUIRED = ("id", "y_true", "logit", "y_score")
MAX_ROWS = 5_000_000
"""A few bytes of Parquet can claim billions of rows; no test split is that large."""


class PredictionsError(ValueError):
    """The predictions file cannot be used; the message is a sentence for the user."""


@dataclass(frozen=True)
class Predictions:
    """rows: at least id (str), y_true (0/1), logit (float), y_score (calibrated P(AI-generated) in [0,
    1]); bundles add split, source, generator, kind, paired, width, height. weights_sha256: of the weights
    that made them, or "" if the file does not say."""

    rows: pd.DataFrame
    weights_sha256: str


def write_predictions(predictions: Predictions, path: str | os.PathLike) -> None:
    """Write Parquet through a temporary file, so that a half-written table never carries the final name."""
    table = pa.Table.from_pandas(predictions.rows, preserve_index=False)
    metadata = dict(table.schema.metadata or {})
    metadata[WEIGHTS_KEY] = predictions.weights_sha256.encode()
    table = table.replace_schema_metadata(metadata)
    # Opened here, because Arrow takes no path that is no UTF-8.
    with replacing(Path(path)) as temporary, open(temporary, "wb") as file:
        pq.write_table(table, file, compression="zstd")


def read_predictions(path: str | os.PathLike) -> Predictions:
    """Read what :func:`write_predictions` wrote; raises PredictionsError if it is not such a file or its
    values are out of range."""
    name = printable(Path(path).name)
    try:
        with open(path, "rb") as content, pq.ParquetFile(content) as file:
            if file.metadata.num_rows > MAX_ROWS:
                raise PredictionsError(
                    f"The predictions file {name} claims {file.metadata.num_rows} rows; at most {MAX_ROWS}"
                    " are read."
                )
            table = file.read()
        # What the file tells pandas to do is not needed.
        rows = plain_columns(table.replace_schema_metadata()).to_pandas()
    except PredictionsError:
        raise
    except Exception as error:  # a damaged file makes Arrow and pandas raise nearly anything
        problem = printable(str(error))[:300]
        raise PredictionsError(f"The predictions file {name} cannot be read as Parquet: {problem}") from error
    columns = list(table.column_names)
    if missing := [column for column in REQUIRED if columns.count(column) != 1]:
        raise PredictionsError(
            f"The predictions file {name} does not have exactly one column {', '.join(missing)}."
        )
    if "id" not in rows:
        raise PredictionsError(f"The predictions file {name} has an id that is no text or number.")
    if not all(column in rows and _is_finite(rows[column]) for column in REQUIRED[1:]):
        raise PredictionsError(
            f"The predictions file {name} needs finite numbers as {', '.join(REQUIRED[1:])}."
        )
    is_label = rows["y_true"].isin((0, 1))
    is_probability = rows["y_score"].between(0, 1)
    if not is_label.all() or not is_probability.all():
        raise PredictionsError(
            f"The predictions file {name} needs y_true of 0 or 1 and y_score between 0 and 1."
        )
    metadata = table.schema.metadata or {}
    weights_sha256 = metadata.get(WEIGHTS_KEY, b"").decode("ascii", "replace")
    return Predictions(rows, weights_sha256)


def _is_finite(values: pd.Series) -> bool:
    """Whether all are finite numbers."""
    if not is_numeric_dtype(values):
        return False
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    return bool(np.isfinite(numbers).all())
