"""The kinds of formulas that metrics are made of. Each kind knows a metric's value and its 95% interval.

Intervals: Wilson's for proportions; for F1 Wilson's for TP / (TP + FP + FN), of which F1 is a monotone
function; posterior draws of the confusion matrix for balanced accuracy, kappa and MCC; DeLong's variance for
ROC AUC and the infinitesimal jackknife's for average precision, both on the log-odds scale; normal ones for
the mean losses; and a basic bootstrap of the bins for the calibration error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from detector.evaluation.curves import ConfusionMatrix, Curves
from detector.evaluation.intervals import (
    DRAWS,
    Estimate,
    basic_bootstrap,
    mean,
    on_logit_scale,
    resampled,
    wilson,
)
from detector.evaluation.reliability import Reliability

CELLS = ("tn", "fp", "fn", "tp")
"""The order of the last axis of ``Statistic``'s argument."""

Statistic = Callable[[np.ndarray], np.ndarray]
"""A function of (..., 4) counts or shares TN, FP, FN, TP that returns (...)."""
Interval = Callable[[ConfusionMatrix, Statistic], Estimate | None]
"""A confusion matrix and a statistic of it -> its estimate."""
RowLoss = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""y_true and y_score, (n,) each -> the loss of each row, (n,)."""
Influence = tuple[np.ndarray, np.ndarray]
"""What one AI-generated, and one real, row of each score adds to an area."""


class Predicted(Protocol):
    """What a formula needs to know of a set of rows."""

    @property
    def y_true(self) -> np.ndarray:
        """(n,) of 0/1."""

    @property
    def y_score(self) -> np.ndarray:
        """float64 (n,) in [0, 1]."""

    @property
    def curves(self) -> Curves: ...

    @property
    def reliability(self) -> Reliability: ...


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of which only truth and score are known."""

    y_true: np.ndarray
    y_score: np.ndarray

    @cached_property
    def curves(self) -> Curves:
        return Curves.of(self.y_true, self.y_score)

    @cached_property
    def reliability(self) -> Reliability:
        return Reliability.of(self.y_true, self.y_score)


@dataclass(frozen=True)
class OfMatrix:
    """A metric of the confusion matrix at a threshold. needs_both: not defined for rows of one class.
    is_proportion: a share of rows, whose interval takes no draws. counted: which rows it is about: "n" (all),
    "n_ai" or "n_real"."""

    statistic: Statistic
    interval: Interval
    needs_both: bool = False
    is_proportion: bool = False
    counted: str = "n"

    def of(self, confusion_matrix: ConfusionMatrix) -> Estimate | None:
        """Of one confusion matrix."""
        if self.is_undefined(confusion_matrix):
            return None
        return self.interval(confusion_matrix, self.statistic)

    def value(self, rows: Predicted, threshold: float) -> float | None:
        confusion_matrix = rows.curves.at(threshold)
        if self.is_undefined(confusion_matrix):
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(self.statistic(confusion_matrix.cells))
        return value if np.isfinite(value) else None

    def estimate(self, rows: Predicted, threshold: float) -> Estimate | None:
        return self.of(rows.curves.at(threshold))

    def is_undefined(self, confusion_matrix: ConfusionMatrix) -> bool:
        """Whether a class that the metric needs is missing."""
        return self.needs_both and not (confusion_matrix.n_ai and confusion_matrix.n_real)


@dataclass(frozen=True)
class OfRanking:
    """An area under a curve, which no threshold changes. n: how many rows its interval rests on.
    least: how many rows of each class its influences need."""

    area: Callable[[Curves], float | None]
    influence: Callable[[Curves], Influence]
    n: Callable[[Curves], int]
    least: int = 1

    def of(self, curves: Curves) -> Estimate | None:
        """Of one set of curves."""
        area = self.area(curves)
        if area is None:
            return None
        variance = 0.0
        if min(curves.n_ai, curves.n_real) >= self.least:
            variance = curves.variance(self.influence(curves))
        return on_logit_scale(area, variance, self.n(curves))

    def value(self, rows: Predicted, threshold: float) -> float | None:
        return self.area(rows.curves)

    def estimate(self, rows: Predicted, threshold: float) -> Estimate | None:
        return self.of(rows.curves)


@dataclass(frozen=True)
class OfRows:
    """The mean of a loss of each row, which no threshold changes."""

    loss: RowLoss

    def value(self, rows: Predicted, threshold: float) -> float | None:
        losses = self.loss(rows.y_true, rows.y_score)
        return float(losses.mean()) if len(losses) else None

    def estimate(self, rows: Predicted, threshold: float) -> Estimate | None:
        return mean(self.loss(rows.y_true, rows.y_score))


@dataclass(frozen=True)
class CalibrationError:
    """The expected calibration error over the bins of the reliability diagram."""

    def value(self, rows: Predicted, threshold: float) -> float | None:
        return rows.reliability.expected_calibration_error

    def estimate(self, rows: Predicted, threshold: float) -> Estimate | None:
        """Draws of every bin's count and gap; the basic interval, because the plain error of a resample is
        biased upwards."""
        reliability = rows.reliability
        value = reliability.expected_calibration_error
        if value is None:
            return None
        n = reliability.n
        rng = np.random.default_rng(0)
        counts = rng.multinomial(n, reliability.counts / n, DRAWS)
        spread = reliability.gap_spread * np.sqrt(counts)
        gaps = rng.normal(reliability.gap * counts, spread)
        drawn = np.abs(gaps).sum(axis=1) / n
        estimate = basic_bootstrap(value, drawn)
        return Estimate(value, max(estimate.low, 0.0), estimate.high)


Formula = OfMatrix | OfRanking | OfRows | CalibrationError


def proportion_of(hits: tuple[str, ...], among: tuple[str, ...]) -> OfMatrix:
    """The share of some cells among some cells, with Wilson's interval."""
    hit_columns = [CELLS.index(cell) for cell in hits]
    columns = [CELLS.index(cell) for cell in among]

    def statistic(cells: np.ndarray) -> np.ndarray:
        n_hits = cells[..., hit_columns].sum(axis=-1)
        n = cells[..., columns].sum(axis=-1)
        return n_hits / n

    def interval(confusion_matrix: ConfusionMatrix, _: Statistic) -> Estimate | None:
        cells = confusion_matrix.cells
        return wilson(cells[hit_columns].sum(), cells[columns].sum())

    counted = "n"
    if set(among) <= {"tn", "fp"}:
        counted = "n_real"
    elif set(among) <= {"fn", "tp"}:
        counted = "n_ai"
    return OfMatrix(statistic, interval, is_proportion=True, counted=counted)


def posterior(confusion_matrix: ConfusionMatrix, statistic: Statistic) -> Estimate | None:
    """A statistic with the interval of posterior draws; see ``intervals.resampled``."""
    cells = confusion_matrix.cells
    return resampled(float(statistic(cells)), cells, statistic)


def f1_estimate(confusion_matrix: ConfusionMatrix, _: Statistic) -> Estimate | None:
    """F1 = 2 j / (1 + j), j being the share TP / (TP + FP + FN): its interval is that of j, transformed."""
    tp = confusion_matrix.tp
    jaccard = wilson(tp, tp + confusion_matrix.fp + confusion_matrix.fn)
    if jaccard is None:
        return None
    ends = (jaccard.value, jaccard.low, jaccard.high)
    value, low, high = (2 * end / (1 + end) for end in ends)
    return Estimate(value, low, high)


def balanced_accuracy(cells: np.ndarray) -> np.ndarray:
    """cells: (..., 4) counts or shares TN, FP, FN, TP. Returns (...)."""
    tn, fp, fn, tp = np.moveaxis(cells, -1, 0)
    return (tn / (tn + fp) + tp / (tp + fn)) / 2


def f1(cells: np.ndarray) -> np.ndarray:
    """Harmonic mean of precision and recall; cells as for ``balanced_accuracy``."""
    _, fp, fn, tp = np.moveaxis(cells, -1, 0)
    return 2 * tp / (2 * tp + fp + fn)


def cohen_kappa(cells: np.ndarray) -> np.ndarray:
    """Agreement beyond chance (Cohen 1960); 1 - what is wrong over what chance would get wrong."""
    tn, fp, fn, tp = np.moveaxis(cells, -1, 0)
    n_real, n_ai = tn + fp, fn + tp
    called_real, called_ai = tn + fn, fp + tp
    by_chance = n_real * called_ai + n_ai * called_real
    return 1 - (fp + fn) * (n_real + n_ai) / by_chance


def mcc(cells: np.ndarray) -> np.ndarray:
    """Matthews correlation coefficient; 0 where everything is called the same, as in scikit-learn."""
    tn, fp, fn, tp = np.moveaxis(cells, -1, 0)
    of_calls = np.sqrt((tp + fp) * (tn + fn))
    of_truth = np.sqrt((tp + fn) * (tn + fp))
    spread = of_calls * of_truth
    covariance = tp * tn - fp * fn
    return np.where(spread > 0, covariance / np.where(spread > 0, spread, 1), 0.0)


def log_loss(y_true: np.ndarray, y_score: np.ndarray) -> np.ndarray:
    """The log loss of each row; as in scikit-learn, scores of exactly 0 and 1 count as one float64
    rounding step away from it."""
    smallest = np.finfo(np.float64).eps
    of_truth = np.where(y_true == 1, y_score, 1 - y_score)
    return -np.log(np.clip(of_truth, smallest, 1 - smallest))


def squared_error(y_true: np.ndarray, y_score: np.ndarray) -> np.ndarray:
    """The squared distance of each row's score from its truth."""
    return (y_score - y_true) ** 2


ROC_AUC = OfRanking(
    area=lambda curves: curves.roc_auc,
    influence=lambda curves: curves.roc_auc_influence(),
    n=lambda curves: min(curves.n_ai, curves.n_real),
    least=2,
)
AVERAGE_PRECISION = OfRanking(
    area=lambda curves: curves.average_precision,
    influence=lambda curves: curves.average_precision_influence(),
    n=lambda curves: curves.n_ai,
)
