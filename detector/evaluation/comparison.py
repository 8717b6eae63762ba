"""Two models on the same rows: paired differences and McNemar's test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.evaluation.curves import Curves
from detector.evaluation.intervals import DRAWS, Estimate, Z, mean, resampled
from detector.evaluation.reliability import BINS, bin_of
from detector.evaluation.scorecard import balanced_accuracy, cohen_kappa, mcc, row_log_loss


@dataclass(frozen=True, eq=False)
class Pairs:
    """The rows both models scored, in the same order. scores: (n,) of the first and of the second model."""

    y_true: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, first: pd.DataFrame, second: pd.DataFrame) -> Pairs:
        """Rows with the same ``id`` and ``y_true`` in both tables; an id that a table has twice is left out."""
        tables = (table[["id", "y_true", "y_score"]].astype({"id": str}).drop_duplicates("id", keep=False) for table in (first, second))
        both = pd.merge(*tables, on=["id", "y_true"])
        return cls(both["y_true"].to_numpy(), both["y_score_x"].to_numpy(), both["y_score_y"].to_numpy())

    def differences(self, first_threshold: float, second_threshold: float) -> dict[str, Estimate | None]:
        """Metric -> second minus first, with its paired 95% interval; None where a class is missing."""
        found = {name: self.of_calls(name, first_threshold, second_threshold) for name in STATISTICS}
        found |= {name: self.of_area(name) for name in ("roc_auc", "average_precision")}
        found["log_loss"] = mean(row_log_loss(self.y_true, self.second) - row_log_loss(self.y_true, self.first))
        found["brier"] = mean((self.second - self.y_true) ** 2 - (self.first - self.y_true) ** 2)
        found["expected_calibration_error"] = self.of_calibration()
        return found

    def of_calls(self, name: str, first_threshold: float, second_threshold: float) -> Estimate | None:
        """The difference in a metric of ``STATISTICS``: posterior draws of the joint table of truth and both calls (``intervals.resampled``)."""
        difference = _difference(STATISTICS[name])
        table = self._table(first_threshold, second_threshold)
        value = float(difference(table)) if len(self.y_true) else np.nan
        return resampled(value, table, difference) if self._both(1) and np.isfinite(value) else None

    def of_area(self, name: str) -> Estimate | None:
        """The difference in "roc_auc" or "average_precision": each row's influences on both areas, subtracted before they are squared.

        For ROC AUC that is the paired test of DeLong et al. (Biometrics 1988).
        """
        return self._area(name) if self._both(2) else None

    def of_calibration(self) -> Estimate | None:
        """The difference in expected calibration error; a basic bootstrap, like that of the error itself, of the joint bins of both scores."""
        n = len(self.y_true)
        if not n:
            return None
        cell = BINS * bin_of(self.first, BINS) + bin_of(self.second, BINS)
        used, cell = np.unique(cell, return_inverse=True)
        sizes = np.bincount(cell)
        gaps = np.stack([self.y_true - self.first, self.y_true - self.second])
        means = np.stack([np.bincount(cell, weights=gap) / sizes for gap in gaps])
        spread = gaps - means[:, cell]
        # Of each cell the Cholesky factor of the 2 x 2 covariance of both models' gaps: the noise they share cancels in the difference.
        of_first = np.sqrt(np.bincount(cell, weights=spread[0] ** 2) / sizes)
        shared = np.bincount(cell, weights=spread[0] * spread[1]) / sizes / np.where(of_first > 0, of_first, 1)
        own = np.sqrt(np.maximum(np.bincount(cell, weights=spread[1] ** 2) / sizes - shared**2, 0))
        bins = [np.equal.outer(each, np.arange(BINS)).astype(np.float64) for each in (used // BINS, used % BINS)]

        def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            """(..., cells) summed gaps of both models -> second minus first error."""
            return (np.abs(second @ bins[1]).sum(axis=-1) - np.abs(first @ bins[0]).sum(axis=-1)) / n

        value = float(difference(means[0] * sizes, means[1] * sizes))
        rng = np.random.default_rng(0)
        counts = rng.multinomial(n, sizes / n, DRAWS)
        noise = rng.standard_normal((2, *counts.shape)) * np.sqrt(counts)
        drawn = difference(means[0] * counts + of_first * noise[0], means[1] * counts + shared * noise[0] + own * noise[1])
        low, high = np.quantile(drawn, (0.025, 0.975))
        return Estimate(value, min(2 * value - high, value), max(2 * value - low, value))

    def mcnemar(self, first_threshold: float, second_threshold: float) -> McNemar:
        """McNemar's exact test of whether both models are right equally often."""
        first = (self.first >= first_threshold) == (self.y_true == 1)
        second = (self.second >= second_threshold) == (self.y_true == 1)
        return McNemar(int(np.count_nonzero(first & ~second)), int(np.count_nonzero(second & ~first)))

    def _both(self, least: int) -> bool:
        """Whether there are at least that many rows of each class."""
        return least <= np.count_nonzero(self.y_true) <= len(self.y_true) - least

    def _table(self, first_threshold: float, second_threshold: float) -> np.ndarray:
        """(8,) counts by truth, first call and second call, each 0 or 1, truth changing slowest."""
        cell = 4 * (self.y_true == 1) + 2 * (self.first >= first_threshold) + (self.second >= second_threshold)
        return np.bincount(cell, minlength=8).astype(np.float64)

    def _area(self, name: str) -> Estimate:
        ai = self.y_true == 1
        areas, influences = [], []
        for y_score in (self.first, self.second):
            curves = Curves.of(self.y_true, y_score)
            of_ai, of_real = curves.roc_auc_influence() if name == "roc_auc" else curves.average_precision_influence()
            place = np.searchsorted(curves.scores, y_score)
            areas.append(getattr(curves, name))
            influences.append(np.where(ai, of_ai[place], of_real[place]))
        value = areas[1] - areas[0]
        half = Z * float(np.sqrt(np.sum((influences[1] - influences[0]) ** 2)))
        return Estimate(value, value - half, value + half)


@dataclass(frozen=True)
class McNemar:
    """only_first, only_second: rows that one model alone calls rightly."""

    only_first: int
    only_second: int

    @property
    def p_value(self) -> float:
        """Two-sided and exact: how often a fair coin would part the rows the models disagree on at least this unevenly."""
        from scipy.stats import binomtest  # not at the top: SciPy would slow down a page that compares nothing

        disagreed = self.only_first + self.only_second
        return float(binomtest(self.only_first, disagreed).pvalue) if disagreed else 1.0


def _accuracy(cells: np.ndarray) -> np.ndarray:
    return (cells[..., 0] + cells[..., 3]) / cells.sum(axis=-1)


def _precision(cells: np.ndarray) -> np.ndarray:
    return cells[..., 3] / (cells[..., 1] + cells[..., 3])


def _recall(cells: np.ndarray) -> np.ndarray:
    return cells[..., 3] / (cells[..., 2] + cells[..., 3])


def _specificity(cells: np.ndarray) -> np.ndarray:
    return cells[..., 0] / (cells[..., 0] + cells[..., 1])


def _f1(cells: np.ndarray) -> np.ndarray:
    return 2 * cells[..., 3] / (2 * cells[..., 3] + cells[..., 1] + cells[..., 2])


STATISTICS = {
    "accuracy": _accuracy, "balanced_accuracy": balanced_accuracy, "precision": _precision, "recall": _recall,
    "specificity": _specificity, "f1": _f1, "cohen_kappa": cohen_kappa, "mcc": mcc,
}  # fmt: skip
"""Metric -> function of (..., 4) counts or shares TN, FP, FN, TP."""


def _difference(statistic):
    """``statistic`` of the second model minus that of the first, as a function of the (..., 8) joint table."""

    def difference(table: np.ndarray) -> np.ndarray:
        by_call = table.reshape(*table.shape[:-1], 2, 2, 2)
        first, second = by_call.sum(axis=-1), by_call.sum(axis=-2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return statistic(second.reshape(*table.shape[:-1], 4)) - statistic(first.reshape(*table.shape[:-1], 4))

    return difference
