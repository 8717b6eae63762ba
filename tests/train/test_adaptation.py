"""Low-rank adaptation: what it changes, what it must not, and what it learns."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from tests.support.networks import TINY_VIT
from train.adaptation import adapt, part_way, upper_network
from train.head import Rows, logits_of
from train.recipes import Recipe, load_recipe


@pytest.fixture
def recipe() -> Recipe:
    recipe = load_recipe(
        "clip-vit-b16-attention-adapted",
        [
            "finetune.learning_rate=3e-2",
            "finetune.warmup_steps=0",
            "finetune.ema_momentum=0",
            "sampling.images_per_epoch=512",
        ],
    )
    return replace(recipe, architecture=TINY_VIT.name, architecture_arguments={})


@pytest.fixture
def head() -> keras.Model:
    keras.utils.set_random_seed(0)
    return TINY_VIT.encoder.head()


@pytest.fixture
def network(recipe, head) -> keras.Model:
    return upper_network(TINY_VIT, recipe, "none", 0, head)


def pictures(n: int) -> Rows:
    """Tokens of a 4 x 4 grid after the first block; in AI-generated ones two neighbouring patches are alike,
    which only attention between patches sees."""
    rng = np.random.default_rng(n)
    tokens = rng.normal(size=(n, 17, 6)).astype(np.float32)
    y_true = np.arange(n) % 2
    tokens[y_true == 1, 1:9] = 2 * tokens[y_true == 1, 9:]
    tokens[:, 0] = 0
    rows = pd.DataFrame({"id": [str(i) for i in range(n)], "y_true": y_true, "paired": True, "source": "one"})
    return Rows(rows, tokens)


def frozen(network: keras.Model) -> dict[str, np.ndarray]:
    """Weights of the encoder's blocks, without what was added to them."""
    weights = [each for layer in network.layers if "block" in layer.name for each in layer.weights]
    return {each.path: np.array(each) for each in weights if "lora" not in each.path}


def test_above_a_block_the_network_answers_what_the_whole_one_does(recipe, head):
    whole = TINY_VIT.build(None)
    for layer in head.layers:
        whole.get_layer(layer.name).set_weights(layer.get_weights()) if layer.weights else None
    upper = TINY_VIT.encoder.upper(0)
    for layer in upper.layers:
        layer.set_weights(whole.get_layer(layer.name).get_weights()) if layer.weights else None
    views = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    tokens = keras.Model(whole.input, whole.get_layer("block0").output)(views)
    np.testing.assert_allclose(upper(tokens)["logit"], whole(views)["logit"], atol=1e-5)


def test_before_the_first_step_nothing_has_changed(recipe, head, network):
    judged = pictures(8)
    before = logits_of(network, judged.tokens)
    still = replace(recipe, finetune=replace(recipe.finetune, learning_rate=1e-12, weight_decay=0.0))
    adapt(network, TINY_VIT, 2, judged, judged, still, lambda line: None)
    np.testing.assert_allclose(logits_of(network, judged.tokens), before, atol=1e-5)


def test_the_encoders_own_weights_stay_and_queries_and_values_get_their_products(recipe, network):
    before = frozen(network)
    adapt(network, TINY_VIT, 2, pictures(64), pictures(32), recipe, lambda line: None)
    for path, weights in frozen(network).items():
        np.testing.assert_array_equal(weights, before[path])
    attention = network.get_layer("block1_attention")
    ranks = [attention.query_dense.lora_rank, attention.value_dense.lora_rank]
    assert ranks == [2, 2] and not attention.key_dense.lora_enabled


def test_its_loss_falls(recipe, network):
    train, val = pictures(512), pictures(256)
    history = adapt(network, TINY_VIT, 3, train, val, recipe, lambda line: None)
    assert history[-1]["loss"] < history[0]["loss"]


def test_no_way_gone_is_the_encoder_as_it_was_and_all_of_it_what_it_has_become(recipe, head, network):
    judged = pictures(16)
    before = logits_of(network, judged.tokens)
    adapt(network, TINY_VIT, 2, pictures(64), judged, recipe, lambda line: None)
    after = logits_of(network, judged.tokens)
    assert np.abs(after - before).max() > 1e-3
    with part_way(network, head, 0.0):
        np.testing.assert_allclose(logits_of(network, judged.tokens), before, atol=1e-5)
    with part_way(network, head, 1.0):
        np.testing.assert_allclose(logits_of(network, judged.tokens), after, atol=1e-5)
    np.testing.assert_allclose(logits_of(network, judged.tokens), after, atol=1e-5)
