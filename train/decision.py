"""How logits become verdicts: temperature, threshold and unsure band, chosen on rows that the network was not trained on."""

from __future__ import annotations

import pandas as pd

from detector.evaluation.calibration import calibrated, choose_threshold, choose_unsure_band, fit_temperature
from train.recipes import Decision


def decide(rows: pd.DataFrame, settings: Decision, what: str) -> dict:
    """The card's decision, and the temperature, from ``rows`` with y_true, paired and logit. what: which pictures they are, for the card.

    Raises ValueError where a class is missing.
    """
    paired = rows[rows["paired"].astype(bool)]
    if settings.calibrate_on == "paired" and paired["y_true"].nunique() == 2:
        rows, what = paired, f"paired {what}"
    where = f"{len(rows)} {what}"
    y_true = rows["y_true"].to_numpy()
    temperature = fit_temperature(y_true, rows["logit"])
    y_score = calibrated(rows["logit"], temperature)
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
    """The card's ``calibration`` and ``decision``. Where `train.calibrate` chose on left-out sources, the latter has the command."""
    kept = ("threshold", "unsure", "chosen_on", "error_outside_unsure", "share_unsure", "command")
    return {
        "calibration": {"method": "temperature", "temperature": decision["temperature"], "fitted_on": decision["fitted_on"]},
        "decision": {key: decision[key] for key in kept if key in decision},
    }
