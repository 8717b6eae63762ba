"""ROC and precision-recall curves, computed once into arrays from which every threshold's confusion matrix
is one binary search away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from detector.evaluation.calibration import log_odds


class Cell(StrEnum):
    """A cell of the confusion matrix, row by row: rows are truth, columns the prediction, real first."""

    TN = "tn"
    FP = "fp"
    FN = "fn"
    TP = "tp"

    @property
    def title(self) -> str:  # type: ignore[override]
        """What the pictures in it are."""
        return _CELL_TITLES[self]


_CELL_TITLES = {
    Cell.TN: "Real, called real",
    Cell.FP: "False alarm",
    Cell.FN: "Missed",
    Cell.TP: "AI-generated, caught",
}


@dataclass(frozen=True)
class ConfusionMatrix:
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
    def cells(self) -> np.ndarray:
        """float64 (4,): TN, FP, FN, TP."""
        return np.array([self.tn, self.fp, self.fn, self.tp], dtype=np.float64)

    @property
    def n_real(self) -> int:
        return self.tn + self.fp

    @property
    def n_ai(self) -> int:
        return self.fn + self.tp

    @property
    def n(self) -> int:
        return self.n_real + self.n_ai


@dataclass(frozen=True, eq=False)
class Curves:
    """Predictions sorted by score, equal scores merged. Nothing here depends on a threshold.

    scores: float64 (m,), ascending and distinct. tp, fp: int64 (m,), how many AI-generated and real rows
    score ``scores[i]`` or more.
    """

    scores: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    n_ai: int
    n_real: int

    @classmethod
    def of(cls, y_true: np.ndarray, y_score: np.ndarray) -> Curves:
        """y_true: (n,) of 0/1 or bool; y_score: (n,) finite. No rows and one class only are fine."""
        is_ai = np.asarray(y_true) == 1
        y_score = np.asarray(y_score, dtype=np.float64)
        order = np.argsort(y_score)
        ranked = y_score[order]
        n = len(ranked)
        n_ai = int(np.count_nonzero(is_ai))
        is_new = np.append(True, ranked[1:] != ranked[:-1])
        first = np.flatnonzero(is_new[:n])
        ai_below = np.append(0, np.cumsum(is_ai[order]))
        tp = n_ai - ai_below[first]
        fp = n - first - tp
        return cls(ranked[first], tp, fp, n_ai=n_ai, n_real=n - n_ai)

    @property
    def n(self) -> int:
        return self.n_ai + self.n_real

    @property
    def both(self) -> bool:
        """Whether there are rows of both classes, without which there are no curves."""
        return self.n_ai > 0 and self.n_real > 0

    def at(self, threshold: float) -> ConfusionMatrix:
        """The confusion matrix where rows with y_score >= threshold are called AI-generated."""
        place = int(np.searchsorted(self.scores, threshold))
        is_above_all = place == len(self.scores)
        tp = 0 if is_above_all else int(self.tp[place])
        fp = 0 if is_above_all else int(self.fp[place])
        return ConfusionMatrix(tn=self.n_real - fp, fp=fp, fn=self.n_ai - tp, tp=tp)

    @cached_property
    def log_odds(self) -> np.ndarray:
        """float64 (m,): of the scores, ascending."""
        return log_odds(self.scores)

    def roc(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(false alarm rate, recall, threshold), each (m + 1,), from (0, 0) at infinity to (1, 1); needs
        both classes."""
        return (
            np.append(0, self.fp[::-1]) / self.n_real,
            np.append(0, self.tp[::-1]) / self.n_ai,
            np.append(np.inf, self.scores[::-1]),
        )

    def precision_recall(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(recall, precision, threshold), each (m + 1,), from recall 0, where precision is 1 by
        convention; needs AI-generated rows."""
        recall = np.append(0, self.tp[::-1]) / self.n_ai
        precision = np.append(1.0, self._precision[::-1])
        thresholds = np.append(np.inf, self.scores[::-1])
        return recall, precision, thresholds

    @property
    def roc_auc(self) -> float | None:
        """Area under the ROC curve: the chance that an AI-generated row outscores a real one, ties
        counting half. None without both classes."""
        return self._roc_auc if self.both else None

    @property
    def average_precision(self) -> float | None:
        """Mean precision at the scores of the AI-generated rows, without interpolation. None without both
        classes."""
        return self._average_precision if self.both else None

    def roc_auc_influence(self) -> tuple[np.ndarray, np.ndarray]:
        """What one AI-generated, and one real, row of each score adds to ``roc_auc``: (m,) each; their
        squares sum to its variance.

        These are the placements of DeLong, DeLong & Clarke-Pearson (Biometrics 1988), centred and scaled.
        Needs two rows of each class.
        """
        # The share of AI-generated rows that outscore a real one of each score.
        ai_above = (self.tp - self._ai / 2) / self.n_ai
        ai = self._above_real - self._roc_auc
        real = ai_above - self._roc_auc
        ai_scale = np.sqrt(self.n_ai * (self.n_ai - 1))
        real_scale = np.sqrt(self.n_real * (self.n_real - 1))
        return ai / ai_scale, real / real_scale

    def average_precision_influence(self) -> tuple[np.ndarray, np.ndarray]:
        """The same for ``average_precision``, by the infinitesimal jackknife (Efron 1982): its derivative
        by the weight of one row."""
        selected = self.tp + self.fp
        gained = np.cumsum(self._ai / selected)
        lost = np.cumsum(self._ai * self._precision / selected)
        ai = self._precision - self._average_precision + gained - lost
        return ai / self.n_ai, -lost / self.n_ai

    def variance(self, influence: tuple[np.ndarray, np.ndarray]) -> float:
        """The variance that the influences of all rows sum to."""
        ai, real = influence
        return float(self._ai @ ai**2 + self._real @ real**2)

    @cached_property
    def _roc_auc(self) -> float:
        """Needs both classes."""
        return float(self._ai @ self._above_real / self.n_ai)

    @cached_property
    def _average_precision(self) -> float:
        """Needs both classes."""
        return float(self._ai @ self._precision / self.n_ai)

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
        real_below = self.n_real - self.fp
        return (real_below + self._real / 2) / self.n_real


def thin(x: np.ndarray, y: np.ndarray, columns: int = 800) -> np.ndarray:
    """Indices of at most ``4 * columns`` points with which the line through (x, y), x ascending in [0, 1],
    looks the same.

    Of the points in each of ``columns`` vertical strips the first, the last, the lowest and the highest stay
    (M4: Jugel, Jerzak, Hackenbroich & Markl, VLDB 2014), so a chart no wider than that many pixels lights the
    same ones.
    """
    if len(x) <= 4 * columns:
        return np.arange(len(x))
    strip = np.minimum((x * columns).astype(np.int64), columns - 1)
    starts = np.append(True, strip[1:] != strip[:-1])
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(x)) - 1
    which = np.repeat(np.arange(len(first)), last - first + 1)
    kept = [first, last]
    for extreme in (np.minimum, np.maximum):
        of_strip = extreme.reduceat(y, first)
        hits = np.flatnonzero(y == of_strip[which])
        _, first_hits = np.unique(which[hits], return_index=True)
        kept.append(hits[first_hits])
    return np.unique(np.concatenate(kept))
