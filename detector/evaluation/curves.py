"""ROC and precision-recall curves, computed once into arrays from which every threshold's confusion matrix is one binary search away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detector.evaluation.calibration import log_odds


@dataclass(frozen=True)
class Counts:
    """A confusion matrix; AI-generated is the positive class."""

    tn: int
    fp: int
    fn: int
    tp: int

    @property
    def matrix(self) -> list[list[int]]:
        """``[[TN, FP], [FN, TP]]``: rows are truth, columns the prediction."""
        return [[self.tn, self.fp], [self.fn, self.tp]]

    @property
    def n(self) -> int:
        return self.tn + self.fp + self.fn + self.tp


@dataclass(frozen=True, eq=False)
class Curves:
    """Predictions sorted by score, equal scores merged. Nothing here depends on a threshold.

    scores: float64 (m,), ascending and distinct. tp, fp: int64 (m,), how many AI-generated and real rows score ``scores[i]`` or more.
    """

    scores: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    n_ai: int
    n_real: int

    @classmethod
    def of(cls, y_true: np.ndarray, y_score: np.ndarray) -> Curves:
        """y_true: (n,) of 0/1 or bool; y_score: (n,) finite. No rows and one class only are fine."""
        y_true, y_score = np.asarray(y_true) == 1, np.asarray(y_score, dtype=np.float64)
        order = np.argsort(y_score)
        ranked = y_score[order]
        first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])[: len(ranked)])
        n_ai = int(np.count_nonzero(y_true))
        tp = n_ai - np.append(0, np.cumsum(y_true[order]))[first]
        return cls(ranked[first], tp, len(ranked) - first - tp, n_ai, len(ranked) - n_ai)

    @property
    def n(self) -> int:
        return self.n_ai + self.n_real

    @property
    def both(self) -> bool:
        """Whether there are rows of both classes, without which there are no curves."""
        return self.n_ai > 0 and self.n_real > 0

    def at(self, threshold: float) -> Counts:
        """The confusion matrix where rows with y_score >= threshold are called AI-generated."""
        place = int(np.searchsorted(self.scores, threshold))
        tp, fp = (int(self.tp[place]), int(self.fp[place])) if place < len(self.scores) else (0, 0)
        return Counts(tn=self.n_real - fp, fp=fp, fn=self.n_ai - tp, tp=tp)

    @cached_property
    def log_odds(self) -> np.ndarray:
        """float64 (m,): of the scores, ascending."""
        return log_odds(self.scores)

    def roc(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(false alarm rate, recall, threshold), each (m + 1,), from (0, 0) at infinity to (1, 1); needs both classes."""
        return np.append(0, self.fp[::-1]) / self.n_real, np.append(0, self.tp[::-1]) / self.n_ai, np.append(np.inf, self.scores[::-1])

    def precision_recall(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(recall, precision, threshold), each (m + 1,), from recall 0, where precision is 1 by convention; needs AI-generated rows."""
        recall = np.append(0, self.tp[::-1]) / self.n_ai
        return recall, np.append(1.0, self._precision[::-1]), np.append(np.inf, self.scores[::-1])

    @cached_property
    def roc_auc(self) -> float | None:
        """Area under the ROC curve: the chance that an AI-generated row outscores a real one, ties counting half. None without both classes."""
        return float(self._ai @ self._above_real / self.n_ai) if self.both else None

    @cached_property
    def average_precision(self) -> float | None:
        """Mean precision at the scores of the AI-generated rows, without interpolation. None without both classes."""
        return float(self._ai @ self._precision / self.n_ai) if self.both else None

    def roc_auc_influence(self) -> tuple[np.ndarray, np.ndarray]:
        """What one AI-generated, and one real, row of each score adds to ``roc_auc``: (m,) each; their squares sum to its variance.

        These are the placements of DeLong, DeLong & Clarke-Pearson (Biometrics 1988), centred and scaled. Needs two rows of each class.
        """
        below_ai = (self.tp - self._ai / 2) / self.n_ai  # share of AI-generated rows that outscore a real one of this score
        ai, real = self._above_real - self.roc_auc, below_ai - self.roc_auc
        return ai / np.sqrt(self.n_ai * (self.n_ai - 1)), real / np.sqrt(self.n_real * (self.n_real - 1))

    def average_precision_influence(self) -> tuple[np.ndarray, np.ndarray]:
        """The same for ``average_precision``, by the infinitesimal jackknife (Efron 1982): its derivative by the weight of one row."""
        selected = self.tp + self.fp
        gained, lost = np.cumsum(self._ai / selected), np.cumsum(self._ai * self._precision / selected)
        return (self._precision - self.average_precision + gained - lost) / self.n_ai, -lost / self.n_ai

    def variance(self, influence: tuple[np.ndarray, np.ndarray]) -> float:
        """The variance that the influences of all rows sum to."""
        ai, real = influence
        return float(self._ai @ ai**2 + self._real @ real**2)

    @cached_property
    def _ai(self) -> np.ndarray:
        """AI-generated rows at each score."""
        return self.tp - np.append(self.tp[1:], 0)

    @cached_property
    def _real(self) -> np.ndarray:
        return self.fp - np.append(self.fp[1:], 0)

    @cached_property
    def _precision(self) -> np.ndarray:
        return self.tp / (self.tp + self.fp)

    @property
    def _above_real(self) -> np.ndarray:
        """Share of real rows that an AI-generated one of each score outscores, ties counting half."""
        return (self.n_real - self.fp + self._real / 2) / self.n_real


def thin(x: np.ndarray, y: np.ndarray, columns: int = 800) -> np.ndarray:
    """Indices of at most ``4 * columns`` points with which the line through (x, y), x ascending in [0, 1], looks the same.

    Of the points in each of ``columns`` vertical strips the first, the last, the lowest and the highest stay (M4: Jugel, Jerzak,
    Hackenbroich & Markl, VLDB 2014), so a chart no wider than that many pixels lights the same ones.
    """
    if len(x) <= 4 * columns:
        return np.arange(len(x))
    strip = np.minimum((x * columns).astype(np.int64), columns - 1)
    first = np.flatnonzero(np.append(True, strip[1:] != strip[:-1]))
    last = np.append(first[1:], len(x)) - 1
    which = np.repeat(np.arange(len(first)), last - first + 1)
    kept = [first, last]
    for extreme in (np.minimum, np.maximum):
        hits = np.flatnonzero(y == extreme.reduceat(y, first)[which])
        kept.append(hits[np.unique(which[hits], return_index=True)[1]])
    return np.unique(np.concatenate(kept))
