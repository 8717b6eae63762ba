"""Everything that one set of predictions can tell, each part computed when first asked for and kept."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from detector.evaluation import scorecard, slices
from detector.evaluation.calibration import sigmoid
from detector.evaluation.curves import Curves
from detector.evaluation.reliability import Reliability
from detector.evaluation.scorecard import Card
from detector.evaluation.shortcut import Shortcut, shortcut


class Evaluation:
    """rows: y_true (0/1) and y_score in [0, 1], and any other columns. Nothing kept here depends on a threshold."""

    def __init__(self, rows: pd.DataFrame):
        self.rows = rows
        self.y_true = rows["y_true"].to_numpy(dtype=np.float64)
        self.y_score = rows["y_score"].to_numpy(dtype=np.float64)
        self._slicings: dict[str, slices.Slicing] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def curves(self) -> Curves:
        return Curves.of(self.y_true, self.y_score)

    @cached_property
    def reliability(self) -> Reliability:
        return Reliability.of(self.y_true, self.y_score)

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
