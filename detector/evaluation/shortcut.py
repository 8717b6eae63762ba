"""How far facts of the file alone, without a look at the picture, separate the classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from detector.evaluation.curves import Curves
from detector.evaluation.formulas import ROC_AUC
from detector.evaluation.intervals import Estimate

FACTS = ("width", "height", "format", "quality", "jpeg_quality", "bytes")
"""Columns taken for facts of the file; with the prefix ``original_`` those before somebody prepared the
pictures."""
MAX_ROWS = 20_000
FOLDS = 5


@dataclass(frozen=True)
class Shortcut:
    """columns: the facts used. rows: how many rows were. file_facts, model: ROC AUC on these same rows."""

    columns: tuple[str, ...]
    rows: int
    file_facts: Estimate
    model: Estimate

    @property
    def as_good_as_the_model(self) -> bool:
        """Whether the ruler's interval reaches the model's AUC."""
        return self.file_facts.high >= self.model.value


def fact_columns(rows: pd.DataFrame) -> list[str]:
    """The columns of ``rows`` that are facts of the file."""
    return [column for column in rows.columns if str(column).removeprefix("original_") in FACTS]


def shortcut(rows: pd.DataFrame) -> Shortcut | None:
    """Gradient-boosted trees on the facts of the file and the aspect ratio, scored on rows they did not see
    (5 folds), beside the model.

    At most ``MAX_ROWS`` rows, drawn at random, are used. None where there are no such columns or fewer than
    ``FOLDS`` rows of a class.
    """
    columns = fact_columns(rows)
    if len(rows) > MAX_ROWS:
        rows = rows.sample(MAX_ROWS, random_state=0)
    y_true = rows["y_true"].to_numpy()
    n_ai = int(np.count_nonzero(y_true == 1))
    n_real = int(np.count_nonzero(y_true == 0))
    if not columns or min(n_ai, n_real) < FOLDS:
        return None
    table = _table(rows, columns)
    usable = _usable(table, y_true)
    if not usable.any():
        return None
    by_facts = scores_of_trees(table[:, usable], y_true)
    file_facts = ROC_AUC.of(Curves.of(y_true, by_facts))
    model = ROC_AUC.of(Curves.of(y_true, rows["y_score"].to_numpy()))
    if file_facts is None or model is None:
        return None
    looked_at = [str(column) for column, use in zip(columns, usable, strict=False) if use]
    return Shortcut(tuple(looked_at), len(rows), file_facts, model)


def _usable(table: np.ndarray, y_true: np.ndarray) -> np.ndarray:
    """bool (facts,): which have a number in what every fold trains on; scikit-learn cannot bin the others."""
    known = np.isfinite(table)
    in_folds = [known[training].any(axis=0) for training, _ in _folds(table, y_true)]
    return np.all(in_folds, axis=0)


def scores_of_trees(table: np.ndarray, y_true: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """float64 (n,): P(AI-generated) of each row, from gradient-boosted trees that did not see it (5 folds)
    or, where there are groups (n,), any row of its group. table: (n, facts), NaN for what is not known.
    Raises ValueError where a fold was left with one class."""
    # Not at the top: scikit-learn would slow down opening the page.
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict
    from threadpoolctl import threadpool_limits

    # Leaves as large as usual could not be parted at all where there are few rows.
    leaf = int(np.clip(len(y_true) // 20, 2, 20))
    trees = HistGradientBoostingClassifier(max_iter=60, max_depth=4, min_samples_leaf=leaf, random_state=0)
    folds = list(_folds(table, y_true, groups))
    # Its threads spin while they wait for each other: on a busy machine, minutes instead of seconds.
    with threadpool_limits(1):
        return cross_val_predict(trees, table, y_true, cv=folds, method="predict_proba")[:, 1]


def _folds(
    table: np.ndarray, y_true: np.ndarray, groups: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places of the rows to train on, and of those to score."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    return kind(FOLDS, shuffle=True, random_state=0).split(table, y_true, groups)


def _table(rows: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """float64 (n, facts): numbers as they are, texts as the rank of how common they are, and aspect ratios
    where sides are known."""
    facts = {column: as_numbers(rows[column]) for column in columns}
    for prefix in ("", "original_"):
        width = facts.get(f"{prefix}width")
        height = facts.get(f"{prefix}height")
        if width is not None and height is not None:
            facts[f"{prefix}aspect"] = width / np.maximum(height, 1)
    table = np.column_stack(list(facts.values()))
    return np.where(np.isfinite(table), table, np.nan)


def as_numbers(values: pd.Series) -> np.ndarray:
    """float64 (n,): texts as the rank of how common they are; NaN where there is no value, or a blank one."""
    if not is_numeric_dtype(values):
        texts = values.astype("string").str.strip()
        texts = texts.where(texts != "")
        by_frequency = texts.value_counts().index
        values = texts.map({text: rank for rank, text in enumerate(by_frequency)})
    return values.to_numpy(dtype=np.float64, na_value=np.nan)
