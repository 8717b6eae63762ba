"""What a model gains by saying "unsure": its error rate against the share of pictures it answers (El-Yaniv & Wiener, JMLR 2010).

Confidence is the distance of a score from the threshold in log-odds, the measure the unsure band is cut by.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detector.evaluation.calibration import log_odds
from detector.evaluation.curves import Curves
from detector.evaluation.intervals import Estimate, wilson

MAX_POINTS = 2000
"""Confidences at which the curve is known exactly; with more distinct scores, evenly ranked ones are taken."""
SAME = 1e-9
"""Scores as far on either side of the threshold have one confidence, whatever the rounding."""


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """answered: int64 (k,), ascending to all rows, how many have at least some confidence. wrong: int64 (k,), how many of them are wrong.

    Between two points rows come in random order: errors grow evenly. Found by binary search in the sorted scores, at any threshold.
    """

    answered: np.ndarray
    wrong: np.ndarray

    @classmethod
    def of(cls, curves: Curves, threshold: float) -> RiskCoverage:
        """For rows called AI-generated where y_score >= threshold."""
        if not curves.n:
            return cls(np.empty(0, np.int64), np.empty(0, np.int64))
        known, centre = curves.log_odds, float(log_odds(threshold))
        taken = np.unique(np.linspace(0, len(known) - 1, min(MAX_POINTS, len(known))).astype(np.int64))
        distance = np.append(-np.sort(-np.abs(known[taken] - centre)), 0.0)
        place = np.searchsorted(curves.scores, threshold)
        above = np.maximum(np.searchsorted(known, centre + distance - SAME), place)
        below = np.minimum(np.searchsorted(known, centre - distance + SAME, side="right"), place)
        ai, real = np.append(curves.tp, 0), np.append(curves.fp, 0)  # rows of each class from a score on
        answered = ai[above] + real[above] + curves.n - ai[below] - real[below]
        first = np.flatnonzero(np.diff(answered, prepend=0))
        return cls(answered[first], (real[above] + curves.n_ai - ai[below])[first])

    @property
    def n(self) -> int:
        """Rows in all."""
        return int(self.answered[-1]) if len(self.answered) else 0

    @cached_property
    def area(self) -> float | None:
        """AURC: the error rate of the k most confident rows, averaged over all k. Lower is better; None for no rows.

        Abstaining at random gives the error rate of all rows.
        """
        if not self.n:
            return None
        harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, self.n + 1)))
        ends, errors = np.append(0, self.answered), np.append(0, self.wrong)
        slope = np.diff(errors) / np.diff(ends)
        return float(np.sum(slope * np.diff(ends) + (errors[:-1] - slope * ends[:-1]) * np.diff(harmonic[ends])) / self.n)

    def at(self, coverage: float) -> Estimate | None:
        """The error rate if that share of the rows, at least one, is answered; None for no rows."""
        if not self.n:
            return None
        count = min(max(round(coverage * self.n), 1), self.n)
        return wilson(float(np.interp(count, np.append(0, self.answered), np.append(0, self.wrong))), count)


@dataclass(frozen=True)
class Band:
    """The unsure band at work. answered: share of rows outside the band. error: share of those that is wrong; None if there are none."""

    answered: Estimate
    error: Estimate | None


def band(y_true: np.ndarray, y_score: np.ndarray, threshold: float, unsure: tuple[float, float]) -> Band | None:
    """What a model that is unsure strictly between the two scores answers, and gets wrong. None for no rows."""
    if not len(y_true):
        return None
    answered = ~((y_score > unsure[0]) & (y_score < unsure[1]))
    wrong = ((y_score >= threshold) != (np.asarray(y_true) == 1)) & answered
    count = int(np.count_nonzero(answered))
    return Band(wilson(count, len(answered)), wilson(int(np.count_nonzero(wrong)), count))
