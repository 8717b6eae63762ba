"""experiments.choices: its losses and its batches. (Training is what `python -m experiments.choices`
does.)"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from experiments.choices import in_pairs, losses

LOG_2 = math.log(2)


def loss(name: str, *pictures: tuple[float, float, float], sources: int = 2, smoothing: float = 0.0) -> float:
    """Of (label, source, logit)s."""
    table = np.array(pictures, np.float32)
    return float(losses(sources, smoothing)[name](table[:, :2], table[:, 2:]))


def test_the_error_is_the_cross_entropy():
    # -log sigmoid(log 3) = log 4/3 for the AI-generated one; log 2 for the real one.
    assert loss("error", (1, 0, math.log(3)), (0, 0, 0)) == pytest.approx(
        (math.log(4 / 3) + LOG_2) / 2, abs=1e-6
    )


def test_smoothing_moves_labels_towards_a_half():
    # Label 1 becomes 0.9: 0.9 log 4/3 + 0.1 log 4.
    assert loss("error", (1, 0, math.log(3)), smoothing=0.2) == pytest.approx(
        0.9 * math.log(4 / 3) + 0.1 * math.log(4), abs=1e-6
    )


def test_ranking_compares_the_pictures_of_one_source_only():
    # One pair in source 0, the AI-generated one log 3 above; that of source 1 has nothing to be compared
    # with.
    pictures = (1, 0, math.log(3)), (0, 0, 0), (1, 1, 0)
    assert loss("ranking", *pictures) - loss("error", *pictures) == pytest.approx(math.log(4 / 3), abs=1e-6)


def test_ranking_without_pairs_is_the_error():
    pictures = (1, 0, 2.0), (0, 1, 1.0)
    assert loss("ranking", *pictures) == pytest.approx(loss("error", *pictures))


def test_v_rex_adds_the_variance_of_the_sources_errors():
    # Errors log 4/3 in source 0 and log 2 twice in source 1; of the third source there is no picture.
    pictures = (1, 0, math.log(3)), (1, 1, 0), (0, 1, 0)
    middle = (math.log(4 / 3) + LOG_2) / 2
    added = ((math.log(4 / 3) - middle) ** 2 + (LOG_2 - middle) ** 2) / 2
    assert loss("v-rex", *pictures, sources=3) - loss("error", *pictures) == pytest.approx(added, abs=1e-6)


def test_group_dro_weighs_sources_evenly_at_first_and_then_the_worst_more():
    group_dro = losses(2, 0.0)["group-dro"]
    y_true, logits = (
        np.array([[1, 0], [1, 1], [1, 1]], np.float32),
        np.array([[-5.0], [5.0], [5.0]], np.float32),
    )
    worse, better = math.log1p(math.exp(5)), math.log1p(math.exp(-5))
    first = float(group_dro(y_true, logits))
    weight = math.exp(0.01 * worse) / (math.exp(0.01 * worse) + math.exp(0.01 * better))
    assert first == pytest.approx(
        weight * worse + (1 - weight) * better, rel=1e-5
    ) and weight == pytest.approx(0.5, abs=0.02)
    for _ in range(50):
        later = float(group_dro(y_true, logits))
    assert later > first


def test_group_dro_leaves_the_weight_of_a_source_that_is_not_in_the_batch():
    """Sources 0 and 1 in turn, equally wrong: neither gains by being drawn, so a batch of both has the
    plain mean."""
    group_dro = losses(3, 0.0)["group-dro"]
    one, other = np.array([[1, 0]], np.float32), np.array([[1, 1]], np.float32)
    for y_true in (one, one, one, other):
        group_dro(y_true, np.array([[-3.0]], np.float32))
    both = float(group_dro(np.concatenate([one, other]), np.array([[-3.0], [3.0]], np.float32)))
    worse, better = math.log1p(math.exp(3)), math.log1p(math.exp(-3))
    weight = math.exp(0.01 * worse) / (math.exp(0.01 * worse) + math.exp(0.01 * better))
    assert both == pytest.approx(weight * worse + (1 - weight) * better, rel=1e-5)


def test_batches_in_pairs_hold_as_many_real_as_ai_generated_pictures_of_two_paired_sources():
    rows = pd.DataFrame(
        [
            {"source": source, "y_true": label, "paired": source != "unpaired"}
            for source in ("a", "b", "c", "unpaired")
            for label in (0, 1)
            for _ in range(3)
        ]
    )
    drawn = rows.iloc[in_pairs(rows, 8, np.random.default_rng(0))]
    assert drawn["paired"].all() and drawn.groupby(["source", "y_true"]).size().tolist() == [2, 2, 2, 2]
