"""The walkthrough against the network it walks through: what is recomputed step by step must be what the
network answers."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from detector import architectures, engine
from detector.architectures import ARCHITECTURES
from detector.architectures.attention_head import HEAD_LAYERS
from detector.bundle import Bundle
from detector.classifier import Classifier
from detector.explain.walkthrough import (
    WalkthroughError,
    can_walk_through,
    tempered_softmax,
    walk_through,
)
from detector.images import Photo

WITH_ATTENTION = sorted(
    name
    for name, entry in ARCHITECTURES.items()
    if tuple(entry.head) == HEAD_LAYERS and entry.tokens_have_places
)


def noise(height: int = 300, width: int = 420) -> np.ndarray:
    """uint8 (height, width, 3): stripes and noise, so that patches differ."""
    rng = np.random.default_rng(3)
    stripes = (
        np.linspace(0, 200, width)[None, :, None]
        * (1 + np.sin(np.linspace(0, 20, height)))[:, None, None]
        / 2
    )
    return np.clip(stripes + rng.integers(0, 56, (height, width, 3)), 0, 255).astype(np.uint8)


def built(name: str, **arguments) -> Classifier:
    """A classifier of that architecture whose head has random weights and biases, decided enough for
    attention that is not even."""
    architecture = architectures.get(name)
    arguments = architecture.complete(arguments)
    keras.utils.set_random_seed(5)  # of the backbone
    network, rng = architecture.build(None, **arguments), np.random.default_rng(5)
    for layer in ("attention", "hidden", "logit"):
        for variable in network.get_layer(layer).weights:
            scale = 1 / np.sqrt(np.prod(variable.shape[:-1])) if variable.name == "kernel" else 0.1
            variable.assign(rng.normal(0, scale, variable.shape))
    bundle = Bundle(
        Path("built"), {}, architecture, arguments, architecture.preprocessing, 1.7, 0.5, (0.45, 0.55), ""
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "load_network", lambda bundle: network)
        classifier = Classifier(bundle)
    query, image = network.get_layer("attention").query_dense, bundle.preprocessing(noise())[None]
    while _peak(classifier.forward(image)[1]) < 2:  # an even attention would agree with nearly anything
        query.set_weights([3 * array for array in query.get_weights()])
    return classifier


def _peak(attention: np.ndarray) -> float:
    """The largest weight over the uniform share, in the head that is most even."""
    return float(attention.max(axis=(-1, -2)).min() * attention.shape[-1])


@pytest.fixture(
    scope="module",
    params=[(name, heads) for name in WITH_ATTENTION for heads in (1, 4)],
    ids=lambda pair: f"{pair[0]}, heads {pair[1]}",
)
def walked(request):
    """(classifier, its walkthrough of ``noise()``) for every architecture with attention, with one head
    and with four."""
    name, heads = request.param
    classifier = built(name, heads=heads)
    return classifier, walk_through(classifier, noise())


@pytest.fixture(scope="module", params=[1, 4], ids=lambda heads: f"heads {heads}")
def tiny(request) -> Classifier:
    return built("tiny-attention", heads=request.param)


# ---- agreement with the network ----


def test_softmax_of_the_scores_is_the_networks_attention(walked):
    classifier, walk = walked
    _, attention = classifier.forward(walk.image[None])
    np.testing.assert_allclose(walk.attention, attention[0, 0], atol=1e-4)
    assert walk.difference < 1e-4


def test_recomputed_logit_is_the_networks(walked):
    classifier, walk = walked
    assert walk.logit == pytest.approx(float(classifier.forward(walk.image[None])[0][0]), abs=1e-4)


def test_probability_verdict_heatmap_and_region_are_those_of_the_analysis(walked):
    classifier, walk = walked
    analysis = classifier.analyse(noise())
    assert walk.y_score == pytest.approx(analysis.y_score, abs=1e-4)
    assert (walk.verdict, walk.threshold, walk.region) == (
        analysis.verdict,
        analysis.threshold,
        analysis.region,
    )
    np.testing.assert_allclose(walk.heatmap.values, analysis.heatmap.values, atol=1e-6)


def test_shares_are_the_token_contributions_and_sum_to_the_logit_with_the_biases(tiny):
    walk, explained = walk_through(tiny, noise()), tiny.explain(noise(), "token contributions")
    np.testing.assert_allclose(walk.contributions, explained.values.ravel(), atol=1e-4)
    assert walk.constant == pytest.approx(explained.constant, abs=1e-4)


def test_shares_of_the_pooled_vector_sum_to_1_with_the_bias(walked):
    _, walk = walked
    bias = walk.weights.output[1] @ walk.pooled / (walk.pooled @ walk.pooled)
    assert walk.pooled_shares.sum() + bias == pytest.approx(1, abs=1e-4)


def test_shapes(walked):
    classifier, walk = walked
    rows, columns = classifier.bundle.architecture.grid
    n, m, d, size = (
        rows * columns,
        classifier.bundle.arguments["heads"],
        classifier.bundle.arguments["key_dim"],
        walk.image.shape[0],
    )
    assert (walk.width, walk.height, walk.pixels.shape) == (420, 300, (300, 420, 3))
    assert (
        walk.image.shape == (size, size, 3)
        and walk.canonical.shape[0] == classifier.bundle.preprocessing.short_side
    )
    channels = walk.features.shape[-1]
    assert walk.features.shape == (
        rows,
        columns,
        channels,
    ) and walk.tokens.shape == walk.mixed.shape == walk.attended.shape == (n, channels)
    assert walk.queries.shape == walk.keys.shape == walk.values.shape == (n, m, d)
    assert (
        walk.scores.shape == walk.attention.shape == (m, n, n)
        and walk.rolled.shape == (n, n)
        and walk.heatmap.grid == (rows, columns)
    )
    assert walk.pooled.shape == (channels,) and walk.hidden.shape == (classifier.bundle.arguments["hidden"],)


def test_without_a_residual_nothing_is_kept_and_the_steps_still_agree():
    classifier = built("tiny-attention", residual=False)
    walk = walk_through(classifier, noise())
    assert walk.difference < 1e-4 and not walk.kept.any()
    np.testing.assert_allclose(walk.rolled, walk.attention.mean(axis=0))
    np.testing.assert_array_equal(walk.attended, walk.mixed)


def test_the_served_network_answers_as_before(tiny):
    image = tiny.bundle.preprocessing(noise())[None]
    before, weights = tiny.forward(image), tiny.network.get_weights()
    walk_through(tiny, noise()).at(3.0).logit  # noqa: B018
    for one, other in zip(before, tiny.forward(image), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(weights, tiny.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_way_to_the_feature_map_is_compiled_once_whatever_the_photos_size(monkeypatch):
    classifier, made = built("tiny-attention"), []
    answering = engine.answering

    def counted(network, bundle):
        made.append(network)
        return answering(network, bundle)

    monkeypatch.setattr(engine, "answering", counted)
    for size in ((300, 420), (48, 64), (500, 90)):
        walk_through(classifier, noise(*size))
    assert len(made) == 1


def test_a_photo_keeps_the_size_it_has_in_the_file(tiny):
    walk = walk_through(tiny, Photo(noise(), 4200, 3000, "JPEG", ()))
    assert (walk.width, walk.height, walk.pixels.shape) == (4200, 3000, (300, 420, 3))


# ---- temperature ----


def test_softmax_by_hand():
    scores = np.log([[1.0, 4.0], [1.0, 1.0]])
    np.testing.assert_allclose(tempered_softmax(scores, 1), [[0.2, 0.8], [0.5, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(
        tempered_softmax(scores, 2), [[1 / 3, 2 / 3], [0.5, 0.5]], rtol=1e-6
    )  # square roots: 1 to 2
    np.testing.assert_allclose(
        tempered_softmax(scores, 0.5), [[1 / 17, 16 / 17], [0.5, 0.5]], rtol=1e-6
    )  # squares: 1 to 16


def test_softmax_does_not_overflow():
    np.testing.assert_array_equal(tempered_softmax(np.array([1000.0, 0.0, -1000.0]), 0.1), [1, 0, 0])


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_softmax_needs_a_temperature_above_0(temperature):
    with pytest.raises(ValueError, match="above 0"):
        tempered_softmax(np.zeros(2), temperature)


@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_at_another_temperature_all_that_follows_is_what_such_a_network_answers(tiny, temperature):
    """Dividing the queries by t divides the scores by t: that network has the temperature t built in."""
    walk = walk_through(tiny, noise()).at(temperature)
    query = tiny.network.get_layer("attention").query_dense
    own = query.get_weights()
    query.set_weights([array / temperature for array in own])
    try:
        analysis = tiny.analyse(noise())
        explained = tiny.explain(noise(), "token contributions")
    finally:
        query.set_weights(own)
    assert walk.logit == pytest.approx(analysis.logit, abs=1e-4) and walk.y_score == pytest.approx(
        analysis.y_score, abs=1e-4
    )
    assert walk.heatmap.peak == pytest.approx(analysis.heatmap.peak, abs=1e-4)
    np.testing.assert_allclose(walk.contributions, explained.values.ravel(), atol=1e-4)


def test_temperature_1_is_the_walkthrough_itself(tiny):
    walk = walk_through(tiny, noise())
    assert walk.at(1.0) is walk and walk.at(2.0).at(1.0).logit == walk.logit


def test_patches_in_view_and_peak_go_from_one_patch_to_all(tiny):
    walk = walk_through(tiny, noise())
    n = len(walk.tokens)
    walk = replace(
        walk, scores=np.random.default_rng(0).normal(size=walk.scores.shape)
    )  # without the ties of patches that look alike
    cold, hot = walk.at(1e-4), walk.at(1e4)
    assert cold.patches_in_view == pytest.approx(1, abs=0.05) and cold.peak == pytest.approx(n, rel=1e-3)
    assert (
        hot.patches_in_view == pytest.approx(n, rel=1e-3)
        and hot.peak == pytest.approx(1, abs=0.01)
        and hot.heatmap.diffuse
    )
    assert cold.patches_in_view < walk.patches_in_view < hot.patches_in_view


def test_entropy_of_an_even_row_is_the_logarithm_of_n(tiny):
    walk = walk_through(tiny, noise())
    even = replace(walk, scores=np.zeros_like(walk.scores))
    np.testing.assert_allclose(even.entropy, np.log2(len(walk.tokens)), atol=1e-6)


# ---- networks that are not like that ----


def test_an_architecture_without_the_attention_head_says_so(tiny):
    bare = replace(tiny.bundle, architecture=replace(tiny.bundle.architecture, head=("pooled", "logit")))
    assert not can_walk_through(bare) and can_walk_through(tiny.bundle)
    other = built("tiny-attention")
    other.bundle = bare
    with pytest.raises(WalkthroughError, match="tiny-attention has no attention head"):
        walk_through(other, noise())


def test_a_picture_that_moves_no_hidden_unit_is_walked_through():
    classifier = built("tiny-attention")
    for name in ("hidden", "logit"):
        layer = classifier.network.get_layer(name)
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, np.full_like(bias, -1e6 if name == "hidden" else 0)])
    walk = walk_through(classifier, noise())
    assert walk.logit == walk.answered == 0


def test_steps_that_do_not_lead_to_the_networks_answer_are_not_shown():
    classifier = built("tiny-attention")
    classifier.engine.bundle = replace(
        classifier.bundle, arguments={**classifier.bundle.arguments, "residual": False}
    )  # it has one
    with pytest.raises(WalkthroughError, match="do not lead to what the network answers"):
        walk_through(classifier, noise())
