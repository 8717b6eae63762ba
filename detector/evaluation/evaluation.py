"""Everything that one set of predictions can tell, each part computed when first asked for and kept."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from detector.evaluation import deliveries, scorecard, slices
from detector.evaluation.calibration import sigmoid
from detector.evaluation.curves import Curves
from detector.evaluation.reliability import HISTOGRAM_BINS, Reliability, histogram
from detector.evaluation.scorecard import Card
from detector.evaluation.shortcut import Shortcut, shortcut


class Evaluation:
    """rows: y_true (0/1) and y_score in [0, 1], and any other columns. Nothing kept here depends on a threshold."""

    def __init__(self, rows: pd.DataFrame, masks: dict[str, np.ndarray] | None = None):
        """masks: the named sets, where more than these rows decides what they are."""
        self.rows = rows
        if masks is not None:
            self.masks = masks
        self.y_true = rows["y_true"].to_numpy(dtype=np.float64)
        self.y_score = rows["y_score"].to_numpy(dtype=np.float64)
        self._slicings: dict[str, slices.Slicing] = {}

    @classmethod
    def by_delivery(cls, rows: pd.DataFrame) -> dict[str, Evaluation]:
        """One evaluation of each delivery, never of copies of one picture together; sets are called in all of them what they are in the whole."""
        tables = deliveries.by_delivery(rows)
        if len(tables) == 1:
            return {name: cls(table) for name, table in tables.items()}
        arrived, sets = deliveries.names(rows), slices.named_sets(rows)
        return {
            name: cls(table, {key: inside for key, mask in sets.items() if (inside := mask[arrived == name]).any()}) for name, table in tables.items()
        }

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
        return Reliability.of(self.y_true, sigmoid(self.rows["logit"].to_numpy())) if "logit" in self.rows else None

    @cached_property
    def without_threshold(self) -> Card:
        """Metrics that no threshold changes."""
        return scorecard.of_ranking(self.curves) | scorecard.of_probabilities(self.y_true, self.y_score, self.reliability)

    def card(self, threshold: float) -> Card:
        """Every metric with its interval."""
        return scorecard.at_threshold(self.curves.at(threshold)) | self.without_threshold

    @cached_property
    def masks(self) -> dict[str, np.ndarray]:
        """The named sets (all rows, in-distribution, unseen, ...): name -> bool (n,)."""
        return slices.named_sets(self.rows)

    @cached_property
    def sets(self) -> dict[str, Curves]:
        """Curves of the named sets."""
        return {name: Curves.of(self.y_true[chosen], self.y_score[chosen]) for name, chosen in self.masks.items()}

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
