"""Every metric with its 95% interval. Those of a threshold come from a confusion matrix alone; the others are computed once.

Intervals: Wilson's for proportions (accuracy, precision, recall, specificity); for F1 Wilson's for TP / (TP + FP + FN), of which F1 is
a monotone function; posterior draws of the confusion matrix for balanced accuracy, kappa and MCC; DeLong's variance for ROC AUC and the
infinitesimal jackknife's for average precision, both on the log-odds scale; normal ones for the mean losses; and a basic bootstrap of the
bins for the calibration error.
"""

from __future__ import annotations

import numpy as np

from detector.evaluation.curves import Counts, Curves
from detector.evaluation.intervals import DRAWS, Estimate, mean, on_logit_scale, resampled, wilson
from detector.evaluation.reliability import Reliability

NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "specificity": "Specificity",
    "f1": "F1",
    "cohen_kappa": "Cohen's kappa",
    "mcc": "Matthews correlation (MCC)",
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "expected_calibration_error": "Expected calibration error",
}
LOWER_IS_BETTER = {"log_loss", "brier", "expected_calibration_error"}

Card = dict[str, Estimate | None]
"""Metric -> estimate; None where the rows do not define it."""


def at_threshold(counts: Counts) -> Card:
    """Metrics of one confusion matrix."""
    tn, fp, fn, tp = counts.tn, counts.fp, counts.fn, counts.tp
    cells = np.array([tn, fp, fn, tp], dtype=np.float64)
    both = tn + fp > 0 and fn + tp > 0
    jaccard = wilson(tp, tp + fp + fn)
    return {
        "accuracy": wilson(tn + tp, counts.n),
        "balanced_accuracy": resampled(float(balanced_accuracy(cells)), cells, balanced_accuracy) if both else None,
        "precision": wilson(tp, tp + fp),
        "recall": wilson(tp, tp + fn),
        "specificity": wilson(tn, tn + fp),
        "f1": jaccard and Estimate(*(2 * edge / (1 + edge) for edge in (jaccard.value, jaccard.low, jaccard.high))),
        "cohen_kappa": resampled(float(cohen_kappa(cells)), cells, cohen_kappa) if both else None,
        "mcc": resampled(float(mcc(cells)), cells, mcc) if both else None,
    }


def of_ranking(curves: Curves) -> Card:
    """ROC AUC and average precision."""
    if not curves.both:
        return {"roc_auc": None, "average_precision": None}
    variance = curves.variance(curves.roc_auc_influence()) if min(curves.n_ai, curves.n_real) > 1 else 0.0
    return {
        "roc_auc": on_logit_scale(curves.roc_auc, variance, min(curves.n_ai, curves.n_real)),
        "average_precision": on_logit_scale(curves.average_precision, curves.variance(curves.average_precision_influence()), curves.n_ai),
    }


def of_probabilities(y_true: np.ndarray, y_score: np.ndarray, reliability: Reliability) -> Card:
    """Log loss, Brier score and the expected calibration error over the bins of ``reliability``, which was made from the same rows."""
    return {
        "log_loss": mean(row_log_loss(y_true, y_score)),
        "brier": mean((y_score - y_true) ** 2),
        "expected_calibration_error": _calibration_error(reliability),
    }


def false_alarm_rate(card: Card) -> Estimate | None:
    """The share of real rows called AI-generated: what the specificity leaves."""
    specificity = card["specificity"]
    return specificity and Estimate(1 - specificity.value, 1 - specificity.high, 1 - specificity.low)


def row_log_loss(y_true: np.ndarray, y_score: np.ndarray) -> np.ndarray:
    """The log loss of each row; as in scikit-learn, scores of exactly 0 and 1 count as one float64 rounding step away from it."""
    smallest = np.finfo(np.float64).eps
    return -np.log(np.clip(np.where(y_true == 1, y_score, 1 - y_score), smallest, 1 - smallest))


def balanced_accuracy(cells: np.ndarray) -> np.ndarray:
    """cells: (..., 4) counts or shares TN, FP, FN, TP. Returns (...)."""
    tn, fp, fn, tp = np.moveaxis(cells, -1, 0)
    return (tn / (tn + fp) + tp / (tp + fn)) / 2


def cohen_kappa(cells: np.ndarray) -> np.ndarray:
    """Agreement beyond chance (Cohen 1960); 1 - what is wrong over what chance would get wrong."""
    tn, fp, fn, tp = np.moveaxis(cells, -1, 0)
    n = tn + fp + fn + tp
    return 1 - (fp + fn) * n / ((tn + fp) * (fp + tp) + (fn + tp) * (tn + fn))


def mcc(cells: np.ndarray) -> np.ndarray:
    """Matthews correlation coefficient; 0 where everything is called the same, as in scikit-learn."""
    tn, fp, fn, tp = np.moveaxis(cells, -1, 0)
    spread = np.sqrt((tp + fp) * (tn + fn)) * np.sqrt((tp + fn) * (tn + fp))
    return np.where(spread > 0, (tp * tn - fp * fn) / np.where(spread > 0, spread, 1), 0.0)


def per_class_report(counts: Counts) -> str:
    """Precision, recall and F1 of both classes as ``sklearn.metrics.classification_report(digits=3)`` prints them; "–" where undefined."""
    tn, fp, fn, tp = counts.tn, counts.fp, counts.fn, counts.tp
    rows = {"real": (tn, fn, fp), "AI-generated": (tp, fp, fn)}
    lines, figures, supports = [], [], []
    for name, (hit, called_wrongly, missed) in rows.items():
        figures.append((_ratio(hit, hit + called_wrongly), _ratio(hit, hit + missed), _ratio(2 * hit, 2 * hit + called_wrongly + missed)))
        supports.append(hit + missed)
        lines.append(_line(name, figures[-1], supports[-1]))
    table = np.array(figures)
    weighted = table.T @ np.array(supports) / max(counts.n, 1)
    heading = " " * 12 + " " + "".join(f" {title:>9}" for title in ("precision", "recall", "f1-score", "support"))
    accuracy = f"{'accuracy':>12} " + " " * 20 + f" {_shown(_ratio(tn + tp, counts.n)):>9} {counts.n:>9}"
    return "\n".join(
        [heading, "", *lines, "", accuracy, _line("macro avg", table.mean(axis=0), counts.n), _line("weighted avg", weighted, counts.n), ""]
    )


def _line(name: str, figures, support: int) -> str:
    return f"{name:>12} " + "".join(f" {_shown(figure):>9}" for figure in figures) + f" {support:>9}"


def _shown(figure: float) -> str:
    return "–" if np.isnan(figure) else f"{figure:.3f}"


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _calibration_error(reliability: Reliability) -> Estimate | None:
    """Draws of every bin's count and gap; the basic interval, because the plain error of a resample is biased upwards."""
    n = int(reliability.counts.sum())
    if not n:
        return None
    value = reliability.expected_calibration_error
    rng = np.random.default_rng(0)
    counts = rng.multinomial(n, reliability.counts / n, DRAWS)
    gaps = rng.normal(reliability.gap * counts, reliability.gap_spread * np.sqrt(counts))
    low, high = np.quantile(np.abs(gaps).sum(axis=1) / n, (0.025, 0.975))
    return Estimate(value, min(max(2 * value - high, 0.0), value), max(2 * value - low, value))
