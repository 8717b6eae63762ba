"""What a model gains by saying "unsure": its error rate against the share of pictures it answers (El-Yaniv &
Wiener, JMLR 2010).

Confidence is the distance of a score from the threshold in log-odds, the measure the unsure band is cut by.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detector.evaluation.calibration import log_odds
from detector.evaluation.curves import Curves
from detector.evaluation.intervals import Estimate, proportion, wilson

MAX_POINTS = 2000
"""Confidences at which the curve is known exactly; with more distinct scores, evenly ranked ones are
taken."""
SAME = 1e-9
"""Scores as far on either side of the threshold have one confidence, whatever the rounding."""


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """answered: int64 (k,), ascending to all rows, how many have at least some confidence. wrong: int64 (k,),
    how many of them are wrong.

    Between two points rows come in random order: errors grow evenly. Found by binary search in the sorted
    scores, at any threshold.
    """

    answered: np.ndarray
    wrong: np.ndarray

    @classmethod
    def of(cls, curves: Curves, threshold: float) -> RiskCoverage:
        """For rows called AI-generated where y_score >= threshold."""
        if not curves.n:
            return cls(np.empty(0, np.int64), np.empty(0, np.int64))
        known = curves.log_odds
        centre = float(log_odds(threshold))
        places = np.linspace(0, len(known) - 1, min(MAX_POINTS, len(known)))
        taken = np.unique(places.astype(np.int64))
        confidence = np.sort(np.abs(known[taken] - centre))
        distance = np.append(confidence[::-1], 0.0)
        # The scores that are answered: from ``above`` on, and those before ``below``.
        place = np.searchsorted(curves.scores, threshold)
        above = np.searchsorted(known, centre + distance - SAME)
        above = np.maximum(above, place)
        below = np.searchsorted(known, centre - distance + SAME, side="right")
        below = np.minimum(below, place)
        ai_from, real_from = np.append(curves.tp, 0), np.append(curves.fp, 0)
        called_ai = ai_from[above] + real_from[above]
        called_real = curves.n - (ai_from[below] + real_from[below])
        answered = called_ai + called_real
        wrong = real_from[above] + (curves.n_ai - ai_from[below])
        first = np.flatnonzero(np.diff(answered, prepend=0))
        return cls(answered[first], wrong[first])

    @property
    def n(self) -> int:
        """Rows in all."""
        return int(self.answered[-1]) if len(self.answered) else 0

    @cached_property
    def area(self) -> float | None:
        """AURC: the error rate of the k most confident rows, averaged over all k. Lower is better; None for
        no rows.

        Abstaining at random gives the error rate of all rows.
        """
        if not self.n:
            return None
        ends, errors = self._ends
        # Between two ends errors grow evenly: after k answers, errors[i] + slope * (k - ends[i]). Their rate
        # is that over k, and the sum of 1 / k over a stretch is a difference of harmonic numbers.
        harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, self.n + 1)))
        lengths = np.diff(ends)
        slope = np.diff(errors) / lengths
        at_zero = errors[:-1] - slope * ends[:-1]
        rates = slope * lengths + at_zero * np.diff(harmonic[ends])
        return float(np.sum(rates) / self.n)

    def at(self, coverage: float) -> Estimate | None:
        """The error rate if that share of the rows, at least one, is answered; None for no rows."""
        if not self.n:
            return None
        count = min(max(round(coverage * self.n), 1), self.n)
        wrong = float(np.interp(count, *self._ends))
        return wilson(wrong, count)

    @property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """answered and wrong, from nothing answered on."""
        return np.append(0, self.answered), np.append(0, self.wrong)


@dataclass(frozen=True)
class Band:
    """The unsure band at work. answered: share of rows outside the band. error: share of those that is
    wrong; None if there are none."""

    answered: Estimate
    error: Estimate | None


def answers(
    y_true: np.ndarray, y_score: np.ndarray, threshold: float, unsure: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Which rows a model that is unsure strictly between the two scores answers, and which are on the
    wrong side of its threshold, answered or not; both bool (N,)."""
    low, high = unsure
    is_unsure = (y_score > low) & (y_score < high)
    is_wrong = (y_score >= threshold) != (np.asarray(y_true) == 1)
    return ~is_unsure, is_wrong


def band(
    y_true: np.ndarray, y_score: np.ndarray, threshold: float, unsure: tuple[float, float]
) -> Band | None:
    """What a model that is unsure strictly between the two scores answers, and gets wrong. None for no
    rows."""
    if not len(y_true):
        return None
    answered, wrong = answers(y_true, y_score, threshold, unsure)
    n_answered = int(np.count_nonzero(answered))
    n_wrong = int(np.count_nonzero(wrong & answered))
    return Band(proportion(n_answered, len(answered)), wilson(n_wrong, n_answered))
