"""What a network did on the validation split: the figures that a stage watches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from detector.evaluation.calibration import sigmoid
from detector.evaluation.metrics import headline


def validation_figures(rows: pd.DataFrame, logits: np.ndarray) -> dict[str, Any]:
    """val_* metrics of uncalibrated scores at 0.5; val_paired_auc where there are paired rows of both
    classes. rows: with y_true and paired; logits: finite, (n,)."""
    y_true, y_score = rows["y_true"].to_numpy(), sigmoid(logits)
    figures = headline(y_true, y_score, 0.5)
    result = {
        "val_loss": figures["log_loss"],
        "val_accuracy": figures["accuracy"],
        "val_balanced_accuracy": figures["balanced_accuracy"],
        "val_auc": figures["roc_auc"],
    }
    paired = paired_of_both_classes(rows)
    if paired.any():
        result["val_paired_auc"] = headline(y_true[paired], y_score[paired], 0.5)["roc_auc"]
    return result


def paired_of_both_classes(rows: pd.DataFrame) -> np.ndarray:
    """bool (n,): the rows that are paired; none if those are all of one class."""
    paired = rows["paired"].to_numpy(bool)
    return paired & (rows["y_true"][paired].nunique() == 2)


def higher_is_better(monitor: str, validation: dict[str, Any]) -> float:
    """The figure that a stage watches, turned so that the best epoch has the highest."""
    return -validation[monitor] if monitor == "val_loss" else validation[monitor]
