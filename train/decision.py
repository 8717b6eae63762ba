"""How logits become verdicts: temperature, threshold and unsure band, chosen on rows that the network was not trained on."""

from __future__ import annotations

import pandas as pd

from detector.evaluation.calibration import calibrated, choose_threshold, choose_unsure_band, fit_temperature
from train.recipes import Decision


def counted(rows: pd.DataFrame, settings: Decision) -> pd.DataFrame:
    """The rows that the recipe decides on: all, or the paired ones where there are any of both classes."""
    paired = rows[rows["paired"].astype(bool)]
    return paired if settings.calibrate_on == "paired" and paired["y_true"].nunique() == 2 else rows


def decide(rows: pd.DataFrame, settings: Decision, temperature: float | None = None) -> dict:
    """The card's decision, and the temperature, from validation rows with y_true, paired and logit. temperature: if it was fitted elsewhere.

    Raises ValueError where a class is missing.
    """
    chosen = counted(rows, settings)
    where = f"{len(chosen):,} {'paired ' if chosen is not rows else ''}validation images"
    y_true = chosen["y_true"].to_numpy()
    if temperature is None:
        temperature = fit_temperature(y_true, chosen["logit"])
    y_score = calibrated(chosen["logit"], temperature)
    balanced = settings.threshold == "balanced"
    threshold = choose_threshold(y_true, y_score, settings.max_false_alarms) if balanced else float(settings.threshold)
    low, high = choose_unsure_band(y_true, y_score, threshold, settings.unsure_max_error)
    low, high = min(low, threshold), max(high, threshold)  # rounding must not put the threshold outside
    outside = (y_score <= low) | (y_score >= high)
    wrong = (y_score >= threshold) != (y_true == 1)
    return {
        "temperature": temperature, "fitted_on": where, "threshold": threshold, "unsure": [low, high], "chosen_on": where,
        "error_outside_unsure": float(wrong[outside].mean()) if outside.any() else None, "share_unsure": float(1 - outside.mean()),
    }  # fmt: skip


def for_card(decision: dict) -> dict[str, dict]:
    """The card's ``calibration`` and ``decision``."""
    calibration = ("temperature", "fitted_on", "command")
    return {
        "calibration": {"method": "temperature"} | {key: decision[key] for key in calibration if key in decision},
        "decision": {key: each for key, each in decision.items() if key not in calibration},
    }
