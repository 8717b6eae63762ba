"""experiments.levels: the network in two parts is the network. (Training is what `python -m
experiments.levels` does.)"""

from __future__ import annotations

from collections import Counter

import keras
import numpy as np

from detector.architectures.efficientnetv2b0_multilevel_attention import ARCHITECTURE, LEVELS
from experiments.levels import DESIGNS, trunk_and_above


def test_trunk_and_what_lies_above_it_are_the_network():
    keras.utils.set_random_seed(0)
    network = ARCHITECTURE.build(None, heads=2)
    keras.utils.set_random_seed(0)
    trunk, above, level_of = trunk_and_above(None, heads=2)
    images = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype(np.float32)
    features = trunk(images, training=False)
    np.testing.assert_allclose(
        above(features, training=False)["logit"],
        network(images, training=False)["logit"],
        rtol=1e-4,
        atol=1e-6,
    )
    assert Counter(level_of) == {"level2": 32, "level3": 48, "level4": 96, "level5": 112, "level6": 1280}


def test_designs_name_levels_that_there_are():
    assert set().union(*DESIGNS.values()) == set(LEVELS.values())
