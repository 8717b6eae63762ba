"""The same rows cut by a column, each part with curves of its own, so that a threshold moves all of them
at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from detector.evaluation.curves import Curves
from detector.evaluation.formulas import OfMatrix, Predicted, Rows
from detector.evaluation.intervals import Estimate
from detector.evaluation.metrics import Metric, Place, shown_in

NOT_SLICES = {"id", "y_true", "y_score", "logit", "width", "height"}
MAX_SLICES = 60
MAX_DISTINCT_NUMBERS = 12
"""Numbers with more values than these are cut into quarters."""
OTHERS, NOTHING = "(all others)", "(none)"
SIZE = "size"

Row = dict[str, float | int | None]
"""A row of a table: what ``summary`` gives."""


@dataclass(frozen=True, eq=False)
class Slicing:
    """names: of the slices. codes: int (n,), the slice of each row."""

    names: list[str]
    codes: np.ndarray
    y_true: np.ndarray
    y_score: np.ndarray

    @classmethod
    def by(cls, rows: pd.DataFrame, column: str, most: int | None = MAX_SLICES) -> Slicing:
        """By the values of a column, or by ``SIZE``. Numbers with many values are cut into quarters, the
        rarest texts become one slice.

        most: slices there may be, None for any number.
        """
        names, codes = _coded(_values(rows, column), most)
        return cls(names, codes, rows["y_true"].to_numpy(), rows["y_score"].to_numpy())

    @cached_property
    def parts(self) -> dict[str, Rows]:
        """Slice -> its rows."""
        order = np.argsort(self.codes, kind="stable")
        numbers = np.arange(len(self.names) + 1)
        edges = np.searchsorted(self.codes[order], numbers)
        parts = {}
        for number, name in enumerate(self.names):
            inside = order[edges[number] : edges[number + 1]]
            parts[name] = Rows(self.y_true[inside], self.y_score[inside])
        return parts

    @property
    def curves(self) -> dict[str, Curves]:
        """Slice -> its curves."""
        return {name: part.curves for name, part in self.parts.items()}

    def rows(self, name: str) -> np.ndarray:
        """bool (n,): which rows are in the slice; none if there is no such slice."""
        code = self.names.index(name) if name in self.names else -1
        return self.codes == code

    def table(self, threshold: float) -> pd.DataFrame:
        """One row per slice, worst first: by the upper end of the accuracy's interval, so that a few
        unlucky rows do not lead the list."""
        return worst_first(table(self.parts, threshold))


def table(parts: dict[str, Rows], threshold: float) -> pd.DataFrame:
    """A row for each of some parts of the rows: its name as ``slice``, and its ``summary``."""
    records = [{"slice": name, **summary(part, threshold)} for name, part in parts.items()]
    return pd.DataFrame(records)


def worst_first(table: pd.DataFrame) -> pd.DataFrame:
    """Sorted by the upper end of the accuracy's interval."""
    return table.sort_values("accuracy_high", kind="stable", ignore_index=True)


def summary(rows: Predicted, threshold: float) -> Row:
    """A slice's row in a table: counts, the metrics of ``Place.SLICES``, of proportions with the ends of
    their intervals. NaN and None where its rows do not define a figure."""
    curves = rows.curves
    row: Row = {"n": curves.n, "n_ai": curves.n_ai, "n_real": curves.n_real}
    for metric in shown_in(Place.SLICES) + shown_in(Place.SLICES_FILE):
        if has_interval(metric):
            row |= spread(metric.name, metric.estimate(rows, threshold))
        else:
            row[metric.name] = metric.value(rows, threshold)
    return row


def has_interval(metric: Metric) -> bool:
    """Whether slices come with the metric's interval: where it is a proportion, which takes no draws."""
    return isinstance(metric.formula, OfMatrix) and metric.formula.is_proportion


def spread(name: str, estimate: Estimate | None) -> dict[str, float | int | None]:
    """An estimate as three columns of a table, NaN where there is none."""
    estimate = estimate or Estimate(float("nan"))
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def columns(rows: pd.DataFrame) -> list[str]:
    """What rows can be sliced by: every column with at least two values that says more than which row it
    is."""
    candidates = [*rows.columns, *([SIZE] if _sized(rows) else [])]
    found = []
    for column in dict.fromkeys(candidates):
        if column not in NOT_SLICES and _says_more_than_which_row(_values(rows, column)):
            found.append(column)
    return found


def _says_more_than_which_row(values: pd.Series) -> bool:
    distinct = values.nunique(dropna=False)
    if distinct < 2:
        return False
    return is_numeric_dtype(values) or distinct <= max(MAX_SLICES, len(values) // 4)


def _values(rows: pd.DataFrame, column: str) -> pd.Series:
    if column == SIZE and _sized(rows):
        short_side = np.minimum(rows["width"], rows["height"])
        return pd.Series(short_side, name="short side")
    return rows[column]


def _sized(rows: pd.DataFrame) -> bool:
    return all(side in rows and is_numeric_dtype(rows[side]) for side in ("width", "height"))


def _coded(values: pd.Series, most: int | None) -> tuple[list[str], np.ndarray]:
    is_number = is_numeric_dtype(values) and not is_bool_dtype(values)
    if is_number and values.nunique() > MAX_DISTINCT_NUMBERS:
        values = _quarters(values)
    codes, uniques = pd.factorize(values, use_na_sentinel=False, sort=False)
    names = [_name(value) for value in uniques.tolist()]
    if most is not None and len(names) > most:
        names, codes = _rarest_together(names, codes, most)
    # Two values may read the same, such as 1 and "1": then they are one slice.
    merged = {name: number for number, name in enumerate(dict.fromkeys(names))}
    code_of = np.array([merged[name] for name in names], dtype=np.int64)
    return list(merged), code_of[codes]


def _name(value: object) -> str:
    is_missing = value is None or value != value
    return NOTHING if is_missing or value == "" else str(value)


def _rarest_together(names: list[str], codes: np.ndarray, most: int) -> tuple[list[str], np.ndarray]:
    """The most frequent names, and all others as one, ``most`` in all."""
    by_frequency = np.argsort(-np.bincount(codes), kind="stable")
    kept = by_frequency[: most - 1]
    place = np.full(len(names), most - 1)
    place[kept] = np.arange(len(kept))
    return [*(names[number] for number in kept), OTHERS], place[codes]


def _quarters(values: pd.Series) -> pd.Series:
    """ "256 to 300" and so on: four slices of about equal size, fewer where many values are the same."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    is_finite = np.isfinite(numbers)
    edges = np.unique(np.quantile(numbers[is_finite], (0.25, 0.5, 0.75)))
    part = np.searchsorted(edges, numbers)
    text = np.full(len(numbers), "", dtype=object)
    for number in range(len(edges) + 1):
        inside = (part == number) & is_finite
        if inside.any():
            low, high = numbers[inside].min(), numbers[inside].max()
            text[inside] = f"{low:g} to {high:g}"
    return pd.Series(text)
