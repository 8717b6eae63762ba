"""When a temperature is a calibration, and what card and log say where it is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from detector.preprocessing import Preprocessing
from train.decision import decide, decide_for_unknown_sources, for_card
from train.model_card import limitations
from train.recipes import Decision


def rows(real: int, ai: int) -> pd.DataFrame:
    y_true = np.repeat([0, 1], [real, ai])
    logits = np.where(y_true == 1, 2.0, -2.0) + np.linspace(-3, 3, real + ai)
    return pd.DataFrame({"y_true": y_true, "paired": True, "logit": logits})


@pytest.mark.parametrize(("real", "ai"), [(1, 1), (9, 50), (50, 9)])
def test_a_temperature_from_a_few_pictures_is_not_a_calibration(real, ai):
    decision = decide(rows(real, ai), Decision())
    assert decision["temperature"] == 1.0
    card = for_card(decision)
    counts = f"{real} real and {ai} AI-generated validation images"
    sentence = f"Not calibrated: {counts} are too few; it takes 10 of each."
    assert card["calibration"] == {"method": "none", "why": sentence, "temperature": 1.0}
    assert "not_calibrated" not in card["decision"] and card["decision"]["chosen_on"]
    first, *_ = limitations(Preprocessing(32, 36, 90), {}, decision, pd.DataFrame({"delivery": []}), False)
    assert first == f"{sentence} Its probabilities are no more than scores."


def test_ten_of_each_class_are_calibrated():
    decision = decide(rows(10, 10), Decision())
    card = for_card(decision)
    assert not decision["not_calibrated"] and decision["temperature"] != 1.0
    assert (
        card["calibration"]["method"] == "temperature"
        and card["calibration"]["fitted_on"] == "20 validation images"
    )


def test_a_decision_for_unknown_sources_says_which_pictures_of_either_kind_it_was_fitted_on():
    rng, y_true = np.random.default_rng(0), np.arange(40) % 2
    left_out = pd.DataFrame({"y_true": y_true, "paired": True, "logit": rng.normal(size=40) + 2 * y_true - 1})
    val = left_out.assign(paired=False)
    found = decide_for_unknown_sources(val, left_out, Decision(calibrate_on="paired"))
    outside = "40 paired images of sources left out of training"
    assert found["fitted_on"] == f"40 validation images and {outside}, in equal parts"
    assert found["chosen_on"] == outside
