"""Headline metrics of a set of predictions, from scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from detector.evaluation.deliveries import CLEAN, names


def headline(y_true: np.ndarray, y_score: np.ndarray, threshold: float) -> dict[str, float | int | None]:
    """The figures a card quotes. y_true (N,) of 0/1, y_score (N,) calibrated P(AI-generated); AI-generated where y_score >= threshold.

    A figure that is not defined (one class only, no rows) is None.
    """
    from sklearn import metrics as sk  # not at the top: it takes a second, and a page that only wants the bins should not wait

    y_true, y_score = np.asarray(y_true).astype(int), np.asarray(y_score, dtype=np.float64)
    if not len(y_true):
        return {"n": 0}
    y_pred = (y_score >= threshold).astype(int)
    both = len(np.unique(y_true)) == 2
    tn, fp, fn, tp = sk.confusion_matrix(y_true, y_pred, labels=[0, 1]).ravel().tolist()
    return {
        "n": len(y_true),
        "n_ai": tp + fn,
        "n_real": tn + fp,
        "accuracy": float(sk.accuracy_score(y_true, y_pred)),
        "balanced_accuracy": float(sk.balanced_accuracy_score(y_true, y_pred)) if both else None,
        "precision": tp / (tp + fp) if tp + fp else None,
        "recall": tp / (tp + fn) if tp + fn else None,
        "f1": float(sk.f1_score(y_true, y_pred)) if tp + fp + fn else None,
        "false_alarm_rate": fp / (fp + tn) if fp + tn else None,
        "roc_auc": float(sk.roc_auc_score(y_true, y_score)) if both else None,
        "average_precision": float(sk.average_precision_score(y_true, y_score)) if both else None,
        "log_loss": float(sk.log_loss(y_true, y_score, labels=[0, 1])),
        "brier": float(sk.brier_score_loss(y_true, y_score, pos_label=1)) if both else float(np.mean((y_score - y_true) ** 2)),
        "expected_calibration_error": expected_calibration_error(y_true, y_score),
        "confusion_matrix": [[tn, fp], [fn, tp]],
    }


def expected_calibration_error(y_true: np.ndarray, y_score: np.ndarray, bins: int = 15) -> float:
    """Mean |share of AI-generated - mean y_score| over equal-width bins of y_score, weighted by count (Naeini et al., AAAI 2015)."""
    y_true, y_score = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    which = np.minimum((y_score * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=y_true - y_score, minlength=bins)
    return float(np.abs(gaps).sum() / len(y_true))


def named_subsets(rows) -> dict[str, np.ndarray]:
    """The subsets every card and the README quote: name -> boolean index into ``rows`` (columns split and paired, and delivery if any).

    "unseen, paired, web" holds the pictures of "unseen, paired" after the delivery "web". Only sets that were delivered whole are named.
    """
    split, paired, arrived = rows["split"].to_numpy(), rows["paired"].to_numpy(dtype=bool), names(rows)
    parts = {
        "test": split == "test",
        "test, paired": (split == "test") & paired,
        "unseen": split == "unseen",
        "unseen, paired": (split == "unseen") & paired,
        "unseen, unpaired": (split == "unseen") & ~paired,
    }
    subsets = {name: chosen & (arrived == CLEAN) for name, chosen in parts.items()}
    for name in ("test, paired" if subsets["test, paired"].any() else "test", "unseen, paired", "unseen"):
        for delivery in pd.unique(arrived[arrived != CLEAN]):
            damaged = parts[name] & (arrived == delivery)
            if damaged.sum() == subsets[name].sum():
                subsets[f"{name}, {delivery}"] = damaged
    return {name: chosen for name, chosen in subsets.items() if chosen.any()}
