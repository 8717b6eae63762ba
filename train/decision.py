"""How logits become verdicts: temperature, threshold and unsure band, chosen on rows that the network was
not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from detector.evaluation.abstention import answers
from detector.evaluation.calibration import calibrated, choose_threshold, choose_unsure_band, fit_temperature
from train.recipes import Decision

FEWEST_TO_CALIBRATE = 10
"""Of each class. A temperature fitted on fewer follows single pictures."""


def counted(rows: pd.DataFrame, settings: Decision) -> pd.DataFrame:
    """The rows that the recipe decides on: all, or the paired ones where there are any of both classes."""
    paired = rows[rows["paired"].astype(bool)]
    return paired if settings.calibrate_on == "paired" and paired["y_true"].nunique() == 2 else rows


def too_few_to_calibrate(y_true: np.ndarray) -> str:
    """Why no temperature can be fitted on these labels, as a sentence; "" if one can."""
    real, ai = int((y_true == 0).sum()), int((y_true == 1).sum())
    if min(real, ai) >= FEWEST_TO_CALIBRATE:
        return ""
    return (
        f"Not calibrated: {real:,} real and {ai:,} AI-generated validation images are too few; it takes"
        f" {FEWEST_TO_CALIBRATE} of each."
    )


def decide(rows: pd.DataFrame, settings: Decision, temperature: float | None = None) -> dict:
    """The card's decision, and the temperature, from validation rows with y_true, paired and logit.
    temperature: if it was fitted elsewhere. Where the rows are too few to fit one, it is 1, and
    "not_calibrated" says so.

    Raises ValueError where a class is missing.
    """
    chosen = counted(rows, settings)
    where = f"{len(chosen):,} {'paired ' if chosen is not rows else ''}validation images"
    y_true = chosen["y_true"].to_numpy()
    logits = chosen["logit"].to_numpy()
    too_few = ""
    if temperature is None:
        too_few = too_few_to_calibrate(y_true)
        temperature = 1.0 if too_few else fit_temperature(y_true, logits)
    y_score = calibrated(logits, temperature)
    if settings.threshold == "balanced":
        threshold = choose_threshold(y_true, y_score, settings.max_false_alarms)
    else:
        threshold = float(settings.threshold)
    low, high = choose_unsure_band(y_true, y_score, threshold, settings.unsure_max_error)
    low, high = min(low, threshold), max(high, threshold)  # rounding must not put the threshold outside
    outside, wrong = answers(y_true, y_score, threshold, (low, high))
    return {
        "temperature": temperature,
        "fitted_on": where,
        "not_calibrated": too_few,
        "threshold": threshold,
        "unsure": [low, high],
        "chosen_on": where,
        "error_outside_unsure": float(wrong[outside].mean()) if outside.any() else None,
        "share_unsure": float(1 - outside.mean()),
    }


def temperature_of_both(inside: pd.DataFrame, outside: pd.DataFrame) -> float:
    """The temperature that two groups of rows need, the groups weighing the same however large they are."""
    rows = pd.concat([inside, outside])
    sizes = np.array([len(inside), len(outside)])
    weights = np.repeat(1 / sizes, sizes)
    return fit_temperature(rows["y_true"].to_numpy(), rows["logit"].to_numpy(), weights)


def decide_for_unknown_sources(
    val: pd.DataFrame, out_of_fold: pd.DataFrame, settings: Decision
) -> dict[str, Any]:
    """The card's decision for a model that will mostly meet sources it does not know.

    out_of_fold: pictures of training sources, each judged by a model that saw nothing of its source, with
    logits that have that model's own temperature taken out. The temperature is fitted to both in equal parts;
    threshold and unsure band are chosen on ``out_of_fold``. Raises ValueError where a class is missing.
    """
    own = decide(val, settings)["temperature"]
    inside, outside = counted(val, settings), counted(out_of_fold, settings)
    beyond = temperature_of_both(inside.assign(logit=inside["logit"] / own), outside)
    found = decide(outside.assign(logit=outside["logit"] * own), settings, temperature=own * beyond)
    paired = "paired " if outside is not out_of_fold else ""
    where = f"{len(outside):,} {paired}images of sources left out of training"
    on_left_out = {key: found.pop(key) for key in ("share_unsure", "error_outside_unsure")}
    scores = calibrated(inside["logit"].to_numpy(), found["temperature"])
    answered, wrong = answers(inside["y_true"].to_numpy(), scores, found["threshold"], tuple(found["unsure"]))
    return found | {
        "fitted_on": f"{len(inside):,} {paired}validation images and {where}, in equal parts",
        "chosen_on": where,
        "error_outside_unsure": on_left_out["error_outside_unsure"],
        "share_unsure": on_left_out["share_unsure"],
        "on_validation": {
            "share_unsure": float(1 - answered.mean()),
            "error_outside_unsure": float(wrong[answered].mean()) if answered.any() else None,
        },
    }


def for_card(decision: dict) -> dict[str, dict]:
    """The card's ``calibration`` and ``decision``."""
    why_not = decision.get("not_calibrated", "")
    calibration: dict[str, Any] = {"method": "none", "why": why_not} if why_not else {"method": "temperature"}
    rest: dict[str, Any] = {}
    for key, value in decision.items():
        if key == "not_calibrated" or (why_not and key == "fitted_on"):
            continue
        part = calibration if key in ("temperature", "fitted_on", "command") else rest
        part[key] = value
    return {"calibration": calibration, "decision": rest}
