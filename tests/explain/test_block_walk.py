"""A transformer's blocks walked through: rollout growing from block to block, and what the head reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.architectures import TransformerBlocks
from detector.classifier import Classifier
from detector.explain.attention_rollout import rollout, rollout_by_layer
from detector.explain.block_walk import BlockWalk
from detector.explain.stage_maps import most_varied, stage_maps
from detector.explain.walkthrough import Walkthrough, can_walk_through, has_head, walk_through
from tests.support.networks import PLAIN_NETWORK, TINY, TINY_VIT, TWO_LAYERS, built, noise

TWO_BLOCKS = np.float32([[[0.5, 0.5], [0, 1]], [[0, 1], [1, 0]]])
"""Of two tokens: the first looks at both, the second at itself; then each looks at the other."""


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return built(TINY_VIT)


@pytest.fixture(scope="module")
def walk(classifier) -> Walkthrough:
    walked = walk_through(classifier, noise())
    assert isinstance(walked, Walkthrough)
    return walked


# ---- by hand


def test_rollout_grows_by_half_of_each_blocks_attention():
    """(A + I)/2 is [[3/4, 1/4], [0, 1]], then [[1/2, 1/2], [1/2, 1/2]] times that."""
    grown = rollout_by_layer(TWO_BLOCKS[:, None], residual=True)
    np.testing.assert_array_equal(grown[0], [[0.75, 0.25], [0, 1]])
    np.testing.assert_array_equal(grown[1], [[0.375, 0.625], [0.375, 0.625]])
    np.testing.assert_array_equal(grown[1], rollout(TWO_BLOCKS[:, None], residual=True))


def test_what_a_class_token_holds_of_one_patch_and_of_itself():
    blocks = TransformerBlocks("tokens", ("one", "two"), (1, 1))
    inner = BlockWalk(blocks, np.zeros((1, 3)), TWO_BLOCKS, np.zeros((2, 1, 1)))
    np.testing.assert_array_equal(inner.rows, [[0.25], [0.625]])
    np.testing.assert_array_equal(inner.kept, [0.75, 0.375])
    np.testing.assert_array_equal(inner.shares, [[1], [1]])
    assert inner.gathered(1) == 0.625 and inner.between(0) == 1 and inner.read == (1,)


def test_without_a_class_token_the_mean_of_the_patches_is_what_the_head_reads():
    blocks = TransformerBlocks("tokens", ("one", "two"), (1, 2), class_token=False)
    inner = BlockWalk(blocks, np.zeros((2, 3)), TWO_BLOCKS, np.zeros((2, 1, 2)))
    np.testing.assert_array_equal(inner.rows, [[0.375, 0.625], [0.375, 0.625]])
    np.testing.assert_array_equal(inner.attended, [[0.25, 0.75], [0.5, 0.5]])
    assert not inner.kept.any()


def test_of_a_backbones_channels_the_ones_that_vary_most_are_chosen():
    channels = np.stack([np.zeros((2, 2)), [[0, 1], [0, 1]], [[0, 9], [0, 9]]], axis=-1)
    chosen = most_varied(channels, 2)
    assert chosen.channels == 3 and chosen.chosen.tolist() == [2, 1]
    np.testing.assert_array_equal(chosen.maps[0], [[0, 9], [0, 9]])


# ---- against the network


def test_the_head_over_the_class_tokens_is_recomputed_from_its_weights(walk, classifier):
    logits, attention = classifier.forward(walk.image[None])
    assert walk.logit == pytest.approx(float(logits[0]), abs=1e-4)
    np.testing.assert_allclose(walk.attention, attention[0, 0], atol=1e-4)
    assert walk.grid == (1, 2) and walk.patch_grid == (4, 4)


def test_each_blocks_attention_is_the_networks(walk, classifier):
    import keras

    layer = classifier.network.get_layer("block1_attention")
    inside = keras.Model(classifier.network.input, layer.output[1])
    scores = np.asarray(inside(walk.image[None].astype(np.float32)))[0]
    np.testing.assert_allclose(walk.blocks.attention[1], scores.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(walk.blocks.heads[1], scores[:, 0, 1:], atol=1e-5)


def test_the_heatmap_carries_what_the_class_tokens_receive_on_to_the_patches(walk):
    first, second = walk.rolled.mean(axis=0)
    rows = walk.blocks.grown[:, 0, 1:]
    held = first * rows[0] + second * rows[1]
    np.testing.assert_allclose(walk.heatmap.values.ravel(), held / held.sum(), rtol=1e-5)


def test_the_temperature_of_the_head_changes_the_heatmap_and_not_the_blocks(walk):
    hot = walk.at(10.0)
    assert hot.blocks is walk.blocks and hot.logit != walk.logit
    assert not np.array_equal(hot.heatmap.values, walk.heatmap.values)


def test_a_transformer_without_the_attention_head_ends_in_what_it_answered():
    plain = built(TWO_LAYERS)
    walked = walk_through(plain, noise())
    assert not isinstance(walked, Walkthrough) and not has_head(TWO_LAYERS)
    assert walked.logit == pytest.approx(float(plain.forward(walked.image[None])[0][0]), abs=1e-5)
    expected = plain.analyse(noise()).heatmap.values
    np.testing.assert_allclose(walked.heatmap.values, expected, atol=1e-5)


def test_an_entry_says_what_can_be_shown(classifier):
    assert can_walk_through(classifier.bundle) and has_head(TINY_VIT) and has_head(TINY)
    assert not can_walk_through(replace(classifier.bundle, architecture=PLAIN_NETWORK))


# ---- the backbone


def test_stages_are_the_networks_own_maps_and_none_where_the_entry_names_none(classifier):
    import keras

    tiny = built(TINY)
    stages = stage_maps(tiny, noise())
    assert [stage.maps.shape for stage in stages] == [(3, 16, 16), (3, 8, 8)]
    inside = keras.Model(tiny.network.input, tiny.network.get_layer("relu2").output)
    whole = np.asarray(inside(noise()[None].astype(np.float32)))[0]
    np.testing.assert_allclose(stages[1].maps[0], whole[..., stages[1].chosen[0]], atol=1e-5)
    assert stage_maps(classifier, noise()) == []
