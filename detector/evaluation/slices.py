"""The same rows cut by a column, each part with curves of its own, so that a threshold moves all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from detector.evaluation.curves import Curves
from detector.evaluation.intervals import Estimate, wilson

NOT_SLICES = {"id", "y_true", "y_score", "logit", "width", "height"}
MAX_SLICES = 60
OTHERS, NOTHING = "(all others)", "(none)"
SIZE = "size"
ALL_ROWS = "all rows"


@dataclass(frozen=True, eq=False)
class Slicing:
    """names: of the slices. codes: int (n,), the slice of each row."""

    names: list[str]
    codes: np.ndarray
    y_true: np.ndarray
    y_score: np.ndarray

    @classmethod
    def by(cls, rows: pd.DataFrame, column: str, most: int | None = MAX_SLICES) -> Slicing:
        """By the values of a column, or by ``SIZE``. Numbers with many values are cut into quarters, the rarest texts become one slice.

        most: slices there may be, None for any number.
        """
        names, codes = _coded(_values(rows, column), most)
        return cls(names, codes, rows["y_true"].to_numpy(), rows["y_score"].to_numpy())

    @cached_property
    def curves(self) -> dict[str, Curves]:
        """Slice -> its curves."""
        order = np.argsort(self.codes, kind="stable")
        edges = np.searchsorted(self.codes[order], np.arange(len(self.names) + 1))
        parts = (order[start:end] for start, end in zip(edges[:-1], edges[1:], strict=True))
        return {name: Curves.of(self.y_true[part], self.y_score[part]) for name, part in zip(self.names, parts, strict=True)}

    def rows(self, name: str) -> np.ndarray:
        """bool (n,): which rows are in the slice; none if there is no such slice."""
        return self.codes == (self.names.index(name) if name in self.names else -1)

    def table(self, threshold: float) -> pd.DataFrame:
        """One row per slice, worst first: by the upper end of the accuracy's interval, so that a few unlucky rows do not lead the list."""
        records = [{"slice": name, **summary(curves, threshold)} for name, curves in self.curves.items()]
        return pd.DataFrame(records).sort_values("accuracy_high", kind="stable", ignore_index=True)


def columns(rows: pd.DataFrame) -> list[str]:
    """What rows can be sliced by: every column with at least two values that says more than which row it is."""
    found = []
    for column in dict.fromkeys([*rows.columns, *([SIZE] if _sized(rows) else [])]):
        if column not in NOT_SLICES:
            values = _values(rows, column)
            distinct = values.nunique(dropna=False)
            if distinct > 1 and (is_numeric_dtype(values) or distinct <= max(MAX_SLICES, len(rows) // 4)):
                found.append(column)
    return found


def named_sets(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The sets a test is reported on: each value of ``split`` and, where some of its rows are paired, these and the rest. name -> bool (n,)."""
    sets = {ALL_ROWS: np.ones(len(rows), dtype=bool)}
    if "split" not in rows:
        return sets
    split = rows["split"].astype(str)
    paired = rows["paired"].to_numpy() if "paired" in rows and is_bool_dtype(rows["paired"]) else np.zeros(len(rows), dtype=bool)
    for name in sorted(split.value_counts().index[:MAX_SLICES]):
        chosen = (split == name).to_numpy()
        sets[name] = chosen
        if (chosen & paired).any() and (chosen & ~paired).any():
            sets[f"{name}, paired"], sets[f"{name}, unpaired"] = chosen & paired, chosen & ~paired
    return sets


def default_set(sets: Iterable[str]) -> str:
    """The named set to begin with: what says most about pictures from elsewhere. Unseen sources with matched subjects, else unseen ones, else the
    test split, else all rows."""
    sets = list(sets)
    return next((name for name in ("unseen, paired", "unseen", "test") if name in sets), ALL_ROWS)


def _values(rows: pd.DataFrame, column: str) -> pd.Series:
    if column == SIZE and _sized(rows):
        return np.minimum(rows["width"], rows["height"]).rename("short side")
    return rows[column]


def _sized(rows: pd.DataFrame) -> bool:
    return all(side in rows and is_numeric_dtype(rows[side]) for side in ("width", "height"))


def _coded(values: pd.Series, most: int | None) -> tuple[list[str], np.ndarray]:
    if is_numeric_dtype(values) and not is_bool_dtype(values) and values.nunique() > 12:
        values = _quarters(values)
    codes, uniques = pd.factorize(values, use_na_sentinel=False, sort=False)
    names = [NOTHING if value is None or value != value or value == "" else str(value) for value in uniques.tolist()]
    if most is not None and len(names) > most:
        kept = np.argsort(-np.bincount(codes), kind="stable")[: most - 1]
        place = np.full(len(names), most - 1)
        place[kept] = np.arange(len(kept))
        codes, names = place[codes], [*(names[number] for number in kept), OTHERS]
    # Two values may read the same, such as 1 and "1": then they are one slice.
    merged = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return list(merged), np.array([merged[name] for name in names], dtype=np.int64)[codes]


def _quarters(values: pd.Series) -> pd.Series:
    """"256 to 300" and so on: four slices of about equal size, fewer where many values are the same."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = numbers[np.isfinite(numbers)]
    edges = np.unique(np.quantile(finite, (0.25, 0.5, 0.75)))
    part = np.searchsorted(edges, numbers)
    text = np.full(len(numbers), "", dtype=object)
    for number in range(len(edges) + 1):
        inside = (part == number) & np.isfinite(numbers)
        if inside.any():
            text[inside] = f"{numbers[inside].min():g} to {numbers[inside].max():g}"
    return pd.Series(text)


def summary(curves: Curves, threshold: float) -> dict[str, float | int | None]:
    """A slice's row in a table: counts, shares with the ends of their intervals, areas. NaN and None where its rows do not define a figure."""
    counts = curves.at(threshold)
    figures: dict[str, float | int | None] = {"n": curves.n, "n_ai": curves.n_ai, "n_real": curves.n_real}
    proportions = {
        "accuracy": wilson(counts.tn + counts.tp, counts.n),
        "recall": wilson(counts.tp, curves.n_ai),
        "false_alarm_rate": wilson(counts.fp, curves.n_real),
    }
    for name, estimate in proportions.items():
        estimate = estimate or Estimate(float("nan"))
        figures |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    figures["balanced_accuracy"] = (counts.tp / curves.n_ai + counts.tn / curves.n_real) / 2 if curves.both else None
    figures["roc_auc"], figures["average_precision"] = curves.roc_auc, curves.average_precision
    return figures
