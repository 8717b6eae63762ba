"""How far scores can be read as probabilities: the reliability diagram, and the scores of each class as a
histogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HISTOGRAM_BINS = 40
BINS = 15
"""Of equal width, as in Guo et al. (ICML 2017)."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Rows in equal-width bins of y_score. Arrays are (bins,); a bin without rows has count 0 and NaN for its
    shares.

    prob_pred: mean y_score. prob_true: share of AI-generated rows. gap: mean of y_true - y_score, 0 where
    empty. gap_spread: its standard deviation over rows.
    """

    counts: np.ndarray
    prob_pred: np.ndarray
    prob_true: np.ndarray
    gap: np.ndarray
    gap_spread: np.ndarray

    @classmethod
    def of(cls, y_true: np.ndarray, y_score: np.ndarray, bins: int = BINS) -> Reliability:
        """y_true: (n,) of 0/1; y_score: (n,) in [0, 1]. No rows are fine."""
        y_true = np.asarray(y_true, dtype=np.float64)
        y_score = np.asarray(y_score, dtype=np.float64)
        which = bin_of(y_score, bins)
        counts = np.bincount(which, minlength=bins)
        nonzero = np.maximum(counts, 1)

        def mean_per_bin(values: np.ndarray) -> np.ndarray:
            return np.bincount(which, weights=values, minlength=bins) / nonzero

        gaps = y_true - y_score
        gap = mean_per_bin(gaps)
        variance = mean_per_bin(gaps**2) - gap**2
        nan_if_empty = np.where(counts > 0, 0.0, np.nan)
        return cls(
            counts=counts,
            prob_pred=mean_per_bin(y_score) + nan_if_empty,
            prob_true=mean_per_bin(y_true) + nan_if_empty,
            gap=gap,
            gap_spread=np.sqrt(np.maximum(variance, 0)),
        )

    @property
    def n(self) -> int:
        """Rows in all bins."""
        return int(self.counts.sum())

    @property
    def expected_calibration_error(self) -> float | None:
        """Mean |gap| weighted by count (Naeini et al., AAAI 2015); None for no rows."""
        if not self.n:
            return None
        return float(np.abs(self.gap) @ self.counts / self.n)


def bin_of(y_score: np.ndarray, bins: int) -> np.ndarray:
    """int64 (n,): which of ``bins`` equal-width bins of [0, 1] each score is in; 1 is in the last."""
    which = (np.asarray(y_score) * bins).astype(np.int64)
    return np.minimum(which, bins - 1)


def histogram(y_true: np.ndarray, y_score: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts (bins,) of real rows and of AI-generated ones."""
    which = bin_of(y_score, bins) + bins * (np.asarray(y_true) == 1)
    counts = np.bincount(which, minlength=2 * bins)
    return counts[:bins], counts[bins:]
