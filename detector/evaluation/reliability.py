"""How far scores can be read as probabilities: the reliability diagram, and the scores of each class as a histogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HISTOGRAM_BINS = 40
BINS = 15
"""Of equal width, as in Guo et al. (ICML 2017) and in ``metrics.expected_calibration_error``."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Rows in equal-width bins of y_score. Arrays are (bins,); a bin without rows has count 0 and NaN for its shares.

    prob_pred: mean y_score. prob_true: share of AI-generated rows. gap: mean of y_true - y_score, 0 where empty. gap_spread: its
    standard deviation over rows.
    """

    counts: np.ndarray
    prob_pred: np.ndarray
    prob_true: np.ndarray
    gap: np.ndarray
    gap_spread: np.ndarray

    @classmethod
    def of(cls, y_true: np.ndarray, y_score: np.ndarray, bins: int = BINS) -> Reliability:
        which = bin_of(y_score, bins)
        counts = np.bincount(which, minlength=bins)
        nonzero = np.maximum(counts, 1)
        gaps = y_true - y_score
        gap = np.bincount(which, weights=gaps, minlength=bins) / nonzero
        square = np.bincount(which, weights=gaps**2, minlength=bins) / nonzero
        empty = np.where(counts > 0, 0.0, np.nan)
        return cls(
            counts=counts,
            prob_pred=np.bincount(which, weights=y_score, minlength=bins) / nonzero + empty,
            prob_true=np.bincount(which, weights=y_true, minlength=bins) / nonzero + empty,
            gap=gap,
            gap_spread=np.sqrt(np.maximum(square - gap**2, 0)),
        )

    @property
    def expected_calibration_error(self) -> float:
        """Mean |gap| weighted by count (Naeini et al., AAAI 2015)."""
        return float(np.abs(self.gap) @ self.counts / self.counts.sum())


def bin_of(y_score: np.ndarray, bins: int) -> np.ndarray:
    """int64 (n,): which of ``bins`` equal-width bins of [0, 1] each score is in; 1 is in the last."""
    return np.minimum((np.asarray(y_score) * bins).astype(np.int64), bins - 1)


def histogram(y_true: np.ndarray, y_score: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts (bins,) of real rows and of AI-generated ones."""
    which = bin_of(y_score, bins) + bins * (np.asarray(y_true) == 1)
    counts = np.bincount(which, minlength=2 * bins)
    return counts[:bins], counts[bins:]
