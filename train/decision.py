"""How logits become verdicts: temperature, threshold and unsure band, chosen on rows that the network was
not trained on."""

from __future__ import annotations

from dataclasses import dataclass
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
        **worth(outside, wrong),
    }


def worth(answered: np.ndarray, wrong: np.ndarray) -> dict[str, float | None]:
    """What verdicts are worth, for the card. answered, wrong: bool (n,), see ``answers``."""
    return {
        "error_outside_unsure": float(wrong[answered].mean()) if answered.any() else None,
        "share_unsure": float(1 - answered.mean()),
    }


@dataclass(frozen=True, eq=False)
class BothSources:
    """Pictures of known and of unknown sources, those that the recipe decides on, and the temperature for
    both.

    inside: validation. outside: of training sources, each judged by a model that saw nothing of its source,
    with logits that have that model's own temperature taken out. own: the temperature that validation needs.
    temperature: the one that both need, weighing the same however many they are. left_out, fitted_on: words
    for the card.
    """

    inside: pd.DataFrame
    outside: pd.DataFrame
    own: float
    temperature: float
    left_out: str
    fitted_on: str

    @classmethod
    def of(cls, val: pd.DataFrame, out_of_fold: pd.DataFrame, settings: Decision) -> BothSources:
        """Raises ValueError where a class is missing."""
        on_validation = decide(val, settings)
        own = on_validation["temperature"]
        inside, outside = counted(val, settings), counted(out_of_fold, settings)
        rows = pd.concat([inside.assign(logit=inside["logit"] / own), outside])
        sizes = np.array([len(inside), len(outside)])
        weights = np.repeat(1 / sizes, sizes)
        beyond = fit_temperature(rows["y_true"].to_numpy(), rows["logit"].to_numpy(), weights)
        paired = "paired " if outside is not out_of_fold else ""
        left_out = f"{len(outside):,} {paired}images of sources left out of training"
        fitted_on = f"{on_validation['fitted_on']} and {left_out}, in equal parts"
        return cls(inside, outside, own, own * beyond, left_out, fitted_on)


def decide_for_unknown_sources(
    val: pd.DataFrame, out_of_fold: pd.DataFrame, settings: Decision
) -> dict[str, Any]:
    """The card's decision for a model that will mostly meet sources it does not know. out_of_fold: see
    `BothSources`.

    The temperature is fitted to both in equal parts; threshold and unsure band are chosen on ``out_of_fold``.
    Raises ValueError where a class is missing.
    """
    both = BothSources.of(val, out_of_fold, settings)
    left_out = both.outside.assign(logit=both.outside["logit"] * both.own)
    found = decide(left_out, settings, both.temperature)
    y_score = calibrated(both.inside["logit"].to_numpy(), both.temperature)
    y_true, band = both.inside["y_true"].to_numpy(), tuple(found["unsure"])
    return found | {
        "fitted_on": both.fitted_on,
        "chosen_on": both.left_out,
        "on_validation": worth(*answers(y_true, y_score, found["threshold"], band)),
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
