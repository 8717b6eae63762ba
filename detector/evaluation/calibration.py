"""From logits to calibrated probabilities, and from those to a decision."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def sigmoid(logits: ArrayLike) -> np.ndarray:
    """1 / (1 + exp(-x)) in float64, written so that it cannot overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, dtype=np.float64)))


def calibrated(logits: np.ndarray, temperature: float) -> np.ndarray:
    """P(AI-generated) = sigmoid(logit / temperature); float64 in [0, 1], same shape as ``logits``."""
    return sigmoid(np.asarray(logits, dtype=np.float64) / temperature)


def fit_temperature(y_true: np.ndarray, logits: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The temperature that minimises the log loss (Guo et al., ICML 2017). It moves no image across 0.5.

    y_true: (N,) of 0/1, both present (ValueError otherwise); logits: (N,); weights: (N,), how much each row
    counts, or all the same. Returns a value in [0.05, 20].
    """
    from scipy.optimize import minimize_scalar  # not at the top: the app calibrates but never fits

    y_true = np.asarray(y_true, dtype=np.float64)
    logits = np.asarray(logits, dtype=np.float64)
    if set(np.unique(y_true)) != {0.0, 1.0}:
        raise ValueError("A temperature can only be fitted on rows of both classes.")

    def log_loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        losses = np.logaddexp(0.0, scaled) - y_true * scaled
        return float(np.average(losses, weights=weights))

    bounds = (np.log(0.05), np.log(20.0))
    minimum = minimize_scalar(log_loss, bounds=bounds, method="bounded")
    return float(np.exp(minimum.x))


def choose_threshold(y_true: np.ndarray, y_score: np.ndarray, max_false_alarms: float | None = None) -> float:
    """The threshold (AI-generated where y_score >= threshold) with the best balanced accuracy.

    max_false_alarms: if given, only thresholds at which at most this share of real images is called
    AI-generated count. Candidates are the midpoints between neighbouring distinct scores, 0 and 1 included;
    among ties the one nearest 0.5 wins.
    """
    y_true, y_score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    distinct = np.unique(np.concatenate([y_score, [0.0, 1.0]]))
    # Never 0 or 1 themselves: those have no log-odds to put a band around.
    candidates = (distinct[1:] + distinct[:-1]) / 2
    recall = _share_above(y_score[y_true == 1], candidates)
    false_alarms = _share_above(y_score[y_true == 0], candidates)
    merit = recall - false_alarms
    if max_false_alarms is not None:
        # If none qualifies (real images scored 1), the one with the fewest false alarms does.
        limit = max(max_false_alarms, false_alarms.min())
        merit = np.where(false_alarms <= limit, merit, -np.inf)
    best = candidates[merit >= merit.max() - 1e-12]
    nearest = np.argmin(np.abs(best - 0.5))
    return float(best[nearest])


def _share_above(y_score: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(m,): which share of the scores is at each threshold or above; 1 for no scores."""
    n_below = np.searchsorted(np.sort(y_score), thresholds)
    return 1 - n_below / max(len(y_score), 1)


def choose_unsure_band(
    y_true: np.ndarray, y_score: np.ndarray, threshold: float, max_error: float
) -> tuple[float, float]:
    """The narrowest band (low, high) around ``threshold``, symmetric in log-odds, outside which at most
    ``max_error`` of rows are wrong.

    At least 5% of the rows stay outside; if that is too many for ``max_error``, the widest such band is
    returned. Rows at the same distance from the threshold are never parted. low <= threshold <= high; no band
    at all is (threshold, threshold).
    """
    y_true, centre = np.asarray(y_true), log_odds(threshold)
    margin = log_odds(y_score) - centre
    order = np.argsort(-np.abs(margin), kind="stable")
    distances = np.abs(margin)[order]
    wrong = ((margin >= 0) != (y_true == 1))[order]
    outside = np.arange(1, len(order) + 1)
    gap_follows = np.append(distances[:-1] - distances[1:] > 1e-9, True)
    is_enough = outside >= 0.05 * len(order)
    possible = np.flatnonzero(gap_follows & is_enough)
    error = np.cumsum(wrong) / outside
    good = possible[error[possible] <= max_error]
    last = good[-1] if len(good) else possible[0]  # the row outside that is nearest to the threshold
    if last == len(order) - 1:
        return threshold, threshold
    half_width = (distances[last] + distances[last + 1]) / 2
    low = float(sigmoid(centre - half_width))
    high = float(sigmoid(centre + half_width))
    # Rounding, and thresholds of exactly 0 or 1, must not push the threshold out of its own band.
    return min(low, threshold), max(high, threshold)


def log_odds(probability: ArrayLike) -> np.ndarray:
    """log(p / (1 - p)), finite also for 0 and 1; float64 of the same shape."""
    probability = np.clip(np.asarray(probability, dtype=np.float64), 1e-9, 1 - 1e-9)
    return np.log(probability / (1 - probability))
