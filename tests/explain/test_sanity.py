"""Shuffled heads change the maps, and the served network never notices."""

import keras
import numpy as np
import pytest

from detector.explain import METHODS, Cancelled
from detector.explain.other_head import OtherHead, can_exchange
from detector.explain.sanity import Sanity, rank_correlation
from detector.explain.walkthrough import walk_through
from tests.support.networks import PLAIN_NETWORK, PLANTED, TINY, TINY_VIT, built, noise


@pytest.fixture(scope="module")
def tiny(made):
    return made(TINY, seed=1)


@pytest.mark.parametrize("method", METHODS)
def test_randomised_weights_change_every_map(tiny, method):
    photo = noise()
    heatmap = tiny.explain(photo, method)
    found = tiny.sanity_check(photo, heatmap)
    assert found.method == method and len(found.correlations) == 3
    assert found.changed and min(found.correlations) < 0.7


@pytest.mark.parametrize("method", METHODS)
def test_wholly_different_weights_change_every_map(made, method):
    """The same picture and another network: nothing of the map comes from the picture alone."""
    maps = [made(TINY, seed=seed).explain(noise(), method, towards="ai").values for seed in (1, 2)]
    assert not np.allclose(*maps, rtol=0.05)


def test_served_network_is_left_alone(tiny):
    photo = noise()
    weights, logit = [array.copy() for array in tiny.network.get_weights()], tiny.analyse(photo).logit
    tiny.sanity_check(photo, tiny.explain(photo, "grad-cam"))
    for before, after in zip(weights, tiny.network.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert tiny.analyse(photo).logit == logit


def test_only_the_head_is_shuffled_and_only_its_order(tiny):
    tiny.sanity_check(noise(), tiny.explain(noise(), "attention rollout"))
    shuffled, moved = tiny._shuffled.engine.network, set()
    for mine, theirs in zip(tiny.network.weights, shuffled.weights, strict=True):
        mine_array, theirs_array = mine.numpy(), theirs.numpy()
        np.testing.assert_array_equal(np.sort(mine_array, axis=None), np.sort(theirs_array, axis=None))
        if not np.array_equal(mine_array, theirs_array):
            moved.add(mine.path.split("/")[0])
    assert moved == {"attention", "hidden", "logit"}


@pytest.mark.parametrize("architecture", [TINY, TINY_VIT], ids=lambda each: each.name)
def test_another_head_in_numpy_answers_as_keras_would_with_it(architecture):
    served, rng = built(architecture).engine, np.random.default_rng(0)
    own = served.head_weights()
    shuffled = {name: rng.permutation(array.ravel()).reshape(array.shape) for name, array in own.items()}
    images = np.stack([noise(seed=0), noise(seed=1)])
    head = OtherHead(served)
    for weights in (own, shuffled):
        head.exchange(weights)
        with_these = keras.models.clone_model(served.network)
        with_these.set_weights(served.network.get_weights())
        for name in architecture.head:
            for variable in with_these.get_layer(name).weights:
                place = next(key for key in weights if variable.path.endswith(key))
                variable.assign(weights[place])
        expected = with_these(images.astype(np.float32), training=False)
        found = head.outputs(images)
        assert found.keys() >= {*expected, "features"}
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], np.asarray(values), atol=1e-4)
        logits, attention = head.forward(images)
        np.testing.assert_allclose(logits, expected["logit"][:, 0], atol=1e-4)
        np.testing.assert_allclose(attention, expected["attention"], atol=1e-4)


def test_what_another_head_receives_is_carried_down_the_blocks_of_an_encoder():
    classifier = built(TINY_VIT)
    image = classifier.bundle.preprocessing(noise())
    relevance = OtherHead(classifier.engine).outputs(image[None])["relevance"][0]
    np.testing.assert_allclose(relevance, walk_through(classifier, noise()).heatmap.values, atol=1e-5)


def test_another_kind_of_head_is_not_exchanged(made):
    plain = made(PLAIN_NETWORK, seed=1).engine
    assert not can_exchange(plain)
    with pytest.raises(ValueError, match="only the attention head"):
        OtherHead(plain)


def test_the_result_is_the_same_each_time(tiny):
    photo = noise()
    heatmap = tiny.explain(photo, "token contributions")
    assert tiny.sanity_check(photo, heatmap) == tiny.sanity_check(photo, heatmap)


def test_progress_counts_all_shuffles_and_cancels(tiny):
    told = []
    heatmap = tiny.explain(noise(), "occlusion")
    tiny.sanity_check(noise(), heatmap, progress=lambda *far: told.append(far))
    assert told == [(done, 51) for done in (8, 16, 17, 25, 33, 34, 42, 50, 51)]
    with pytest.raises(Cancelled):
        tiny.sanity_check(noise(), heatmap, cancelled=lambda: True)


def test_a_map_that_does_not_change_is_called_so():
    assert not Sanity("test", (0.9, 0.8, 0.7)).changed and Sanity("test", (0.9, 0.1, -0.2)).changed


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ([[1, 2], [3, 4]], 1),
        ([[4, 3], [2, 1]], -1),
        ([[10, 20], [30, 1000]], 1),
        ([[2, 1], [3, 4]], 0.8),
        ([[5, 5], [5, 5]], 0),
    ],
)
def test_rank_correlation_by_hand(second, expected):
    # 0.8: two neighbours changed places, 1 - 6 * 2 / (4 * 15)
    assert rank_correlation(np.array([[1, 2], [3, 4]]), np.array(second)) == pytest.approx(expected)


def test_a_network_that_looks_at_one_patch_still_does_when_its_head_is_shuffled(planted, planted_photo):
    """What the backbone alone decides does not change, and the check says so: of 16 patches the same one
    leads."""
    heatmap = planted.explain(planted_photo, "occlusion")
    assert (
        planted.sanity_check(planted_photo, heatmap).correlation > 0.5 and heatmap.values.argmax() == PLANTED
    )
