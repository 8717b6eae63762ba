"""Every metric with its 95% interval. Those of a threshold come from a confusion matrix alone; the others are
computed once. And the report per class, as scikit-learn prints it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.evaluation.curves import ConfusionMatrix
from detector.evaluation.formulas import OfMatrix, Predicted
from detector.evaluation.metrics import METRICS, Estimates

_COLUMNS = ("precision", "recall", "f1-score", "support")


def at_threshold(confusion_matrix: ConfusionMatrix) -> Estimates:
    """The metrics of one confusion matrix."""
    estimates: Estimates = {}
    for name, metric in METRICS.items():
        if isinstance(metric.formula, OfMatrix):
            estimates[name] = metric.formula.of(confusion_matrix)
    return estimates


def without_threshold(rows: Predicted) -> Estimates:
    """The metrics that no threshold changes."""
    estimates: Estimates = {}
    for name, metric in METRICS.items():
        if not isinstance(metric.formula, OfMatrix):
            estimates[name] = metric.estimate(rows, 0.5)
    return estimates


def per_class_report(confusion_matrix: ConfusionMatrix) -> str:
    """Precision, recall and F1 of both classes as ``sklearn.metrics.classification_report(digits=3)``
    prints them; "–" where undefined."""
    tn, fp, fn, tp = (getattr(confusion_matrix, cell) for cell in ("tn", "fp", "fn", "tp"))
    n = confusion_matrix.n
    of_real = _figures(hits=tn, called_wrongly=fn, missed=fp)
    of_ai = _figures(hits=tp, called_wrongly=fp, missed=fn)
    table = np.array([of_real, of_ai])
    supports = np.array([confusion_matrix.n_real, confusion_matrix.n_ai])
    weighted = table.T @ supports / max(n, 1)
    heading = "".join(f" {column:>9}" for column in _COLUMNS)
    accuracy = _shown(_ratio(tn + tp, n))
    lines = [
        f"{'':>12} {heading}",
        "",
        _line("real", of_real, confusion_matrix.n_real),
        _line("AI-generated", of_ai, confusion_matrix.n_ai),
        "",
        f"{'accuracy':>12} {'':>20} {accuracy:>9} {n:>9}",
        _line("macro avg", table.mean(axis=0), n),
        _line("weighted avg", weighted, n),
        "",
    ]
    return "\n".join(lines)


def _figures(hits: int, called_wrongly: int, missed: int) -> list[float]:
    """Precision, recall and F1 of one class."""
    precision = _ratio(hits, hits + called_wrongly)
    recall = _ratio(hits, hits + missed)
    f1 = _ratio(2 * hits, 2 * hits + called_wrongly + missed)
    return [precision, recall, f1]


def _line(name: str, figures: Sequence[float] | np.ndarray, support: int) -> str:
    cells = "".join(f" {_shown(figure):>9}" for figure in figures)
    return f"{name:>12} {cells} {support:>9}"


def _shown(figure: float) -> str:
    return "–" if np.isnan(figure) else f"{figure:.3f}"


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
