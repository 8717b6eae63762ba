"""How far facts of the file alone, without a look at the picture, separate the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from detector.evaluation.curves import Curves
from detector.evaluation.intervals import Estimate
from detector.evaluation.scorecard import of_ranking

FACTS = ("width", "height", "format", "quality", "jpeg_quality", "bytes")
"""Columns taken for facts of the file; with the prefix ``original_`` those before somebody prepared the pictures."""
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
    """Gradient-boosted trees on the facts of the file and the aspect ratio, scored on rows they did not see (5 folds), beside the model.

    At most ``MAX_ROWS`` rows, drawn at random, are used. None where there are no such columns or fewer than ``FOLDS`` rows of a class.
    """
    columns = fact_columns(rows)
    if len(rows) > MAX_ROWS:
        rows = rows.sample(MAX_ROWS, random_state=0)
    y_true = rows["y_true"].to_numpy()
    if not columns or min(np.count_nonzero(y_true == label) for label in (0, 1)) < FOLDS:
        return None
    from sklearn.ensemble import HistGradientBoostingClassifier  # not at the top: scikit-learn would slow down opening the page
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    trees = HistGradientBoostingClassifier(max_iter=60, max_depth=4, random_state=0)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    y_score = cross_val_predict(trees, _table(rows, columns), y_true, cv=folds, method="predict_proba")[:, 1]
    areas = [of_ranking(Curves.of(y_true, score))["roc_auc"] for score in (y_score, rows["y_score"].to_numpy())]
    return Shortcut(tuple(map(str, columns)), len(rows), *areas)


def _table(rows: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """float64 (n, facts): numbers as they are, texts as the rank of how common they are, and aspect ratios where sides are known."""
    facts = []
    for column in columns:
        values = rows[column]
        if not is_numeric_dtype(values):
            values = values.astype(str).map({name: rank for rank, name in enumerate(values.astype(str).value_counts().index)})
        facts.append(values.to_numpy(dtype=np.float64, na_value=np.nan))
    for prefix in ("", "original_"):
        if {f"{prefix}width", f"{prefix}height"} <= set(columns):
            width, height = (facts[columns.index(f"{prefix}{side}")] for side in ("width", "height"))
            facts.append(width / np.maximum(height, 1))
    table = np.column_stack(facts)
    return np.where(np.isfinite(table), table, np.nan)
