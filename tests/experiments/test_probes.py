"""experiments.probes: what a probe sees and is trained on. (The training is scikit-learn's; the folds are
those of experiments.folds.)"""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pytest

from detector.architectures.efficientnetv2b0_multilevel_attention import ARCHITECTURE, LEVELS
from experiments.folds import Fold
from experiments.probes import LOOKS, fit_and_judge, probe_features, share_of_pictures, share_of_sources

CHANNELS = 32 + 48 + 96 + 112 + 1280


@pytest.fixture
def rows() -> pd.DataFrame:
    """Four paired sources and two others, of 8 real and 4 AI-generated pictures each."""
    sources = np.repeat(list("abcdef"), 12)
    return pd.DataFrame({"source": sources, "paired": sources < "e", "y_true": np.tile([0] * 8 + [1] * 4, 6)})


@pytest.mark.parametrize(("share", "paired", "others"), [(0.5, 2, 1), (0.25, 1, 1)])
def test_part_of_the_sources_is_whole_sources_paired_and_others(rows, share, paired, others):
    kept = rows[share_of_sources(share)(rows, np.random.default_rng(0))]
    assert (kept["source"].value_counts() == 12).all()
    assert (
        kept[kept["paired"]]["source"].nunique() == paired
        and kept[~kept["paired"]]["source"].nunique() == others
    )


def test_part_of_the_pictures_is_the_same_share_of_each_class_of_each_source(rows):
    kept = rows[share_of_pictures(0.25)(rows, np.random.default_rng(0))]
    assert set(kept.groupby(["source", "y_true"]).size().items()) == {
        ((source, y), (2, 1)[y]) for source in "abcdef" for y in (0, 1)
    }


def test_the_features_are_mean_and_deviation_of_every_level_for_each_look():
    keras.utils.set_random_seed(0)
    network = ARCHITECTURE.build(None)
    keras.utils.set_random_seed(0)
    probe = probe_features(None)
    image = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    features = np.asarray(probe(image, training=False)).reshape(len(LOOKS), 2 * CHANNELS)
    level = np.asarray(
        keras.Model(network.input, network.get_layer(next(iter(LEVELS))).output)(image, training=False)
    )[0]
    np.testing.assert_allclose(
        features[0, :64],
        np.concatenate([level.mean(axis=(0, 1)), level.std(axis=(0, 1))]),
        rtol=1e-3,
        atol=1e-5,
    )


def test_the_noise_residual_of_an_even_picture_does_not_tell_how_bright_it_is():
    probe = probe_features(None)
    dark, light = (
        np.asarray(probe(np.full((1, 224, 224, 3), value, np.float32), training=False)).reshape(3, -1)
        for value in (40, 200)
    )
    np.testing.assert_allclose(dark[2], light[2], rtol=1e-3, atol=1e-5)
    assert np.abs(dark[0] - light[0]).max() > 0.01


def test_a_probe_uses_the_chosen_rows_and_columns_only():
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 40)
    told = np.stack([labels, 1 - labels], axis=1)[None, :, None, None] + 0.01 * rng.normal(
        size=(1, 80, 1, 1, 2)
    )
    table = pd.DataFrame({"y_true": labels, "paired": True})
    fold = Fold(
        table, told.astype(np.float16), table, told[0].astype(np.float16), table, told[0].astype(np.float16)
    )
    everything, weights = np.ones(80, bool), np.ones(80)
    assert fit_and_judge(fold, everything, weights, np.array([True, False]))["left_out_auc"] == 1
    lying = fold.features.copy()
    lying[:, 40:] = 1 - lying[:, 40:]
    half = Fold(table, lying, table, told[0].astype(np.float16), table, told[0].astype(np.float16))
    assert fit_and_judge(half, np.arange(80) < 40, weights, np.array([True, False]))["left_out_auc"] == 1
    assert fit_and_judge(half, np.arange(80) >= 40, weights, np.array([True, False]))["left_out_auc"] == 0
