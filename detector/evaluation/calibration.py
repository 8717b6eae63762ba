"""From logits to calibrated probabilities, and from those to a decision."""

from __future__ import annotations

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) in float64, written so that it cannot overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, dtype=np.float64)))


def calibrated(logits: np.ndarray, temperature: float) -> np.ndarray:
    """P(AI-generated) = sigmoid(logit / temperature); float64 in [0, 1], same shape as ``logits``."""
    return sigmoid(np.asarray(logits, dtype=np.float64) / temperature)


def fit_temperature(y_true: np.ndarray, logits: np.ndarray) -> float:
    """The temperature that minimises the log loss (Guo et al., ICML 2017). It moves no image across 0.5.

    y_true: (N,) of 0/1, both present (ValueError otherwise); logits: (N,). Returns a value in [0.05, 20].
    """
    from scipy.optimize import minimize_scalar  # not at the top: the app calibrates but never fits

    y_true, logits = np.asarray(y_true, dtype=np.float64), np.asarray(logits, dtype=np.float64)
    if set(np.unique(y_true)) != {0.0, 1.0}:
        raise ValueError("A temperature can only be fitted on rows of both classes.")

    def log_loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0.0, scaled) - y_true * scaled))

    found = minimize_scalar(log_loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))


def choose_threshold(y_true: np.ndarray, y_score: np.ndarray, max_false_alarms: float | None = None) -> float:
    """The threshold (AI-generated where y_score >= threshold) with the best balanced accuracy.

    max_false_alarms: if given, only thresholds at which at most this share of real images is called AI-generated count.
    Candidates are the midpoints between neighbouring distinct scores; among ties the one nearest 0.5 wins.
    """
    y_true, y_score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    distinct = np.unique(y_score)
    candidates = np.concatenate([[0.0], (distinct[1:] + distinct[:-1]) / 2, [1.0]])
    positives, negatives = np.sort(y_score[y_true == 1]), np.sort(y_score[y_true == 0])
    recall = 1 - np.searchsorted(positives, candidates) / max(len(positives), 1)
    false_alarms = 1 - np.searchsorted(negatives, candidates) / max(len(negatives), 1)
    merit = (recall + 1 - false_alarms) / 2
    if max_false_alarms is not None:
        merit = np.where(false_alarms <= max_false_alarms, merit, -np.inf)
    best = np.flatnonzero(merit >= merit.max() - 1e-12)
    return float(candidates[best[np.argmin(np.abs(candidates[best] - 0.5))]])


def choose_unsure_band(y_true: np.ndarray, y_score: np.ndarray, threshold: float, max_error: float) -> tuple[float, float]:
    """The narrowest band (low, high) around ``threshold``, symmetric in log-odds, outside which at most ``max_error`` of rows are wrong.

    If even the widest band that leaves 5% of the rows outside is not enough, that widest one is returned.
    """
    y_true, y_score = np.asarray(y_true), np.clip(np.asarray(y_score, dtype=np.float64), 1e-9, 1 - 1e-9)
    centre = np.log(threshold / (1 - threshold)) if 0 < threshold < 1 else 0.0
    margin = np.log(y_score / (1 - y_score)) - centre
    order = np.argsort(-np.abs(margin), kind="stable")
    wrong = ((margin >= 0) != (y_true == 1))[order]
    outside = np.arange(1, len(order) + 1)
    good = np.flatnonzero((np.cumsum(wrong) / outside <= max_error) & (outside >= max(1, 0.05 * len(order))))
    kept = int(good[-1]) + 1 if len(good) else max(1, int(np.ceil(0.05 * len(order))))
    # Halfway between the last row kept outside and the first one inside; no band at all when every row may stay outside.
    distances = np.abs(margin)[order]
    half_width = 0.0 if kept == len(order) else float((distances[kept - 1] + distances[kept]) / 2)
    return float(sigmoid(centre - half_width)), float(sigmoid(centre + half_width))
