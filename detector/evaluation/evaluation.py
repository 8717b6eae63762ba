"""Everything that one set of predictions can tell, each part computed when first asked for and kept."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from detector.evaluation import perturbed, scorecard, slices, subsets
from detector.evaluation.calibration import sigmoid
from detector.evaluation.curves import Curves
from detector.evaluation.formulas import Rows
from detector.evaluation.metrics import Estimates
from detector.evaluation.reliability import HISTOGRAM_BINS, Reliability, histogram
from detector.evaluation.shortcut import Shortcut, shortcut
from detector.evaluation.subsets import Subsets


class Evaluation:
    """rows: y_true (0/1) and y_score in [0, 1], and any other columns. Nothing kept here depends on a
    threshold."""

    def __init__(self, rows: pd.DataFrame, masks: Subsets | None = None):
        """masks: the named sets, where more than these rows decides what they are."""
        self.rows = rows
        if masks is not None:
            self.masks = masks
        self.y_true = rows["y_true"].to_numpy(dtype=np.float64)
        self.y_score = rows["y_score"].to_numpy(dtype=np.float64)
        self._slicings: dict[str, slices.Slicing] = {}

    @classmethod
    def by_perturbation(cls, rows: pd.DataFrame) -> dict[str, Evaluation]:
        """One evaluation of each perturbation, never of copies of one picture together; sets are called in
        all of them what they are in the whole."""
        tables = perturbed.by_perturbation(rows)
        if len(tables) == 1:
            return {name: cls(table) for name, table in tables.items()}
        of_row = perturbed.names(rows)
        sets = subsets.named_sets(rows)
        evaluations = {}
        for name, table in tables.items():
            masks = _within(sets, of_row == name)
            evaluations[name] = cls(table, masks)
        return evaluations

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def curves(self) -> Curves:
        return Curves.of(self.y_true, self.y_score)

    @cached_property
    def reliability(self) -> Reliability:
        return Reliability.of(self.y_true, self.y_score)

    @cached_property
    def histogram(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts (HISTOGRAM_BINS,) of real rows and of AI-generated ones."""
        return histogram(self.y_true, self.y_score, HISTOGRAM_BINS)

    @cached_property
    def reliability_before(self) -> Reliability | None:
        """Of the raw network, sigmoid(logit), before calibration; None without logits."""
        if "logit" not in self.rows:
            return None
        raw_scores = sigmoid(self.rows["logit"].to_numpy())
        return Reliability.of(self.y_true, raw_scores)

    @cached_property
    def without_threshold(self) -> Estimates:
        """Metrics that no threshold changes."""
        return scorecard.without_threshold(self)

    def estimates(self, threshold: float) -> Estimates:
        """Every metric with its interval."""
        confusion_matrix = self.curves.at(threshold)
        return scorecard.at_threshold(confusion_matrix) | self.without_threshold

    @cached_property
    def masks(self) -> Subsets:
        """The named sets (all rows, in-distribution, unseen, ...): name -> bool (n,)."""
        return subsets.named_sets(self.rows)

    @cached_property
    def sets(self) -> dict[str, Rows]:
        """The rows of the named sets."""
        sets = {}
        for name, inside in self.masks.items():
            sets[name] = Rows(self.y_true[inside], self.y_score[inside])
        return sets

    @cached_property
    def columns(self) -> list[str]:
        """What the rows can be sliced by."""
        return slices.columns(self.rows)

    def slicing(self, column: str) -> slices.Slicing:
        """The slices by a column."""
        if column not in self._slicings:
            self._slicings[column] = slices.Slicing.by(self.rows, column)
        return self._slicings[column]

    @cached_property
    def shortcut(self) -> Shortcut | None:
        return shortcut(self.rows)


def _within(sets: Subsets, chosen: np.ndarray) -> Subsets:
    """The sets of the chosen rows alone, without those that are empty there. chosen: bool (n,)."""
    inside = {name: mask[chosen] for name, mask in sets.items()}
    return {name: mask for name, mask in inside.items() if mask.any()}
